"""Time to quality: a preset against twenty epochs of the plain loop of `bench`, in one run.

``python -m aae race`` trains the preset to its end for each seed, and before and after each of these runs times steps of the
plain loop, so that a slow spell of the machine is slow for both. The plain loop's epochs are extrapolated from the faster of
its two settings; ``--full`` trains them all instead, and so also measures what they give. Without it, ``--reference`` names
checkpoints of that recipe to measure, ``python -m aae train --preset reference --epochs 20``.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from aae.bench import PlainLoop, torchvision_data
from aae.checkpoints import load_checkpoint
from aae.classifier import Classifier, classifier_path, load_classifier
from aae.config import PRESETS, ModelConfig, TrainConfig
from aae.data import SOURCES, ImageData, load_images, to_model_range
from aae.models import AAE
from aae.priors import GaussianPrior
from aae.reconstruction import CHUNK, reconstruction_errors
from aae.samples import frechet_distance
from aae.training import Trainer, train


@dataclass(frozen=True)
class Result:
    """One model: how long it took, and the two numbers that it is judged by."""

    name: str
    seed: int | None
    """None if not known."""
    seconds: float | None
    """Wall-clock of its training; None if it was not trained here."""
    plain_seconds: float | None
    """Wall-clock of the plain loop's epochs, timed at the same time."""
    l1: float
    """Test L1 of reconstructions from sampled codes, pixels in [-1, 1]."""
    frechet: float
    """Fréchet distance of decoded draws of the prior to the test images, in the features of the shipped classifier."""


@torch.no_grad()
def judge(model: AAE, held_out: ImageData, classifier: Classifier, seed: int = 0) -> tuple[float, float]:
    """Test L1 from sampled codes and the Fréchet distance of as many prior samples; the model must be in eval mode."""
    generator = torch.Generator().manual_seed(seed)
    l1 = float(reconstruction_errors(model, held_out.images, sample=True, generator=generator).l1.double().mean())
    draws = GaussianPrior(model.config.latent_dim).sample(len(held_out), generator)
    samples = torch.cat([classifier.features(model.decode(part)) for part in draws.split(CHUNK)])
    real = torch.cat([classifier.features(to_model_range(part)) for part in held_out.images.split(CHUNK)])
    return l1, frechet_distance(samples, real)


def plain_step_seconds(loops: Sequence[PlainLoop], steps: int) -> list[float]:
    """Seconds a step of each of these loops takes now."""
    found = []
    for loop in loops:
        began = time.perf_counter()
        loop.run(steps)
        found.append((time.perf_counter() - began) / steps)
    return found


def trained(data: ImageData, model_config: ModelConfig, config: TrainConfig) -> tuple[AAE, float]:
    """A model trained to the end, in eval mode, and the seconds it took, the events and the set-up included."""
    began = time.perf_counter()
    trainer = Trainer(data, model_config, config)
    for _ in train(trainer):
        pass
    return trainer.model.eval(), time.perf_counter() - began


