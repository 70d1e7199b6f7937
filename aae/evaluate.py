"""``python -m aae evaluate FILE …``: every measure of a checkpoint beside its floor and a plain autoencoder's, table or JSON.

A result can be kept beside its checkpoint, ``mnist-10d.evaluation.json`` for ``mnist-10d.safetensors``, where
`stored_evaluation` finds it: one JSON object with ``format`` = "aae-evaluation", ``format_version`` = 1, ``file`` and
``sha256`` of the checkpoint that was measured (a result of other weights is not found), ``ceiling_of`` (the autoencoder's file
name, or ""), and ``quality``, the fields of `measures.Quality`. Numbers have six significant digits.
"""

from __future__ import annotations

import argparse
import dataclasses
import hashlib
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tqdm import tqdm

from aae.checkpoints import Checkpoint, load_checkpoint, write_atomically
from aae.classifier import FOLDER, classifier_path, load_classifier
from aae.config import Json
from aae.data import TITLES, ImageData, load_images
from aae.errors import CheckpointError
from aae.measures import MEASURES, Measure, Quality, Stage
from aae.metrics import measuring

FORMAT = "aae-evaluation"
FORMAT_VERSION = 1
GROUPS = {
    "match": "q(z) against the prior",
    "reconstruction": "Reconstruction",
    "codes": "What the codes tell",
    "samples": "Images, in the features of a small classifier",
}


