"""``python -m aae compare``: a plain, a variational and an adversarial autoencoder of the same networks, budget and seeds.

Each is trained several times and measured as `evaluate` does. Where "standardised" is said, the codes were afterwards given the
prior's mean and covariance by a change of coordinates (aae/standardise.py), which costs no reconstruction: it shows how much of
a match is a matter of mean and covariance alone. The result is one JSON object, `Comparison`.
"""

from __future__ import annotations

import argparse
import copy
import dataclasses
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import get_args

import torch
from tqdm import tqdm

from aae.checkpoints import Checkpoint, load_checkpoint, save_checkpoint, write_atomically
from aae.classifier import FOLDER, classifier_path, load_classifier
from aae.config import PRESETS, Dataset, ModelConfig, Objective, TrainConfig, preset
from aae.data import TITLES, ImageData, load_images
from aae.errors import CheckpointError, ConfigError
from aae.evaluate import GROUPS, aligned, rounded
from aae.measures import MEASURES, Quality
from aae.metrics import measure
from aae.objectives import POSTERIORS
from aae.reconstruction import reconstruction_l1
from aae.standardise import ENOUGH, standardise
from aae.training import Progress, Trainer, train

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


def runs(model_config: ModelConfig, config: TrainConfig, seeds: int) -> Iterator[tuple[str, ModelConfig, TrainConfig]]:
    """A name and the settings of each training: every objective with every seed, none standardised at its end."""
    for seed in range(seeds):
        for objective in OBJECTIVES:
            posterior = POSTERIORS.get(objective, "gaussian")
            yield (
                f"{config.dataset}-{model_config.latent_dim}d-{objective}-{seed}",
                replace(model_config, posterior=posterior),
                replace(config, objective=objective, seed=config.seed + seed, finish="none"),
            )


def trained(name: str, model_config: ModelConfig, config: TrainConfig, data: ImageData, work: Path | None) -> Checkpoint:
    """A finished training: the one in `work` of that name if its settings are these, else a new one, kept there."""
    path = work / f"{name}.safetensors" if work else None
    if path is not None and path.is_file():
        found = load_checkpoint(path)
        finished = found.record is not None and found.record.epochs == config.epochs and found.record.dataset == data.dataset
        if finished and (found.model_config, found.train_config) == (model_config, config):
            return found
    trainer = Trainer(data, model_config, config)
    with tqdm(total=trainer.total_steps, desc=name, unit="step", leave=False, disable=None) as bar:
        for event in train(trainer):
            if isinstance(event, Progress):
                bar.update(event.step - bar.n)
    checkpoint = trainer.checkpoint().slim()
    if path is not None:
        save_checkpoint(path, checkpoint)
    return checkpoint


