"""The three networks of an adversarial autoencoder, and `AAE`, which holds them.

Sizes are those of the reference implementation (PyTorch-GAN's ``aae.py``); images are (1, 32, 32) in [-1, 1].
"""

from __future__ import annotations

from os import PathLike
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from aae.config import IMAGE_SIZE, ModelConfig

if TYPE_CHECKING:
    from aae.checkpoints import Record

PIXELS = IMAGE_SIZE * IMAGE_SIZE


class Encoder(nn.Module):
    """q(z|x): image to the mean and log variance of a diagonal Gaussian over z."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        hidden = config.hidden_dim
        # Subtracted from the images: zero, or the mean training image (TrainConfig.inputs). Not trained.
        self.centre: Tensor
        self.register_buffer("centre", torch.zeros(PIXELS))
        self.trunk = nn.Sequential(
            nn.Flatten(),  # (N, 1, 32, 32) -> (N, 1024)
            nn.Linear(PIXELS, hidden),
            nn.LeakyReLU(0.2, inplace=True),
            nn.Linear(hidden, hidden),
            nn.BatchNorm1d(hidden),
            nn.LeakyReLU(0.2, inplace=True),
        )
        self.mean = nn.Linear(hidden, config.latent_dim)
        # log σ² rather than σ: any real number is then a valid variance, so the head needs no constraint.
        self.log_variance = nn.Linear(hidden, config.latent_dim)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """x `(N, 1, 32, 32)` in [-1, 1] to μ and log σ², each `(N, latent_dim)`."""
        h = self.trunk(x.flatten(1) - self.centre)  # (N, hidden)
        return self.mean(h), self.log_variance(h)


class Decoder(nn.Module):
    """p(x|z): latent code to image."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        hidden = config.hidden_dim
        self.layers = nn.Sequential(
            nn.Linear(config.latent_dim, hidden),
            nn.LeakyReLU(0.2, inplace=True),
            nn.Linear(hidden, hidden),
            nn.BatchNorm1d(hidden),
            nn.LeakyReLU(0.2, inplace=True),
            nn.Linear(hidden, PIXELS),
            nn.Tanh(),
        )

    def forward(self, z: Tensor) -> Tensor:
        """z `(N, latent_dim)` to images `(N, 1, 32, 32)` in [-1, 1]."""
        return self.layers(z).view(-1, 1, IMAGE_SIZE, IMAGE_SIZE)  # (N, 1024) -> (N, 1, 32, 32)


class Discriminator(nn.Module):
    """D(z): how much a code looks like a draw of the prior, as a logit (the sigmoid lives in the loss)."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        hidden = config.hidden_dim
        self.layers = nn.Sequential(
            nn.Linear(config.latent_dim, hidden),
            nn.LeakyReLU(0.2, inplace=True),
            nn.Linear(hidden, hidden // 2),
            nn.LeakyReLU(0.2, inplace=True),
            nn.Linear(hidden // 2, 1),
        )

    def forward(self, z: Tensor) -> Tensor:
        """z `(N, latent_dim)` to logits `(N,)`; positive means "from the prior"."""
        return self.layers(z).squeeze(-1)


class AAE(nn.Module):
    """An adversarial autoencoder: encoder, decoder and discriminator with one configuration."""

    def __init__(self, config: ModelConfig | None = None) -> None:
        super().__init__()
        self.config = config or ModelConfig()
        self.encoder = Encoder(self.config)
        self.decoder = Decoder(self.config)
        self.discriminator = Discriminator(self.config)

    @property
    def device(self) -> torch.device:
        return self.encoder.mean.weight.device

    def encode(self, x: Tensor, sample: bool = True, generator: torch.Generator | None = None) -> Tensor:
        """Codes of images.

        Args:
            x: images `(N, 1, 32, 32)`, float, in [-1, 1].
            sample: draw z = μ + exp(log σ² / 2)·ε with ε ~ N(0, I) (the reparameterisation trick; Kingma and
                Welling, 2013, section 2.4) instead of returning μ. A deterministic posterior always returns μ.
            generator: source of ε, on the model's device.

        Returns:
            z `(N, latent_dim)`.

        Raises:
            ValueError: x is not of that shape.
        """
        mean, sigma = self.posterior(x)
        if not sample or self.config.posterior == "deterministic":
            return mean
        noise = torch.randn(mean.shape, generator=generator, device=mean.device, dtype=mean.dtype)
        return mean + sigma * noise

    def posterior(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """q(z|x) of images `(N, 1, 32, 32)` in [-1, 1]: μ and σ, each `(N, latent_dim)`.

        A deterministic posterior's σ is not used.

        Raises:
            ValueError: x is not of that shape.
        """
        if x.dim() != 4 or tuple(x.shape[1:]) != (1, IMAGE_SIZE, IMAGE_SIZE):
            raise ValueError(f"encode takes images of shape (N, 1, {IMAGE_SIZE}, {IMAGE_SIZE}), not {tuple(x.shape)}.")
        mean, log_variance = self.encoder(x)
        return mean, torch.exp(0.5 * log_variance)

    def decode(self, z: Tensor) -> Tensor:
        """Images `(N, 1, 32, 32)` in [-1, 1] from codes `(N, latent_dim)`; `ValueError` for any other shape."""
        self._check_codes(z, "decode")
        return self.decoder(z)

    def discriminate(self, z: Tensor) -> Tensor:
        """Logits `(N,)` from codes `(N, latent_dim)`, positive for "from the prior"; `ValueError` for another shape."""
        self._check_codes(z, "discriminate")
        return self.discriminator(z)

    def _check_codes(self, z: Tensor, caller: str) -> None:
        if z.dim() != 2 or z.shape[1] != self.config.latent_dim:
            raise ValueError(f"{caller} takes codes of shape (N, {self.config.latent_dim}), not {tuple(z.shape)}.")

    def save(self, path: str | PathLike[str], record: Record | None = None) -> None:
        """Write a checkpoint that `load` reads back; raises `CheckpointError` if the file cannot be written."""
        from aae.checkpoints import Checkpoint, save_checkpoint  # checkpoints builds on models, not models on it

        save_checkpoint(path, Checkpoint.of(self, record=record))

    @classmethod
    def load(cls, path: str | PathLike[str], device: torch.device | str = "cpu") -> AAE:
        """The model of a checkpoint, in evaluation mode, on `device`; raises `CheckpointError` if it is not one."""
        from aae.checkpoints import load_checkpoint

        return load_checkpoint(path).model(device)


def initialise(model: nn.Module, generator: torch.Generator) -> None:
    """Draw every linear layer anew, as `nn.Linear` does, but from `generator` (a CPU one) and not from global state."""
    for module in model.modules():
        if isinstance(module, nn.Linear):
            nn.init.kaiming_uniform_(module.weight, a=5**0.5, generator=generator)
            bound = module.in_features**-0.5
            nn.init.uniform_(module.bias, -bound, bound, generator=generator)
