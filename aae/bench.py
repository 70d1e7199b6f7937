"""How fast training is: the preset `reference` against a plainly written loop of the same algorithm, in one run.

``python -m aae bench`` prints the table. The two take turns, so that a noisy machine is noisy for both.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Adam
from torch.utils.data import DataLoader, Dataset
from torch.utils.flop_counter import FlopCounterMode
from torchvision import transforms

from aae.config import IMAGE_SIZE, PRESETS, ModelConfig, TrainConfig
from aae.data import SOURCES, ImageData, default_data_dir, load_images
from aae.models import AAE, initialise
from aae.training import Trainer

PEAK_SIZE = 1024
"""Side of the square matrices whose product is taken as the machine's matmul peak."""
SETTLE_SECONDS = 0.1
"""Between two turns: a DataLoader's workers go on until they are a few batches ahead, at the cost of who comes next."""


@dataclass(frozen=True)
class Timing:
    """Milliseconds a step, by part, of one way to train."""

    name: str
    batch_size: int
    steps_per_epoch: int
    data_ms: float
    """Fetching a batch and scaling it."""
    step_ms: float
    """Forward, backward and losses, both phases."""
    optimiser_ms: float
    """Both optimisers' steps."""
    flops: int
    """Floating-point operations of the matrix products of a step."""

    @property
    def total_ms(self) -> float:
        return self.data_ms + self.step_ms + self.optimiser_ms

    @property
    def epoch_seconds(self) -> float:
        return self.total_ms * self.steps_per_epoch / 1e3

    @property
    def gflops(self) -> float:
        return self.flops / self.total_ms / 1e6