def compare(
    model_config: ModelConfig,
    config: TrainConfig,
    seeds: int = 3,
    data_dir: Path | None = None,
    work: Path | None = None,
) -> Comparison:
    """Train and measure every objective with every seed, on the CPU.

    Args:
        model_config: the networks; each objective takes the posterior it needs.
        config: settings of every run; its seed is the first one.
        seeds: how many trainings of each.
        data_dir: torchvision's root; the offline sample stands in where the images cannot be had.
        work: folder that keeps finished trainings, so that an interrupted comparison goes on where it stood.

    Raises:
        TrainingError: a run diverged.
        CheckpointError: there is no classifier of this data set, or a file cannot be written.
    """
    data = load_images(config.dataset, "train", data_dir)
    config = replace(config, dataset=data.dataset)
    held_out = load_images(data.dataset, "test", data_dir)
    classifier = load_classifier(classifier_path(data.dataset))
    found: dict[str, list[Quality]] = {}
    seconds: dict[Objective, list[float]] = {}
    floors: Quality | None = None  # the same for all: they are of the prior and of real images
    for name, each_model, each in runs(model_config, config, seeds):
        checkpoint = trained(name, each_model, each, data, work)
        assert checkpoint.record is not None
        seconds.setdefault(each.objective, []).append(checkpoint.record.wall_clock_seconds)
        model = checkpoint.model()
        print(f"{name}: test L1 {reconstruction_l1(model, held_out):.4f}", file=sys.stderr, flush=True)  # noqa: T201
        floors = measure(model, held_out, data, classifier, floors=floors)
        found.setdefault(each.objective, []).append(floors)
        if each.objective != "vae":
            standardised = copy.deepcopy(model)
            standardise(standardised, data.images[:ENOUGH])
            found.setdefault(f"{each.objective}-standardised", []).append(
                measure(standardised, held_out, data, classifier, floors=floors)
            )
    assert floors is not None
    titles = {"ae": "AE", "vae": "VAE", "aae": "AAE"}
    variants = {}
    for key, qualities in found.items():
        objective: Objective = next(name for name in OBJECTIVES if name == key.partition("-")[0])
        standardised_too = key.endswith("-standardised")
        measures = {name: Spread.of([quality.measures[name].value for quality in qualities]) for name in MEASURES}
        title = titles[objective] + ", standardised" * standardised_too
        variants[key] = Variant(title, objective, standardised_too, measures, Spread.of(seconds[objective]))
    return Comparison(
        dataset=data.dataset,
        images=len(held_out),
        seeds=[config.seed + seed for seed in range(seeds)],
        model_config=dataclasses.asdict(model_config),
        train_config=dataclasses.asdict(replace(config, finish="none")),
        floors={
            name: None if value.floor is None else Spread(value.floor, value.floor_spread or 0.0)
            for name, value in floors.measures.items()
        },
        variants={key: variants[key] for key in sorted(variants, key=list(COLUMNS).index)},
        notice=data.notice,
    )


COLUMNS = ("ae", "ae-standardised", "vae", "aae", "aae-standardised")


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


def main(arguments: Sequence[str] | None = None) -> int:
    """``python -m aae compare``: train AE, VAE and AAE alike, several times each, and tabulate what they are like."""
    parser = argparse.ArgumentParser(prog="python -m aae compare", description=main.__doc__)
    parser.add_argument("--dataset", choices=get_args(Dataset), default="mnist")
    parser.add_argument("--preset", choices=PRESETS, default="fast", help="recipe of all of them (default: fast)")
    parser.add_argument("--epochs", type=int, help="passes over the images (default: the preset's)")
    parser.add_argument("--latent-dim", type=int, help="size of z")
    parser.add_argument("--hidden-dim", type=int, help="width of the hidden layers")
    parser.add_argument("--seeds", type=int, default=3, help="trainings of each (default: 3)")
    parser.add_argument("--data-dir", type=Path, help="torchvision's root (default: AAE_DATA_DIR or the cache folder)")
    parser.add_argument("--work", type=Path, metavar="DIR", help="keep finished trainings here, and go on from them")
    parser.add_argument("--out", type=Path, metavar="FILE", help="JSON file to write")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of a table")
    options = parser.parse_args(arguments)
    if not 1 <= options.seeds <= 100:
        raise ConfigError(f"seeds is {options.seeds}; choose a value from 1 to 100.")
    if options.work is not None and not options.work.is_dir():
        raise CheckpointError(f"There is no folder {options.work}; make it first or choose another --work.")
    recipe, given = preset(options.preset), vars(options)
    sizes = {name: given[name] for name in ("latent_dim", "hidden_dim") if given[name] is not None}
    changes = {"epochs": options.epochs} if options.epochs is not None else {}
    config = replace(recipe.train, dataset=options.dataset, **changes)
    comparison = compare(replace(recipe.model, **sizes), config, options.seeds, options.data_dir, options.work)
    if comparison.notice:
        print(comparison.notice, file=sys.stderr)  # noqa: T201
    if options.out:
        try:
            write_atomically(options.out, f"{comparison.to_json()}\n".encode())
        except OSError as error:
            raise CheckpointError(f"{options.out} cannot be written ({error.strerror or error}).") from error
    print(comparison.to_json() if options.json else table(comparison))  # noqa: T201
    return 0
