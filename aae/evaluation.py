"""What was measured of a checkpoint, and where that is kept.

A result can be kept beside its checkpoint, ``mnist-10d.evaluation.json`` for ``mnist-10d.safetensors``, where
`stored_evaluation` finds it: one JSON object with ``format`` = "aae-evaluation", ``format_version`` = 1, ``file`` and
``sha256`` of the checkpoint that was measured (a result of other weights is not found), ``ceiling_of`` (the autoencoder's file
name, or ""), and ``quality``, the fields of `measures.Quality`. Numbers have six significant digits.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from dataclasses import dataclass, replace
from pathlib import Path

from aae.checkpoints import write_atomically
from aae.classifier import FOLDER
from aae.config import Json
from aae.errors import CheckpointError
from aae.measures import MEASURES, Measure, Quality

FORMAT = "aae-evaluation"
FORMAT_VERSION = 1


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


def store(path: Path, evaluation: Evaluation) -> None:
    """Keep an evaluation beside its checkpoint; raises `CheckpointError` if that cannot be written."""
    try:
        write_atomically(evaluation_path(path), f"{evaluation.to_json()}\n".encode())
    except OSError as error:
        raise CheckpointError(f"{evaluation_path(path)} cannot be written ({error.strerror or error}).") from error
