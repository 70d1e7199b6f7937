"""What a training run tells: its losses, where it stands, and in which words it has diverged."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

import numpy as np
import torch

from aae.config import TrainConfig

EXPLODED = 100.0
"""A discriminator loss (its logits' size, where it is wrong) that no sound run comes near."""


JUDGED_STEPS = 50
"""Steps that a run is judged by: one wild step that it recovers from is no divergence."""


@dataclass(frozen=True)
class Losses:
    """Means over the steps since the last report (or over an epoch). Other objectives than "aae" have no discriminator: 0."""

    reconstruction: float
    adversarial: float
    """What the codes cost the encoder: BCE(D(z), 1); of a variational autoencoder the KL divergence in nats; else 0."""
    discriminator: float
    discriminator_accuracy: float
    """Share of draws and codes that D tells right, 0 to 1; 0.5 is chance."""


@dataclass(frozen=True)
class Progress:
    """Where the run stands; sent at least every `training.REPORT_SECONDS`, and after the last step of an epoch."""

    step: int
    total_steps: int
    epoch: float
    """Passes over the data so far; fractional within one."""
    epochs: int
    images_per_second: float
    eta_seconds: float
    losses: Losses
    codes: np.ndarray | None
    """float32 `(n, latent_dim)`: posterior means of the probe images, if there are any."""


@dataclass(frozen=True)
class EpochEnd:
    """An epoch is over; its mean losses, and the reconstruction loss of the probe images if there are any."""

    epoch: int
    losses: Losses
    seconds: float


Event = Progress | EpochEnd


class Recent:
    """Mean losses over the last `JUDGED_STEPS` steps or a little more, however many of them a report covers.

    A slow machine reports every few steps; judged by one report alone, a run would end there that a fast machine finishes.
    """

    def __init__(self) -> None:
        self._reports: deque[tuple[torch.Tensor, int]] = deque()

    def add(self, sums: torch.Tensor, steps: int) -> Losses:
        """Take in a report: the sums of `Losses`' fields over its steps, `(4,)`."""
        self._reports.append((sums, steps))
        while sum(count for _, count in self._reports) - self._reports[0][1] >= JUDGED_STEPS:
            self._reports.popleft()
        total = torch.stack([part for part, _ in self._reports]).sum(0)
        return Losses(*(total / sum(count for _, count in self._reports)).tolist())


def divergence(losses: Losses, config: TrainConfig, least: float = math.inf) -> str:
    """One sentence that says what to lower if these mean losses are those of a run that diverges; else an empty string.

    The means are over some tens of steps (`Recent`). Exploding counts too: an adversarial or discriminator loss far above what
    sound logits give, or a reconstruction loss above 0.5 (an empty image costs MNIST about 0.25) and three times the least so
    far.
    """
    what = ""
    if losses.discriminator > EXPLODED:
        what = "the discriminator's learning rate"
    elif config.objective == "aae" and config.adversarial_weight * losses.adversarial > EXPLODED / 10:
        what = "the adversarial weight or the learning rates"
    elif losses.reconstruction > max(0.5, 3 * least):
        what = "the learning rate"
    if what:
        return f"Training diverged (a loss exploded); lower {what} and train again."
    if all(math.isfinite(value) for value in (losses.reconstruction, losses.adversarial, losses.discriminator)):
        return ""
    what = (
        "the learning rate"
        if config.learning_rate >= 1e-3 or config.objective != "aae"
        else "the adversarial weight or the learning rate"
    )
    return f"Training diverged (a loss is no longer a number); lower {what} and train again."
