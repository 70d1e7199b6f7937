"""The prior p(z) that the aggregated posterior q(z) is pushed onto."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class GaussianPrior:
    """The standard normal N(0, I), the prior of section 2 of Makhzani et al. (2015)."""

    latent_dim: int

    def sample(self, n: int, generator: torch.Generator | None = None, device: torch.device | None = None) -> Tensor:
        """`n` independent draws, float32 `(n, latent_dim)`, on the generator's device unless `device` is given."""
        if device is None and generator is not None:
            device = generator.device
        return torch.randn(n, self.latent_dim, generator=generator, device=device)
