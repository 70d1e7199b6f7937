"""What is watched while a model trains: the same held-out images and the same draws of the prior, at every look."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from aae.data import ImageData, to_model_range
from aae.latent import held_out_indices
from aae.models import AAE
from aae.priors import GaussianPrior

CODES = 500
"""Held-out images whose codes are watched, at most."""
DRAWS = 64
"""Draws of the prior that are decoded."""
REBUILT = 8
"""Held-out images that are reconstructed."""
PROJECTIONS = 64
"""Directions of the distance to the prior: enough for a curve (`matching.sliced_wasserstein` takes 1,000)."""
FLOOR_PAIRS = 8
FAR = 1e6
"""Codes further out count as this far: before batch norm has its averages, a σ may be too large for float32."""


@dataclass(frozen=True)
class Look:
    """A model at one moment."""

    codes: np.ndarray
    """float32 `(n, latent_dim)`: posterior means of the probe's images."""
    samples: np.ndarray
    """uint8 `(64, 32, 32)`: the probe's draws of the prior, decoded."""
    reconstructions: np.ndarray
    """uint8 `(8, 32, 32)`: the probe's first images, reconstructed from their posterior means."""
    distance: float
    """Sliced 2-Wasserstein distance of the images' codes z ~ q(z|x) to the prior, in σ; compare it with the probe's floor."""


class Probe:
    """Held-out images and draws of the prior, chosen once, the same for everyone who trains on these images.

    Everything stays on `device`. A look leaves the model and all random states as they were.
    """

    def __init__(self, held_out: ImageData, latent_dim: int, device: torch.device) -> None:
        chosen = held_out_indices(len(held_out), CODES)
        rebuilt = _one_of_each(held_out.labels[chosen].numpy())
        labels = held_out.labels[chosen].numpy()
        order = np.argsort(labels, kind="stable")  # by class, as figures have their traces
        self.labels = labels[order]
        """int64 `(n,)`, ascending."""
        self.originals = held_out.images[chosen[rebuilt], 0].numpy()
        """uint8 `(8, 32, 32)`: the images that are reconstructed."""
        self._x = to_model_range(held_out.images[chosen[order]]).to(device)  # (n, 1, 32, 32)
        self._rebuilt = torch.from_numpy(np.argsort(order)[rebuilt]).to(device)  # their places among the codes
        generator = torch.Generator().manual_seed(0)
        prior = GaussianPrior(latent_dim)
        self.prior = prior.sample(len(chosen), generator)
        """float32 `(n, latent_dim)` on the CPU: as many draws of the prior as there are codes."""
        self._draws = prior.sample(DRAWS, generator).to(device)
        self._noise = torch.randn(len(chosen), latent_dim, generator=generator).to(device)
        directions = torch.randn(latent_dim, PROJECTIONS, generator=generator)
        self._directions = directions / directions.norm(dim=0)
        self._sorted_prior = self._along(self.prior)
        others = [prior.sample(len(chosen), generator) for _ in range(FLOOR_PAIRS)]
        self.floor = float(np.mean([self._distance(other) for other in others]))
        """The distance where the codes are draws of the prior: mean of eight such draws."""

    @torch.no_grad()
    def look(self, model: AAE) -> Look:
        """The model as it stands, in evaluation mode; waits for the device."""
        was_training = model.training
        model.eval()
        mean, sigma = model.posterior(self._x)  # (n, latent_dim), (n, latent_dim)
        z = mean if model.config.posterior == "deterministic" else mean + sigma * self._noise
        images = model.decode(torch.cat([self._draws, mean[self._rebuilt]]))  # (64 + 8, 1, 32, 32)
        model.train(was_training)
        pixels = images.float()[:, 0].add(1).mul(127.5).round().to(torch.uint8).cpu().numpy()
        return Look(mean.float().cpu().numpy(), pixels[:DRAWS], pixels[DRAWS:], self._distance(z.float().cpu()))

    def _along(self, z: Tensor) -> np.ndarray:
        """Codes `(n, latent_dim)` along each direction, sorted: `(64, n)`. NumPy sorts floats twenty times as fast as torch."""
        return np.sort((z.clamp(-FAR, FAR) @ self._directions).T.numpy(), axis=1)

    def _distance(self, z: Tensor) -> float:
        return float(np.sqrt(np.square(self._along(z) - self._sorted_prior).mean()))


def _one_of_each(labels: np.ndarray) -> np.ndarray:
    """Places of eight images `(8,)`, of as many classes as there are; fewer if there are fewer images."""
    _, first = np.unique(labels, return_index=True)
    rest = np.setdiff1d(np.arange(len(labels)), first)
    return np.concatenate([first, rest])[:REBUILT]
