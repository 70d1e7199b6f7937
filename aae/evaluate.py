"""``python -m aae evaluate FILE …``: every measure of a checkpoint beside its floor and an autoencoder's, table or JSON."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from tqdm import tqdm

from aae.checkpoints import Checkpoint, load_checkpoint
from aae.classifier import FOLDER, classifier_path, load_classifier
from aae.data import ImageData, load_images
from aae.errors import CheckpointError
from aae.evaluation import Evaluation, sha256, shipped_ceiling, store, stored_evaluation, with_ceiling
from aae.measures import Quality, Stage
from aae.metrics import measuring
from aae.tables import table, write_into_card


def evaluate(
    path: Path,
    data_dir: Path | None = None,
    classifier: Path | None = None,
    seed: int = 0,
    ceiling: Path | None = None,
    progress: Callable[[Stage], None] | None = None,
) -> Evaluation:
    """Measure a checkpoint on the held-out images of its data set.

    Args:
        path: the checkpoint.
        data_dir: torchvision's root; the offline sample stands in where the images cannot be had (`quality.notice`).
        classifier: file of the feature classifier; the shipped one of the data set if None.
        seed: decides every draw.
        ceiling: checkpoint of a plain autoencoder to measure beside it; if None, the stored evaluation of the shipped one of
            the same size, or that one measured on the images at hand.
        progress: called with each stage; a bar on the terminal if None.

    Raises:
        CheckpointError: the file is no checkpoint, does not say what it was trained on, or there is no classifier.
    """
    checkpoint = load_checkpoint(path)
    held_out, train = images_of(checkpoint, path, data_dir)
    if held_out.notice:
        held_out = replace(held_out, notice=f"{held_out.notice} The model may have been trained on some of them.")
    features = classifier or classifier_path(held_out.dataset)
    quality = measured(checkpoint, held_out, train, features, seed, path.stem, progress)
    if ceiling is None and checkpoint.objective != "ae":
        stored = shipped_ceiling(quality)
        if stored is not None:
            return Evaluation(path.name, sha256(path), with_ceiling(quality, stored.quality), stored.file)
        ceiling = _shipped_autoencoder(checkpoint)
    if ceiling is None:
        return Evaluation(path.name, sha256(path), quality)
    best = measured(load_checkpoint(ceiling), held_out, train, features, seed, ceiling.stem, progress)
    return Evaluation(path.name, sha256(path), with_ceiling(quality, best), ceiling.name)


def images_of(checkpoint: Checkpoint, path: Path, data_dir: Path | None = None) -> tuple[ImageData, ImageData]:
    """Held-out and training images of what a checkpoint was trained on; `CheckpointError` if it does not say."""
    if checkpoint.record is None:
        raise CheckpointError(f"{path} does not say what it was trained on, so it cannot be measured.")
    held_out = load_images(checkpoint.record.dataset, "test", data_dir)
    return held_out, load_images(held_out.dataset, "train", data_dir)


def measured(
    checkpoint: Checkpoint,
    held_out: ImageData,
    train: ImageData,
    classifier: Path,
    seed: int,
    name: str,
    progress: Callable[[Stage], None] | None = None,
    known: Quality | None = None,
) -> Quality:
    """As `metrics.measure` (`known` being its `floors`), with a bar on the terminal; `name` says what is measured."""
    steps = measuring(checkpoint.model(), held_out, train, load_classifier(classifier), seed, known)
    with tqdm(total=1.0, desc=name, bar_format="{desc} |{bar}| {percentage:.0f}%", leave=False, disable=None) as bar:
        for step in steps:
            if isinstance(step, Stage):
                bar.set_description_str(f"{name}: {step.text}")
                bar.update(step.share - bar.n)
                if progress:
                    progress(replace(step, text=f"{name}: {step.text}"))
            else:
                return step
    raise AssertionError("measuring ends with a Quality")


def _shipped_autoencoder(checkpoint: Checkpoint, folder: Path = FOLDER) -> Path | None:
    for path in sorted(folder.glob("*-ae.safetensors")):
        if _kind(load_checkpoint(path)) == _kind(checkpoint):
            return path
    return None


def _kind(checkpoint: Checkpoint) -> tuple[str | None, int, int]:
    config = checkpoint.model_config
    return checkpoint.record.dataset if checkpoint.record else None, config.latent_dim, config.hidden_dim


def main(arguments: Sequence[str] | None = None) -> int:
    """``python -m aae evaluate``: measure checkpoints on held-out images; prints a Markdown table for each."""
    parser = argparse.ArgumentParser(prog="python -m aae evaluate", description=main.__doc__)
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
    parser.add_argument("--data-dir", type=Path, help="torchvision's root (default: AAE_DATA_DIR or the cache folder)")
    parser.add_argument("--classifier", type=Path, help="feature classifier (default: the shipped one of the data set)")
    parser.add_argument("--ceiling", type=Path, metavar="FILE", help="autoencoder to compare with (default: the shipped one)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true", help="one JSON object a file instead of a table")
    parser.add_argument("--progress", action="store_true", help="tell each stage as a JSON object on standard error")
    parser.add_argument("--store", action="store_true", help="keep each result beside its FILE, where the page finds it")
    parser.add_argument("--card", type=Path, metavar="FILE", help="write each table into this Markdown file, at its marks")
    parser.add_argument("--stored", action="store_true", help="print what is kept beside FILE; nothing is measured")
    options = parser.parse_args(arguments)
    progress = _tell if options.progress else None
    for path in options.files:
        if options.stored:
            evaluation = stored_evaluation(path)
            if evaluation is None:
                raise CheckpointError(f"There is no evaluation of these weights beside {path}; make one with --store.")
        else:
            evaluation = evaluate(path, options.data_dir, options.classifier, options.seed, options.ceiling, progress)
            evaluation = Evaluation.from_json(evaluation.to_json())  # as it is kept: a table made later rounds it alike
            if evaluation.quality.notice:
                print(evaluation.quality.notice, file=sys.stderr)  # noqa: T201
        if options.store:
            store(path, evaluation)
        if options.card:
            write_into_card(options.card, path.stem, table(evaluation))
        print(evaluation.to_json() if options.json else f"{table(evaluation)}\n", flush=True)  # noqa: T201
    return 0


def _tell(stage: Stage) -> None:
    print(json.dumps(dataclasses.asdict(stage)), file=sys.stderr, flush=True)  # noqa: T201
