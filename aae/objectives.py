"""What the same encoder and decoder are compared with: trained as a plain and as a variational autoencoder.

Both leave the discriminator as it was initialised: what it says of a code means nothing then.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.optim import Optimizer

from aae import losses
from aae.config import ModelConfig, Objective, Posterior
from aae.errors import ConfigError
from aae.models import AAE

TITLES: dict[Objective, str] = {"ae": "Autoencoder", "vae": "Variational autoencoder", "aae": "Adversarial autoencoder"}

POSTERIORS: dict[Objective, Posterior] = {"ae": "deterministic", "vae": "gaussian"}
"""What an objective asks of q(z|x); the adversarial one goes with either."""


def check(objective: Objective, model_config: ModelConfig) -> None:
    """Raises `ConfigError` if a model of that posterior cannot be trained with that objective."""
    wanted = POSTERIORS.get(objective, model_config.posterior)
    if model_config.posterior != wanted:
        raise ConfigError(f"The objective {objective} needs a {wanted} posterior; choose posterior {wanted}.")


def step(objective: Objective, model: AAE, optimiser: Optimizer, x: Tensor, noise: torch.Generator) -> Tensor:
    """Update encoder and decoder on images x `(N, 1, 32, 32)` in [-1, 1].

    "ae": the reconstruction of the posterior's mean alone. "vae": `losses.variational_loss` of a code drawn from the
    posterior, which must be Gaussian. `optimiser` holds the encoder's and the decoder's parameters.

    Returns what `Trainer.adversarial_step` does, `(4,)`: the reconstruction loss, the KL divergence in nats (0 for "ae"),
    and 0 for the loss and accuracy of the discriminator that takes no part.
    """
    model.train()
    if objective == "vae":
        mean, sigma = model.posterior(x)  # (N, latent_dim), (N, latent_dim)
        z = mean + sigma * torch.randn(mean.shape, generator=noise, device=mean.device, dtype=mean.dtype)
        loss, reconstruction, divergence = losses.variational_loss(model.decode(z), x, mean, sigma)
    else:
        loss = reconstruction = losses.reconstruction_loss(model.decode(model.encode(x, sample=False)), x)
        divergence = torch.zeros_like(loss)
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    absent = torch.zeros_like(divergence)
    return torch.stack([reconstruction, divergence, absent, absent]).detach()
