"""``python -m aae compare``: a plain, a variational and an adversarial autoencoder of the same networks, budget and seeds.

Each is trained several times and measured as `evaluate` does. Where "standardised" is said, the codes were afterwards given the
prior's mean and covariance by a change of coordinates (aae/standardise.py), which costs no reconstruction: it shows how much of
a match is a matter of mean and covariance alone. The result is one JSON object, `comparison.Comparison`.

Every run is float32: the products of bfloat16 numbers that a preset may ask for are written for the adversarial step alone.
What is finished lies in a folder, trainings and measures, so that an interrupted comparison goes on where it stood.
"""

from __future__ import annotations

import argparse
import dataclasses
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import get_args

from tqdm import tqdm

from aae.checkpoints import load_checkpoint, save_checkpoint, write_atomically
from aae.classifier import classifier_path
from aae.comparison import OBJECTIVES, Comparison, Spread, Variant, table
from aae.config import PRESETS, Dataset, ModelConfig, Objective, TrainConfig, preset
from aae.data import ImageData, load_images
from aae.errors import CheckpointError, ConfigError
from aae.evaluate import measured
from aae.evaluation import Evaluation, sha256, store, stored_evaluation, with_ceiling
from aae.latent import with_held_out
from aae.measures import MEASURES, Quality
from aae.objectives import POSTERIORS
from aae.reconstruction import reconstruction_l1
from aae.standardise import ENOUGH, standardise
from aae.training import Progress, Trainer, train

TITLES: dict[Objective, str] = {"ae": "AE", "vae": "VAE", "aae": "AAE"}
STANDARDISED: tuple[Objective, ...] = ("ae", "aae")
"""Objectives whose q(z|x) is narrow, so that standardising is exact; a VAE's is not."""


@dataclass(frozen=True)
class Run:
    """One training: its file's name without ending, and its settings."""

    name: str
    model_config: ModelConfig
    config: TrainConfig


def runs(model_config: ModelConfig, config: TrainConfig, seeds: int) -> Iterator[Run]:
    """Every objective with every seed, all float32 and none standardised at its end."""
    for seed in range(config.seed, config.seed + seeds):
        for objective in OBJECTIVES:
            name = f"{config.dataset}-{model_config.latent_dim}d-{objective}-{seed}"
            each = replace(config, objective=objective, seed=seed, finish="none", precision="float32")
            yield Run(name, replace(model_config, posterior=POSTERIORS.get(objective, "gaussian")), each)


def trained(run: Run, data: ImageData, held_out: ImageData, work: Path) -> Path:
    """The checkpoint of a finished training in `work`: what is there if its settings are these, else a new one."""
    path = work / f"{run.name}.safetensors"
    if path.is_file():
        found = load_checkpoint(path)
        finished = found.record is not None and (found.record.epochs, found.record.dataset) == (run.config.epochs, data.dataset)
        if finished and (found.model_config, found.train_config) == (run.model_config, run.config):
            return path
    trainer = Trainer(data, run.model_config, run.config)
    with tqdm(total=trainer.total_steps, desc=run.name, unit="step", leave=False, disable=None) as bar:
        for event in train(trainer):
            if isinstance(event, Progress):
                bar.update(event.step - bar.n)
    l1 = reconstruction_l1(trainer.checkpoint().model(), held_out)
    save_checkpoint(path, with_held_out(trainer.checkpoint({"test_l1": round(l1, 5)}).slim(), held_out))
    return path


def standardised(path: Path, data: ImageData, held_out: ImageData) -> Path:
    """A checkpoint beside that of a training: the same model with its codes standardised; made once."""
    found, there = load_checkpoint(path), path.with_name(f"{path.stem}-standardised.safetensors")
    if there.is_file() and load_checkpoint(there).record == found.record:
        return there
    model = found.model()
    standardise(model, data.images[:ENOUGH])
    save_checkpoint(there, with_held_out(replace(found, weights=dict(model.state_dict())), held_out))
    return there


def measured_once(path: Path, held_out: ImageData, data: ImageData, known: Quality | None) -> Quality:
    """What is stored beside a checkpoint, or else is measured and stored now; `known` has the floors, once there are any."""
    found = stored_evaluation(path)
    if found is None or (found.quality.dataset, found.quality.images) != (held_out.dataset, len(held_out)):
        classifier = classifier_path(data.dataset)
        quality = measured(load_checkpoint(path), held_out, data, classifier, seed=0, name=path.stem, known=known)
        store(path, Evaluation(path.name, sha256(path), quality))
        found = stored_evaluation(path)  # as a later call will find it, to the last digit
    assert found is not None
    return found.quality