class Stopwatch:
    """Adds up the time of data, step and optimiser; what an optimiser does is timed from without, so the loops stay plain."""

    def __init__(self) -> None:
        self.data = self.total = self.optimiser = 0.0
        self.steps = 0

    def around(self, update: Callable[..., Any]) -> Callable[..., Any]:
        """The same, its time added to the optimiser's."""

        def timed(*arguments: Any) -> Any:  # noqa: ANN401 (as they come)
            started = time.perf_counter()
            result = update(*arguments)
            self.optimiser += time.perf_counter() - started
            return result

        return timed

    def timing(self, name: str, batch_size: int, images: int, flops: int) -> Timing:
        per_step = 1e3 / self.steps
        return Timing(
            name=name,
            batch_size=batch_size,
            steps_per_epoch=-(-images // batch_size),
            data_ms=self.data * per_step,
            step_ms=(self.total - self.data - self.optimiser) * per_step,
            optimiser_ms=self.optimiser * per_step,
            flops=flops,
        )


class PlainLoop:
    """The algorithm of preset `reference`, written as PyTorch-GAN's ``aae.py`` writes it, timed by part.

    A DataLoader over torchvision's data set with Resize, ToTensor and Normalize; D ends in a sigmoid, for `BCELoss`; two
    passes of D in its step; default Adam; the losses are read back at every step, for a line of print.
    """

    def __init__(self, images: Dataset[tuple[Tensor, int]], config: TrainConfig, workers: int) -> None:
        self.name = f"plain loop, {workers} workers"
        self.config = config
        self.model = AAE()
        initialise(self.model, torch.Generator().manual_seed(config.seed))
        self.discriminator = nn.Sequential(*self.model.discriminator.layers, nn.Sigmoid())
        betas = (config.beta1, config.beta2)
        generator_parameters = [*self.model.encoder.parameters(), *self.model.decoder.parameters()]
        self.optimizer_g = Adam(generator_parameters, lr=config.learning_rate, betas=betas)
        self.optimizer_d = Adam(self.discriminator.parameters(), lr=config.discriminator_learning_rate, betas=betas)
        self.loader = DataLoader(images, config.batch_size, shuffle=True, num_workers=workers, persistent_workers=workers > 0)
        self.watch = Stopwatch()
        for optimizer in (self.optimizer_g, self.optimizer_d):
            optimizer.step = self.watch.around(optimizer.step)  # type: ignore[method-assign]
        self._batches = self._endless()

    def _endless(self) -> Iterator[Tensor]:
        while True:
            for x, _ in self.loader:
                yield x

    def step(self, x: Tensor) -> tuple[float, float]:
        """One step of both optimisers on images x `(N, 1, 32, 32)` in [-1, 1]; the losses of G and D."""
        adversarial_loss, pixelwise_loss = nn.BCELoss(), nn.L1Loss()
        valid, fake = torch.ones(len(x), 1), torch.zeros(len(x), 1)

        self.optimizer_g.zero_grad()
        encoded = self.model.encode(x)
        decoded = self.model.decode(encoded)
        weight = self.config.adversarial_weight
        g_loss = weight * adversarial_loss(self.discriminator(encoded), valid) + (1 - weight) * pixelwise_loss(decoded, x)
        g_loss.backward()
        self.optimizer_g.step()

        self.optimizer_d.zero_grad()
        z = torch.randn(len(x), self.model.config.latent_dim)
        real_loss = adversarial_loss(self.discriminator(z), valid)
        fake_loss = adversarial_loss(self.discriminator(encoded.detach()), fake)
        d_loss = 0.5 * (real_loss + fake_loss)
        d_loss.backward()
        self.optimizer_d.step()
        return g_loss.item(), d_loss.item()

    def run(self, steps: int) -> None:
        for _ in range(steps):
            started = time.perf_counter()
            x = next(self._batches)
            fetched = time.perf_counter()
            self.step(x)
            self.watch.data += fetched - started
            self.watch.total += time.perf_counter() - started
            self.watch.steps += 1


class OurLoop:
    """`Trainer`, timed by part."""

    def __init__(self, name: str, data: ImageData, model_config: ModelConfig, config: TrainConfig) -> None:
        self.name, self.config = name, config
        self.trainer = Trainer(data, model_config, config)
        self.watch = Stopwatch()
        backprop = self.trainer.backprop
        backprop.updates = tuple(map(self.watch.around, backprop.updates))

    def run(self, steps: int) -> None:
        trainer = self.trainer
        for _ in range(steps):
            started = time.perf_counter()
            x = trainer.next_batch()
            fetched = time.perf_counter()
            trainer.update(x)
            self.watch.data += fetched - started
            self.watch.total += time.perf_counter() - started
            self.watch.steps += 1


def matmul_peak(seconds: float = 0.5) -> float:
    """GFLOP/s of a float32 product of two 1024x1024 matrices with torch's threads, the best of repeated tries."""
    a, b = torch.randn(PEAK_SIZE, PEAK_SIZE), torch.randn(PEAK_SIZE, PEAK_SIZE)
    best, deadline = float("inf"), time.perf_counter() + seconds
    while time.perf_counter() < deadline:
        started = time.perf_counter()
        torch.mm(a, b)
        best = min(best, time.perf_counter() - started)
    return 2 * PEAK_SIZE**3 / best / 1e9


def matmul_flops(step: Callable[[], object]) -> int:
    """Floating-point operations of the matrix products, forward and backward, in one call of `step`."""
    with FlopCounterMode(display=False) as counter:
        step()
    return counter.get_total_flops()


def run_bench(loops: Sequence[PlainLoop | OurLoop], images: int, steps: int = 40, rounds: int = 11) -> list[Timing]:
    """Time each loop for `rounds` turns of `steps` steps, after a few steps to warm up; of each, its median turn.

    Turns are short, so that a noisy minute is noisy for all.
    """
    flops = []
    for loop in loops:
        loop.run(3)
        flops.append(matmul_flops(lambda loop=loop: loop.run(1)))  # type: ignore[misc]
    turns: list[list[Timing]] = [[] for _ in loops]
    for _ in range(rounds):
        for loop, count, timings in zip(loops, flops, turns, strict=True):
            loop.watch.__dict__.update(data=0.0, total=0.0, optimiser=0.0, steps=0)
            loop.run(steps)
            timings.append(loop.watch.timing(loop.name, loop.config.batch_size, images, count))
            time.sleep(SETTLE_SECONDS)
    return [sorted(timings, key=lambda timing: timing.total_ms)[rounds // 2] for timings in turns]


def torchvision_data(data: ImageData, data_dir: Path | None) -> Dataset[tuple[Tensor, int]]:
    """torchvision's data set of the same images with the transforms of PyTorch-GAN's ``aae.py``."""
    opened = SOURCES[data.dataset].open(data_dir or default_data_dir(), data.split, False)
    opened.transform = transforms.Compose(
        [transforms.Resize(IMAGE_SIZE), transforms.ToTensor(), transforms.Normalize([0.5], [0.5])]
    )
    return opened


def main(arguments: Sequence[str] | None = None) -> int:
    """``python -m aae bench``: time a plain loop, preset `reference` and the other presets, side by side."""
    parser = argparse.ArgumentParser(prog="python -m aae bench", description=main.__doc__)
    parser.add_argument("--dataset", choices=sorted(SOURCES), default="mnist")
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("--steps", type=int, default=40, help="steps a turn; eleven turns each")
    parser.add_argument("--threads", type=int, help="torch's threads (default: torch's choice)")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    if options.threads:
        torch.set_num_threads(options.threads)
    data = load_images(options.dataset, "train", options.data_dir)
    config = PRESETS["reference"].train
    files = torchvision_data(data, options.data_dir)
    loops: list[PlainLoop | OurLoop] = [PlainLoop(files, config, workers) for workers in (0, 2)]
    loops += [OurLoop(f"preset {name}", data, preset.model, preset.train) for name, preset in PRESETS.items()]
    peak = matmul_peak()
    timings = run_bench(loops, len(data), options.steps)
    peak = max(peak, matmul_peak())
    print(table(timings, peak, options.json))  # noqa: T201
    return 0


def table(timings: Sequence[Timing], peak: float, as_json: bool = False) -> str:
    """The timings as text, speeds relative to the fastest plain loop; or one JSON object a line."""
    plain = min((t.epoch_seconds for t in timings if t.name.startswith("plain")), default=timings[0].epoch_seconds)
    if as_json:
        rows = [{"threads": torch.get_num_threads(), "matmul_peak_gflops": round(peak, 1)}]
        return "\n".join(
            json.dumps({**dataclasses.asdict(t), "epoch_seconds": t.epoch_seconds, "speed": plain / t.epoch_seconds, **rows[0]})
            for t in timings
        )
    lines = [
        f"{torch.get_num_threads()} threads, matmul peak {peak:.0f} GFLOP/s (float32, {PEAK_SIZE}x{PEAK_SIZE})",
        f"{'':26}{'batch':>6}{'data':>8}{'step':>8}{'optim.':>8}{'total':>8}{'epoch':>9}{'speed':>7}{'of peak':>9}",
        f"{'':26}{'':6}{'ms':>8}{'ms':>8}{'ms':>8}{'ms':>8}{'s':>9}{'×':>7}{'':9}",
    ]
    lines += [
        f"{t.name:26}{t.batch_size:6}{t.data_ms:8.2f}{t.step_ms:8.2f}{t.optimiser_ms:8.2f}{t.total_ms:8.2f}"
        f"{t.epoch_seconds:9.2f}{plain / t.epoch_seconds:7.2f}{t.gflops / peak:9.0%}"
        for t in timings
    ]
    return "\n".join(lines)
