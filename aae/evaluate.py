"""``python -m aae evaluate FILE …``: the numbers of `metrics.measure` for checkpoints, with floors, as a table or JSON."""

from __future__ import annotations

import argparse
import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path

from aae.checkpoints import load_checkpoint
from aae.classifier import classifier_path, load_classifier
from aae.data import load_images
from aae.errors import CheckpointError
from aae.metrics import Quality, measure

ROWS = {
    "l1": "Test L1, sampled codes",
    "l1_of_means": "Test L1, posterior means",
    "posterior_sigma": "Mean posterior σ",
    "ks_mean": "KS distance, mean",
    "ks_worst": "KS distance, worst dimension",
    "ks_floor": "… floor (prior, mean)",
    "sliced_wasserstein": "Sliced Wasserstein",
    "sliced_wasserstein_floor": "… floor (prior against prior)",
    "frechet_samples": "Fréchet, prior samples",
    "frechet_reconstructions": "Fréchet, reconstructions",
    "frechet_floor": "… floor (real against real)",
    "class_entropy": "Class entropy of samples",
    "class_entropy_real": "… of test images",
}
"""What the table calls each number of `Quality`."""


def evaluate(path: Path, data_dir: Path | None = None, classifier: Path | None = None, seed: int = 0) -> Quality:
    """Measure a checkpoint on the held-out images of its data set.

    Raises:
        CheckpointError: the file is no checkpoint, does not say what it was trained on, or there is no classifier.
    """
    checkpoint = load_checkpoint(path)
    if checkpoint.record is None:
        raise CheckpointError(f"{path} does not say what it was trained on, so it cannot be measured.")
    held_out = load_images(checkpoint.record.dataset, "test", data_dir)
    train = load_images(held_out.dataset, "train", data_dir)
    return measure(checkpoint.model(), held_out, train, load_classifier(classifier or classifier_path(held_out.dataset)), seed)


def table(qualities: dict[str, Quality]) -> str:
    """A Markdown table: a row for each number, a column for each checkpoint."""
    lines = ["| | " + " | ".join(qualities) + " |", "|---|" + "---:|" * len(qualities)]
    for name, title in ROWS.items():
        digits = 2 if "frechet" in name else 4
        values = [f"{getattr(quality, name):.{digits}f}" for quality in qualities.values()]
        lines.append(f"| {title} | {' | '.join(values)} |")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """``python -m aae evaluate``: measure checkpoints on held-out images."""
    parser = argparse.ArgumentParser(prog="python -m aae evaluate", description=main.__doc__)
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("--classifier", type=Path, help="feature classifier (default: the shipped one of the data set)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true", help="one JSON object a file")
    options = parser.parse_args(arguments)
    qualities = {}
    for path in options.files:
        qualities[path.stem] = quality = evaluate(path, options.data_dir, options.classifier, options.seed)
        if options.json:
            print(json.dumps({"file": str(path), **dataclasses.asdict(quality)}), flush=True)  # noqa: T201
    if not options.json:
        print(table(qualities))  # noqa: T201
    return 0
