"""One training step, taken apart: what its phases compute and what they change.

The step itself is `Trainer.step`. The phases are computed beside it, on a copy of the model, in the words of the paper; a test
shows that they come to the trainer's own losses and leave its run as it would have been.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

from aae import losses
from aae.models import AAE
from aae.training import Trainer

SHOWN = 8
"""Images of the batch that are shown."""

PhaseName = Literal["encode", "decode", "generator", "discriminator"]


@dataclass(frozen=True)
class Quantity:
    """A number of a phase: its value, and what it was before where the phase changed it."""

    name: str
    value: float
    before: float | None = None


@dataclass(frozen=True)
class Phase:
    """One of the phases of a step."""

    name: PhaseName
    quantities: tuple[Quantity, ...]


@dataclass(frozen=True)
class Step:
    """A step that was taken, phase by phase."""

    number: int
    """How many steps the run has taken, this one included."""
    batch_size: int
    losses: tuple[float, float, float, float]
    """What the trainer says of this step: the fields of `events.Losses`."""
    phases: tuple[Phase, ...]
    images: np.ndarray
    """uint8 `(8, 32, 32)`: first images of the batch (fewer, if it has fewer)."""
    reconstructions: np.ndarray
    """uint8, the same images reconstructed before the update of encoder and decoder."""
    updated: np.ndarray
    """uint8, and after it, from the same noise."""


def dissect(trainer: Trainer) -> Step:
    """Take the trainer's next step, as `Trainer.step` does; its losses are in the result instead of in `take_sums`."""
    x = trainer.next_batch()  # (N, 1, 32, 32)
    before = copy.deepcopy(trainer.model).train()
    noise = trainer.noise.clone_state()
    objective = trainer.config.objective

    # Encode and decode.
    mean, sigma = before.posterior(x)  # (N, latent_dim), (N, latent_dim)
    sampled = before.config.posterior == "gaussian" and objective != "ae"
    epsilon = torch.randn(mean.shape, generator=noise, device=mean.device) if sampled else torch.zeros_like(mean)
    z = mean + sigma * epsilon
    x_rec = before.decode(z)

    # The generator's objective and its gradients.
    logits = before.discriminate(z)
    if objective == "vae":
        loss, reconstruction, regulariser = losses.variational_loss(x_rec, x, mean, sigma)
    else:
        weight = trainer.config.adversarial_weight if objective == "aae" else 0.0
        loss, reconstruction, regulariser = losses.generator_loss(x_rec, x, logits, weight)
    before.zero_grad()
    loss.backward()
    generator_gradients = {name: gradient_norm(getattr(before, name)) for name in ("encoder", "decoder")}

    # The discriminator's: draws of the prior against the same codes.
    p = trainer.prior.sample(len(x), noise)  # (N, latent_dim)
    before.zero_grad()
    discrimination = losses.discriminator_loss(before.discriminate(p), before.discriminate(z.detach()))
    discrimination.backward()

    trainer.take_sums()
    trainer.step()
    told = trainer.take_sums().tolist()
    after = copy.deepcopy(trainer.model).train()
    with torch.no_grad():
        new_mean, new_sigma = after.posterior(x)
        new_z = new_mean + new_sigma * epsilon
        updated = after.decode(new_z)
        phases = [
            Phase(
                "encode",
                (
                    Quantity("|z|, mean over the batch", float(z.norm(dim=1).mean())),
                    *[Quantity("σ of q(z|x), mean", float(sigma.mean()))] * sampled,
                    *[Quantity("D(z), mean", belief(logits))] * (objective == "aae"),
                ),
            ),
            Phase("decode", (Quantity("reconstruction loss, L1", float(reconstruction)),)),
            Phase(
                "generator",
                (
                    Quantity("reconstruction loss, L1", float(losses.reconstruction_loss(updated, x)), float(reconstruction)),
                    *_regulariser(objective, before, new_mean, new_sigma, new_z, float(regulariser), logits),
                    *[Quantity(f"gradient of the {name}", norm) for name, norm in generator_gradients.items()],
                    Quantity("change of the encoder's weights", change(before.encoder, after.encoder)),
                    Quantity("change of the decoder's weights", change(before.decoder, after.decoder)),
                ),
            ),
        ]
        if objective == "aae":
            phases.append(
                Phase(
                    "discriminator",
                    (
                        Quantity("discriminator loss", *_pair(after, before, p, z)),
                        Quantity("D(z), mean over codes", belief(after.discriminate(z)), belief(before.discriminate(z))),
                        Quantity("D(p), mean over draws", belief(after.discriminate(p)), belief(before.discriminate(p))),
                        Quantity("share told right", *(right(model, p, z) for model in (after, before))),
                        Quantity("gradient of the discriminator", gradient_norm(before.discriminator)),
                        Quantity("change of its weights", change(before.discriminator, after.discriminator)),
                    ),
                )
            )
    return Step(
        number=trainer.step_count,
        batch_size=len(x),
        losses=(told[0], told[1], told[2], told[3]),
        phases=tuple(phases),
        images=pixels(x),
        reconstructions=pixels(x_rec),
        updated=pixels(updated),
    )


def _pair(after: AAE, before: AAE, p: Tensor, z: Tensor) -> tuple[float, float]:
    new, old = (float(losses.discriminator_loss(model.discriminate(p), model.discriminate(z))) for model in (after, before))
    return new, old


def _regulariser(
    objective: str, before: AAE, mean: Tensor, sigma: Tensor, z: Tensor, value: float, logits: Tensor
) -> list[Quantity]:
    """What the codes cost the encoder before and after its update, under the discriminator that it was trained against."""
    if objective == "vae":
        return [Quantity("KL divergence, nats", float(losses.kl_divergence(mean, sigma)), value)]
    if objective == "ae":
        return []
    new_logits = before.discriminate(z)
    return [
        Quantity("adversarial loss", float(losses.adversarial_loss(new_logits)), value),
        Quantity("D(z), mean", belief(new_logits), belief(logits)),
    ]


def belief(logits: Tensor) -> float:
    """Mean D(z) in [0, 1]: how much these `(N,)` codes look like draws of the prior."""
    return float(torch.sigmoid(logits.detach()).mean())


def right(model: AAE, p: Tensor, z: Tensor) -> float:
    """Share of draws p and codes z, each `(N, latent_dim)`, that D tells right."""
    return float(((model.discriminate(p) > 0).float().mean() + (model.discriminate(z) < 0).float().mean()) / 2)


def norm(tensors: Iterable[Tensor]) -> float:
    """Euclidean norm of all these tensors' entries together."""
    return float(torch.stack([tensor.detach().float().square().sum() for tensor in tensors]).sum().sqrt())


def gradient_norm(module: nn.Module) -> float:
    return norm(parameter.grad for parameter in module.parameters() if parameter.grad is not None)


def change(before: nn.Module, after: nn.Module) -> float:
    """How far the parameters have moved, as a Euclidean norm."""
    return norm(new - old for new, old in zip(after.parameters(), before.parameters(), strict=True))


def pixels(images: Tensor) -> np.ndarray:
    """The first eight images `(N, 1, 32, 32)` in [-1, 1] as uint8 `(8, 32, 32)`."""
    return images.detach().float()[:SHOWN, 0].add(1).mul(127.5).round().to(torch.uint8).cpu().numpy()