@dataclass(frozen=True)
class Evaluation:
    """A checkpoint's quality, and of which file it is."""

    file: str
    sha256: str
    quality: Quality
    ceiling_of: str = ""
    """File name of the autoencoder that the ceilings are of; empty if there are none."""

    def to_json(self) -> str:
        """One line that `from_json` reads back."""
        values = {"format": FORMAT, "format_version": FORMAT_VERSION, **dataclasses.asdict(self)}
        return json.dumps(rounded(values), ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> Evaluation:
        """Raises `CheckpointError` unless the text is a stored evaluation of this format."""
        try:
            values = json.loads(text)
            if values.pop("format") != FORMAT or values.pop("format_version") != FORMAT_VERSION:
                raise ValueError("another format")
            quality = values.pop("quality")
            measures = {name: Measure(**measure) for name, measure in quality.pop("measures").items()}
            if set(measures) != set(MEASURES):
                raise ValueError("other measures")
            return cls(quality=Quality(measures=measures, **quality), **values)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise CheckpointError(
                "This is not a stored evaluation of this app; make it anew with `evaluate --store`."
            ) from error


def rounded(value: Json) -> Json:
    """The same with every float of six significant digits, for files that people compare."""
    match value:
        case float():
            return float(f"{value:.6g}")
        case dict():
            return {key: rounded(entry) for key, entry in value.items()}
        case list():
            return [rounded(entry) for entry in value]
    return value


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
    quality = _measured(checkpoint, held_out, train, features, seed, path.stem, progress)
    if ceiling is None and checkpoint.objective != "ae":
        stored = shipped_ceiling(quality)
        if stored is not None:
            return Evaluation(path.name, sha256(path), with_ceiling(quality, stored.quality), stored.file)
        ceiling = _shipped_autoencoder(checkpoint)
    if ceiling is None:
        return Evaluation(path.name, sha256(path), quality)
    best = _measured(load_checkpoint(ceiling), held_out, train, features, seed, ceiling.stem, progress)
    return Evaluation(path.name, sha256(path), with_ceiling(quality, best), ceiling.name)


def images_of(checkpoint: Checkpoint, path: Path, data_dir: Path | None = None) -> tuple[ImageData, ImageData]:
    """Held-out and training images of what a checkpoint was trained on; `CheckpointError` if it does not say."""
    if checkpoint.record is None:
        raise CheckpointError(f"{path} does not say what it was trained on, so it cannot be measured.")
    held_out = load_images(checkpoint.record.dataset, "test", data_dir)
    return held_out, load_images(held_out.dataset, "train", data_dir)


def _measured(
    checkpoint: Checkpoint,
    held_out: ImageData,
    train: ImageData,
    classifier: Path,
    seed: int,
    name: str,
    progress: Callable[[Stage], None] | None,
) -> Quality:
    steps = measuring(checkpoint.model(), held_out, train, load_classifier(classifier), seed)
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


def with_ceiling(quality: Quality, ceiling: Quality) -> Quality:
    """The same with the measures of a plain autoencoder as ceilings."""
    measures = {name: replace(value, ceiling=ceiling.measures[name].value) for name, value in quality.measures.items()}
    return replace(quality, measures=measures)


def shipped_ceiling(quality: Quality, folder: Path = FOLDER) -> Evaluation | None:
    """The stored evaluation of a plain autoencoder of the same size, on the same images; None if none is shipped."""
    for path in sorted(folder.glob("*-ae.evaluation.json")):
        found = Evaluation.from_json(path.read_text(encoding="utf-8"))
        same = ("dataset", "images", "latent_dim", "hidden_dim")
        if all(getattr(found.quality, name) == getattr(quality, name) for name in same):
            return found
    return None


def _shipped_autoencoder(checkpoint: Checkpoint, folder: Path = FOLDER) -> Path | None:
    for path in sorted(folder.glob("*-ae.safetensors")):
        if _kind(load_checkpoint(path)) == _kind(checkpoint):
            return path
    return None


def _kind(checkpoint: Checkpoint) -> tuple[str | None, int, int]:
    config = checkpoint.model_config
    return checkpoint.record.dataset if checkpoint.record else None, config.latent_dim, config.hidden_dim


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def evaluation_path(path: Path) -> Path:
    """Where the evaluation of a checkpoint is kept: beside it."""
    return path.with_suffix(".evaluation.json")


def stored_evaluation(path: Path) -> Evaluation | None:
    """The evaluation kept beside a checkpoint; None if there is none, or it is of other weights or another format."""
    try:
        found = Evaluation.from_json(evaluation_path(path).read_text(encoding="utf-8"))
    except (OSError, CheckpointError):
        return None
    return found if found.sha256 == sha256(path) else None


def table(evaluation: Evaluation) -> str:
    """A Markdown table: a row for each measure with its value, its floor and the autoencoder's, and what it was measured on."""
    quality = evaluation.quality
    rows = [("", evaluation.file.removesuffix(".safetensors"), "floor", "autoencoder")]
    for group, title in GROUPS.items():
        rows.append((f"**{title}**", "", "", ""))
        for name, about in MEASURES.items():
            if about.group == group:
                rows.append((about.title, *cells(quality.measures[name], about.digits)))
    return "\n".join([about_measurement(evaluation), "", *aligned(rows)])


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Lines of a Markdown table of these rows, the first its head; padded, so that it reads on a terminal too."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [_line(row, widths) for row in rows]
    lines.insert(1, "|" + "|".join(["-" * (widths[0] + 2), *["-" * (width + 1) + ":" for width in widths[1:]]]) + "|")
    return lines


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    first, *rest = row
    return "| " + " | ".join([first.ljust(widths[0]), *[c.rjust(w) for c, w in zip(rest, widths[1:], strict=True)]]) + " |"


def cells(measure: Measure, digits: int) -> tuple[str, str, str]:
    """A measure's value (with error and p), floor and autoencoder's value as text; empty where there is none."""

    def number(value: float | None, spread: float | None = None) -> str:
        if value is None:
            return ""
        return f"{value:.{digits}f}" + ("" if spread is None else f" ± {spread:.{digits}f}")

    p = "" if measure.p_value is None else f" (p {'< 0.001' if measure.p_value < 0.001 else f'{measure.p_value:.3f}'})"
    return number(measure.value, measure.error) + p, number(measure.floor, measure.floor_spread), number(measure.ceiling)


def about_measurement(evaluation: Evaluation) -> str:
    """What a table was measured on, in a sentence or two of Markdown."""
    quality = evaluation.quality
    shares = ", ".join(f"{share:.1%}" for share in quality.class_shares)
    beside = f" Autoencoder: `{evaluation.ceiling_of}`." if evaluation.ceiling_of else ""
    return (
        f"{quality.notice} Measured on {quality.images:,} test images of {TITLES[quality.dataset]}, seed {quality.seed}; "
        f"codes sampled from q(z|x).{beside} Classes of its samples: {shares}. Parzen σ {quality.parzen_sigma:.3f}."
    ).strip()


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


def store(path: Path, evaluation: Evaluation) -> None:
    """Keep an evaluation beside its checkpoint; raises `CheckpointError` if that cannot be written."""
    try:
        write_atomically(evaluation_path(path), f"{evaluation.to_json()}\n".encode())
    except OSError as error:
        raise CheckpointError(f"{evaluation_path(path)} cannot be written ({error.strerror or error}).") from error


def write_into_card(card: Path, name: str, text: str) -> None:
    """Replace what stands in a Markdown file between ``<!-- evaluation of NAME -->`` and the next ``<!-- end -->``.

    Raises:
        CheckpointError: the file cannot be read or written, or has no such marks.
    """
    begin, end = f"<!-- evaluation of {name} -->", "<!-- end -->"
    try:
        before, found, rest = card.read_text(encoding="utf-8").partition(begin)
        _, ended, after = rest.partition(end)
        if not (found and ended):
            raise CheckpointError(f"{card} has no place for {name}; mark it with {begin} and {end}.")
        write_atomically(card, f"{before}{begin}\n\n{text}\n\n{end}{after}".encode())
    except OSError as error:
        raise CheckpointError(f"{card} cannot be read or written ({error.strerror or error}).") from error
