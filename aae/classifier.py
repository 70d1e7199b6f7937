"""A small classifier, ours, whose features the Fréchet distance is taken in and whose classes tell what samples show.

``python -m aae classifier --dataset mnist`` trains it and writes ``checkpoints/classifier-mnist.safetensors``.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import get_args

import torch
import torch.nn.functional as F
from safetensors import SafetensorError, safe_open
from safetensors.torch import save as to_safetensors
from torch import Tensor, nn

from aae.checkpoints import write_atomically
from aae.config import Dataset
from aae.data import ImageData, load_images, to_model_range
from aae.errors import CheckpointError

FORMAT = "aae-classifier"
FEATURES = 64
FOLDER = Path(__file__).resolve().parent.parent / "checkpoints"


class Classifier(nn.Module):
    """A convolutional network of about 110,000 weights: images to 64 features, features to class logits."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.classes = classes
        self.trunk = nn.Sequential(
            nn.Conv2d(1, 16, 3, stride=2, padding=1),  # (N, 1, 32, 32) -> (N, 16, 16, 16)
            nn.BatchNorm2d(16),
            nn.ReLU(),
            nn.Conv2d(16, 32, 3, stride=2, padding=1),  # -> (N, 32, 8, 8)
            nn.BatchNorm2d(32),
            nn.ReLU(),
            nn.Conv2d(32, 64, 3, stride=2, padding=1),  # -> (N, 64, 4, 4)
            nn.BatchNorm2d(64),
            nn.ReLU(),
            nn.Flatten(),  # -> (N, 1024)
            nn.Dropout(0.3),
            nn.Linear(1024, FEATURES),
            nn.ReLU(),
        )
        self.head = nn.Linear(FEATURES, classes)

    def features(self, x: Tensor) -> Tensor:
        """x `(N, 1, 32, 32)` in [-1, 1] to non-negative features `(N, 64)`."""
        return self.trunk(x)

    def forward(self, x: Tensor) -> Tensor:
        """x `(N, 1, 32, 32)` in [-1, 1] to class logits `(N, classes)`."""
        return self.head(self.features(x))


@torch.no_grad()
def accuracy(classifier: Classifier, data: ImageData) -> float:
    """Share of images whose class is told right, in [0, 1]; the classifier must be in eval mode."""
    right = 0
    for images, labels in zip(data.images.split(2048), data.labels.split(2048), strict=True):
        right += int((classifier(to_model_range(images)).argmax(1) == labels).sum())
    return right / len(data)


def train_classifier(data: ImageData, epochs: int = 3, seed: int = 0, batch_size: int = 128) -> Classifier:
    """A classifier trained with cross-entropy and Adam, the rate falling linearly from 2e-3 to 0; in eval mode.

    The seed sets weights, order and dropout; the caller's global random state is left as it was.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        classifier = Classifier(len(data.class_names)).to(memory_format=torch.channels_last)
        optimiser = torch.optim.Adam(classifier.parameters(), 2e-3, fused=True)
        steps = epochs * max(len(data) // batch_size, 1)
        schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: 1 - step / steps)
        classifier.train()
        for _ in range(epochs):
            for chosen in torch.randperm(len(data)).split(batch_size):
                if len(chosen) < min(batch_size, len(data)):
                    continue  # a small last batch would upset the batch norm
                x = to_model_range(data.images[chosen]).contiguous(memory_format=torch.channels_last)
                loss = F.cross_entropy(classifier(x), data.labels[chosen])
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()
                schedule.step()
    return classifier.to(memory_format=torch.contiguous_format).eval()


def save_classifier(path: str | PathLike[str], classifier: Classifier, dataset: str, test_accuracy: float) -> None:
    """Write a classifier with its data set and accuracy; raises `CheckpointError` if the file cannot be written."""
    metadata = {"format": FORMAT, "format_version": "1", "dataset": dataset, "classes": str(classifier.classes)}
    metadata["test_accuracy"] = json.dumps(round(test_accuracy, 4))
    try:
        write_atomically(Path(path), to_safetensors(classifier.state_dict(), metadata))
    except OSError as error:
        raise CheckpointError(f"{path} cannot be written ({error.strerror or error}); choose another place.") from error


def load_classifier(path: str | PathLike[str]) -> Classifier:
    """The classifier of a file, in evaluation mode; raises `CheckpointError` if it is missing or not one of ours."""
    path = Path(path)
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            weights = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 (not a dict)
        if metadata.get("format") != FORMAT or metadata.get("format_version") != "1":
            raise CheckpointError(f"{path.name} is not a classifier of this app.")
        classifier = Classifier(int(metadata["classes"]))
        classifier.load_state_dict(weights)
    except FileNotFoundError as error:
        raise CheckpointError(f"There is no classifier at {path}; train one with `python -m aae classifier`.") from error
    except (SafetensorError, OSError, ValueError, KeyError, RuntimeError) as error:
        raise CheckpointError(f"{path.name} is damaged or not a classifier of this app; train it anew.") from error
    return classifier.eval()


def classifier_path(dataset: str) -> Path:
    """Where the shipped classifier of a data set lies; the offline sample is MNIST, so it takes MNIST's."""
    return FOLDER / f"classifier-{'mnist' if dataset == 'digits-sample' else dataset}.safetensors"


def main(arguments: Sequence[str] | None = None) -> int:
    """``python -m aae classifier``: train, test and write a feature classifier; prints its accuracy."""
    parser = argparse.ArgumentParser(prog="python -m aae classifier", description=main.__doc__)
    parser.add_argument("--dataset", choices=get_args(Dataset), default="mnist")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("--out", type=Path, help="file to write (default: checkpoints/classifier-DATASET.safetensors)")
    options = parser.parse_args(arguments)
    data = load_images(options.dataset, "train", options.data_dir)
    classifier = train_classifier(data, options.epochs, options.seed)
    share = accuracy(classifier, load_images(data.dataset, "test", options.data_dir))
    out = options.out or classifier_path(data.dataset)
    save_classifier(out, classifier, data.dataset, share)
    print(f"{out}: {share:.2%} of the test images of {data.dataset} right")  # noqa: T201
    return 0
