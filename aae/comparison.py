"""A plain, a variational and an adversarial autoencoder side by side: what `python -m aae compare` finds, and its table."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from aae.classifier import FOLDER
from aae.config import Dataset, Objective
from aae.data import TITLES
from aae.errors import CheckpointError
from aae.evaluation import rounded
from aae.measures import MEASURES
from aae.tables import GROUPS, aligned

FORMAT = "aae-comparison"
FORMAT_VERSION = 1
OBJECTIVES: tuple[Objective, ...] = ("ae", "vae", "aae")


@dataclass(frozen=True)
class Spread:
    """A measure over several trainings: its mean, and the standard deviation of one training (0 for a single one)."""

    mean: float
    spread: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        numbers = torch.tensor(values, dtype=torch.float64)
        return cls(float(numbers.mean()), float(numbers.std()) if len(values) > 1 else 0.0)


@dataclass(frozen=True)
class Variant:
    """One column of a comparison."""

    title: str
    objective: Objective
    standardised: bool
    measures: dict[str, Spread]
    """By the names in `measures.MEASURES`."""
    seconds: Spread
    """Wall-clock time of a training, on a machine that may have had other work."""


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """What `compare` finds."""

    dataset: Dataset
    images: int
    """Test images that it was measured on."""
    seeds: list[int]
    model_config: dict[str, int | float | str]
    train_config: dict[str, int | float | str]
    """Of all runs, but for the seed, the objective and the posterior that goes with it."""
    floors: dict[str, Spread | None]
    """The same measures where there is nothing to find, and their spread over draws."""
    variants: dict[str, Variant]
    """"ae", "ae-standardised", "vae", "aae" and "aae-standardised"."""
    notice: str = ""

    def to_json(self) -> str:
        """One line that `from_json` reads back."""
        values = {"format": FORMAT, "format_version": FORMAT_VERSION, **dataclasses.asdict(self)}
        return json.dumps(rounded(values), ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> Comparison:
        """Raises `CheckpointError` unless the text is a comparison of this format."""
        try:
            values = json.loads(text)
            if values.pop("format") != FORMAT or values.pop("format_version") != FORMAT_VERSION:
                raise ValueError("another format")
            floors = {name: Spread(**floor) if floor else None for name, floor in values.pop("floors").items()}
            variants = {}
            for name, variant in values.pop("variants").items():
                measures = {key: Spread(**value) for key, value in variant.pop("measures").items()}
                if set(measures) != set(MEASURES):
                    raise ValueError("other measures")
                variants[name] = Variant(measures=measures, seconds=Spread(**variant.pop("seconds")), **variant)
            return cls(floors=floors, variants=variants, **values)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise CheckpointError("This is not a comparison made by this app; make it anew with `compare`.") from error


def comparison_path(dataset: str) -> Path:
    """Where the shipped comparison on a data set lies."""
    return FOLDER / f"compare-{dataset}.json"


def stored_comparison(dataset: str = "mnist") -> Comparison | None:
    """The shipped comparison on a data set; None if there is none that this app can read."""
    try:
        return Comparison.from_json(comparison_path(dataset).read_text(encoding="utf-8"))
    except (OSError, CheckpointError):
        return None


def table(comparison: Comparison) -> str:
    """A Markdown table: a row for each measure, a column for each variant and one for the floor; mean ± spread."""
    rows = [("", *[variant.title for variant in comparison.variants.values()], "floor")]
    for group, title in GROUPS.items():
        rows.append((f"**{title}**", *[""] * (len(comparison.variants) + 1)))
        for name, about in MEASURES.items():
            if about.group == group:
                spreads = [variant.measures[name] for variant in comparison.variants.values()]
                cells = ["" if s is None else f"{s.mean:.{about.digits}f} ± {s.spread:.{about.digits}f}" for s in spreads]
                floor = comparison.floors[name]
                rows.append((about.title, *cells, "" if floor is None else f"{floor.mean:.{about.digits}f}"))
    return "\n".join([about_comparison(comparison), "", *aligned(rows)])


def about_comparison(comparison: Comparison) -> str:
    """What a comparison is of, in a sentence."""
    config, count = comparison.train_config, len(comparison.seeds)
    return (
        f"{comparison.notice} Mean ± standard deviation over {count} training{'s' * (count > 1)} "
        f"(seeds {', '.join(map(str, comparison.seeds))}) of {config['epochs']} epochs each, preset {config['preset']}; "
        f"{comparison.model_config['latent_dim']} latent dimensions; "
        f"measured on {comparison.images:,} test images of {TITLES[comparison.dataset]}."
    ).strip()
