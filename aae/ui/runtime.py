"""Where the app runs, and what follows from it: the device, and the limits that keep a shared host usable for everybody."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

import torch

from aae.config import ModelConfig, TrainConfig
from aae.data import ImageData
from aae.errors import TrainingError

Host = Literal["local", "cpu-space", "gpu-space", "zero-gpu"]

MEBIBYTE = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What a visitor may use here. Checked on the server, and told on the page by `told`."""

    where: str
    """As in "on this computer"."""
    run_seconds: float = math.inf
    """Longest training run; its model is kept as it then stands."""
    epochs: int = 10_000
    batch_size: int = 8192
    hidden_dim: int = 2048
    images: int = 1_000_000
    """Most training images of a data set; those that torchvision knows have up to 240,000."""
    upload_mebibytes: int = 512
    slots: int = 3
    """Runs at a time; paused ones do not count."""
    line: int = 16
    """Runs that may wait for a slot."""
    sessions: int = 100
    """Pages whose state is kept at a time; the one that was quiet longest is forgotten first."""
    models: int = 50
    """Visitors' models kept at a time; the one unused longest goes first."""
    model_mebibytes: int = 1536
    """Memory of visitors' models together."""
    kept_seconds: float = 30 * 60.0
    """How long a visitor's model is kept once the page is closed."""
    call_seconds: float = math.inf
    """Longest time that a run may hold the device at a stretch; it then goes on with another call."""

    def check(self, model: ModelConfig, config: TrainConfig) -> None:
        """Raises `TrainingError` with the limit that these settings exceed."""
        for what, value, most in (
            ("epochs", config.epochs, self.epochs),
            ("images a batch", config.batch_size, self.batch_size),
            ("units in a hidden layer", model.hidden_dim, self.hidden_dim),
        ):
            if value > most:
                raise TrainingError(f"{value:,} {what} are more than the {most:,} allowed {self.where}; choose fewer.")

    def check_images(self, data: ImageData) -> None:
        """Raises `TrainingError` if there are too many images."""
        if len(data) > self.images:
            raise TrainingError(
                f"{len(data):,} images are more than the {self.images:,} allowed {self.where}; choose a smaller data set."
            )

    def told(self) -> str:
        """All of it in plain words."""
        kept = (
            f"Your model is kept for you alone, as long as this page is open and for {self.kept_seconds / 60:.0f} minutes "
            f"after, so that a reload brings it back; at most {self.models} visitors' models, or {self.model_mebibytes:,} MB "
            "of them, are kept, and the one unused longest goes first."
        )
        runs = f"{self.slots} runs at a time, up to {self.line} more wait in line."
        if math.isinf(self.run_seconds):
            return f"No limits of time or size {self.where}. {runs} {kept}"
        return (
            f"Limits {self.where}: a run ends after {self.run_seconds / 60:g} minutes at the latest and keeps its model; "
            f"at most {self.epochs:,} epochs, {self.batch_size:,} images a batch, {self.hidden_dim:,} units in a hidden layer, "
            f"{self.images:,} images, uploads of {self.upload_mebibytes} MB; {runs} {kept}"
        )


LIMITS: dict[Host, Limits] = {
    "local": Limits(where="on this computer"),
    # Two cores and 16 GB: the page needs one of the cores.
    "cpu-space": Limits(
        where="on this shared Space without a GPU",
        run_seconds=600,
        epochs=200,
        batch_size=1024,
        hidden_dim=1024,
        images=250_000,
        upload_mebibytes=32,
        slots=2,
        sessions=200,
    ),
    "gpu-space": Limits(
        where="on this shared Space with a GPU",
        run_seconds=600,
        epochs=1000,
        batch_size=4096,
        images=250_000,
        upload_mebibytes=64,
        slots=2,
        sessions=200,
    ),
    # Each call draws on the visitor's own quota of GPU seconds.
    "zero-gpu": Limits(
        where="on this shared Space with ZeroGPU",
        run_seconds=180,
        epochs=1000,
        batch_size=4096,
        images=250_000,
        upload_mebibytes=64,
        slots=2,
        sessions=200,
        call_seconds=60,
    ),
}


def host() -> Host:
    """Where we run, by the environment."""
    if os.environ.get("SPACES_ZERO_GPU"):
        return "zero-gpu"
    if os.environ.get("SPACE_ID"):
        return "gpu-space" if torch.cuda.is_available() else "cpu-space"
    return "local"


def limits() -> Limits:
    """The limits of this host."""
    return LIMITS[host()]


def leave_room_for_the_page() -> None:
    """Let torch use half of the cores, at most four: its threads wait for each other by spinning.

    Measured on two cores with a busy process beside it, a step of preset `reference` takes 57 ms with two threads and 21.5 ms
    with one (checkpoints/recipes.md).
    """
    torch.set_num_threads(max(1, min(4, (os.cpu_count() or 1) // 2)))


def on_gpu(function: Callable[..., Iterator[bytes]], duration: Callable[..., int]) -> Callable[..., Iterator[bytes]]:
    """The generator function as it must be called to have the device: on ZeroGPU it then runs in a worker process.

    `duration` takes the same arguments and gives the GPU seconds to ask for. The only place that knows `spaces`.
    """
    if host() != "zero-gpu":
        return function
    import spaces  # type: ignore[import-not-found]  # only there, and before anything touches CUDA

    return spaces.GPU(function, duration=duration)