def compare(
    model_config: ModelConfig, config: TrainConfig, seeds: int, data: ImageData, held_out: ImageData, work: Path
) -> Comparison:
    """Train and measure every objective with every seed, on the CPU.

    Args:
        model_config: the networks; each objective takes the posterior it needs.
        config: settings of every run, with the data set that `data` is; its seed is the first one.
        seeds: how many trainings of each.
        data: what to train on.
        held_out: what to measure on.
        work: folder of finished trainings and their measures, which are taken up as they are.

    Raises:
        TrainingError: a run diverged.
        CheckpointError: there is no classifier of this data set, or a file cannot be written.
    """
    found: dict[str, list[Quality]] = {}
    seconds: dict[Objective, list[float]] = {}
    floors: Quality | None = None  # the same for all: they are of the prior and of real images
    planned, started = list(runs(model_config, config, seeds)), time.monotonic()
    for place, run in enumerate(planned, 1):
        path = trained(run, data, held_out, work)
        record = load_checkpoint(path).record
        assert record is not None
        seconds.setdefault(run.config.objective, []).append(record.wall_clock_seconds)
        floors = measured_once(path, held_out, data, floors)
        found.setdefault(run.config.objective, []).append(floors)
        if run.config.objective in STANDARDISED:
            other = measured_once(standardised(path, data, held_out), held_out, data, floors)
            found.setdefault(f"{run.config.objective}-standardised", []).append(other)
        left = (time.monotonic() - started) / place * (len(planned) - place) / 60
        said = f"{place} of {len(planned)}, {run.name}: test L1 {record.metrics['test_l1']:.4f}; about {left:.0f} min left"
        print(said, file=sys.stderr, flush=True)  # noqa: T201
    assert floors is not None
    variants = {}
    for objective in OBJECTIVES:
        for key in (objective, f"{objective}-standardised"):
            if key in found:
                measures = {name: Spread.of([quality.measures[name].value for quality in found[key]]) for name in MEASURES}
                title = TITLES[objective] + ", standardised" * (key != objective)
                variants[key] = Variant(title, objective, key != objective, measures, Spread.of(seconds[objective]))
    shared = planned[0].config
    return Comparison(
        dataset=data.dataset,
        images=len(held_out),
        seeds=[config.seed + seed for seed in range(seeds)],
        model_config=dataclasses.asdict(model_config),
        train_config=dataclasses.asdict(replace(shared, objective=config.objective)),
        floors={
            name: None if value.floor is None else Spread(value.floor, value.floor_spread or 0.0)
            for name, value in floors.measures.items()
        },
        variants=variants,
        notice=data.notice,
    )


def place_models(first: Sequence[Run], work: Path, folder: Path) -> None:
    """Copy these trainings, one of each objective, from `work` to `folder`, for the page: ``mnist-10d-ae``, ``-vae``, ``-aae``.

    Their measures come with them, with the plain autoencoder's as the others' ceilings.

    Raises:
        CheckpointError: a file cannot be written.
    """
    plain: Evaluation | None = None
    for run in first:
        there = folder / f"{run.name.rpartition('-')[0]}.safetensors"
        found = stored_evaluation(work / f"{run.name}.safetensors")
        assert found is not None
        save_checkpoint(there, load_checkpoint(work / f"{run.name}.safetensors"))
        evaluation = Evaluation(there.name, sha256(there), found.quality)
        if plain is not None:
            evaluation = replace(evaluation, quality=with_ceiling(found.quality, plain.quality), ceiling_of=plain.file)
        store(there, evaluation)
        if run.config.objective == "ae":
            plain = evaluation


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
    parser.add_argument("--out", type=Path, metavar="FILE", help="JSON file to write")
    parser.add_argument(
        "--models", type=Path, metavar="DIR", help="put the first seed's three models and their measures here, for the page"
    )
    parser.add_argument(
        "--work", type=Path, metavar="DIR",
        help="keep every training here (default: beside --out until all are done); the same command goes on from them",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="one JSON object instead of a table")
    options = parser.parse_args(arguments)
    if not 1 <= options.seeds <= 100:
        raise ConfigError(f"seeds is {options.seeds}; choose a value from 1 to 100.")
    for flag, folder in (("--work", options.work), ("--models", options.models), ("--out", options.out and options.out.parent)):
        if folder is not None and not folder.is_dir():
            raise CheckpointError(f"There is no folder {folder}; make it first or choose another {flag}.")
    recipe, given = preset(options.preset), vars(options)
    sizes = {name: given[name] for name in ("latent_dim", "hidden_dim") if given[name] is not None}
    changes = {"epochs": options.epochs} if options.epochs is not None else {}
    data = load_images(options.dataset, "train", options.data_dir)
    held_out = load_images(data.dataset, "test", options.data_dir)
    if data.notice:
        print(data.notice, file=sys.stderr)  # noqa: T201
    model_config, config = replace(recipe.model, **sizes), replace(recipe.train, dataset=data.dataset, **changes)
    try:
        with workplace(options.work, options.out) as work:
            comparison = compare(model_config, config, options.seeds, data, held_out, work)
            if options.models:
                place_models(list(runs(model_config, config, seeds=1)), work, options.models)
            if options.out:
                write(options.out, comparison)
    except KeyboardInterrupt:
        kept = "what is finished is kept, and the same command goes on from there." if options.work or options.out else ""
        print(f"aae: interrupted; {kept or 'nothing is kept without --out.'}", file=sys.stderr)  # noqa: T201
        return 130
    print(comparison.to_json() if options.json else table(comparison))  # noqa: T201
    return 0


@contextmanager
def workplace(work: Path | None, out: Path | None) -> Iterator[Path]:
    """Where trainings lie while they are compared: `work`, or a folder beside `out` that is removed once all is well."""
    if work is not None:
        yield work
    elif out is not None:
        folder = out.with_suffix(".runs")
        folder.mkdir(exist_ok=True)
        yield folder
        shutil.rmtree(folder)
    else:
        with tempfile.TemporaryDirectory(prefix="aae-compare-") as name:
            yield Path(name)


def write(path: Path, comparison: Comparison) -> None:
    """Keep a comparison; raises `CheckpointError` if the file cannot be written."""
    try:
        write_atomically(path, f"{comparison.to_json()}\n".encode())
    except OSError as error:
        raise CheckpointError(f"{path} cannot be written ({error.strerror or error}).") from error