def race(
    data: ImageData,
    held_out: ImageData,
    classifier: Classifier,
    loops: Sequence[PlainLoop],
    recipe: tuple[str, ModelConfig, TrainConfig],
    seeds: Sequence[int],
    epochs: int = 20,
    steps: int = 100,
) -> list[Result]:
    """Train `recipe` with each seed, with `epochs` of the plain loop extrapolated from `steps` before and `steps` after."""
    name, model_config, config = recipe
    per_run = epochs * -(-len(data) // loops[0].config.batch_size)
    for loop in loops:
        loop.run(3)
    results, before = [], plain_step_seconds(loops, steps)
    for seed in seeds:
        model, seconds = trained(data, model_config, dataclasses.replace(config, seed=seed))
        after = plain_step_seconds(loops, steps)
        plain = min((a + b) / 2 for a, b in zip(before, after, strict=True)) * per_run
        results.append(Result(name, seed, seconds, plain, *judge(model, held_out, classifier)))
        before = after
    return results


def main(arguments: Sequence[str] | None = None) -> int:
    """``python -m aae race``: a preset's wall-clock and quality against 20 epochs of the plain loop."""
    parser = argparse.ArgumentParser(prog="python -m aae race", description=main.__doc__)
    parser.add_argument("--preset", choices=PRESETS, default="fast")
    parser.add_argument("--dataset", choices=sorted(SOURCES), default="mnist")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--epochs", type=int, default=20, help="of the plain loop")
    parser.add_argument("--steps", type=int, default=100, help="steps of the plain loop in each timing")
    parser.add_argument("--full", action="store_true", help="train the plain loop to the end, and measure its model too")
    parser.add_argument("--reference", type=Path, nargs="+", default=[], help="checkpoints of preset reference to measure")
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("--threads", type=int, help="torch's threads (default: torch's choice)")
    parser.add_argument("--json", action="store_true", help="one JSON object a model")
    options = parser.parse_args(arguments)
    if options.threads:
        torch.set_num_threads(options.threads)
    data = load_images(options.dataset, "train", options.data_dir)
    held_out = load_images(options.dataset, "test", options.data_dir)
    classifier = load_classifier(classifier_path(data.dataset))
    files, config = torchvision_data(data, options.data_dir), PRESETS["reference"].train
    results = []
    for path in options.reference:
        checkpoint = load_checkpoint(path)
        seed = checkpoint.train_config.seed if checkpoint.train_config else None
        results.append(Result(path.stem, seed, None, None, *judge(checkpoint.model(), held_out, classifier)))
    loops = [PlainLoop(files, config, workers) for workers in (0, 2)]
    if options.full:
        plain_step_seconds(loops, 3)
        rates = plain_step_seconds(loops, options.steps)
        loops = [loops[rates.index(min(rates))]]
        loop, began = PlainLoop(files, config, loops[0].loader.num_workers), time.perf_counter()
        loop.run(options.epochs * len(loop.loader))
        seconds = time.perf_counter() - began
        results.append(Result(loop.name, config.seed, seconds, seconds, *judge(loop.model.eval(), held_out, classifier)))
    recipe = PRESETS[options.preset]
    chosen = (options.preset, recipe.model, dataclasses.replace(recipe.train, dataset=data.dataset))
    results += race(data, held_out, classifier, loops, chosen, options.seeds, options.epochs, options.steps)
    if options.json:
        print("\n".join(json.dumps(dataclasses.asdict(result)) for result in results))  # noqa: T201
    else:
        print(table(results, options.epochs))  # noqa: T201
    return 0


def table(results: Sequence[Result], epochs: int) -> str:
    """The results as a Markdown table, a row for each model and last the preset's mean."""
    lines = [
        f"{torch.get_num_threads()} threads. The plain loop's {epochs} epochs are extrapolated where they were not trained.",
        "",
        f"| | seed | seconds | {epochs} plain epochs, s | ratio | test L1 | Fréchet, samples |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for result in results:
        times = ["", "", ""]
        if result.seconds is not None and result.plain_seconds is not None:
            ratio = result.plain_seconds / result.seconds
            times = [f"{result.seconds:.0f}", f"{result.plain_seconds:.0f}", f"{ratio:.1f}"]
        seed = "" if result.seed is None else str(result.seed)
        lines.append(f"| {result.name} | {seed} | {' | '.join(times)} | {result.l1:.4f} | {result.frechet:.1f} |")
    raced = [result for result in results if result.name == results[-1].name]
    if len(raced) > 1:
        l1, frechet = ([getattr(result, name) for result in raced] for name in ("l1", "frechet"))
        lines.append(
            f"| {raced[0].name}, mean ± spread | | | | | {statistics.mean(l1):.4f} ± {statistics.stdev(l1):.4f} "
            f"| {statistics.mean(frechet):.1f} ± {statistics.stdev(frechet):.1f} |"
        )
    return "\n".join(lines)
