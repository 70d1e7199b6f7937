"""Move an encoder's codes onto the prior's mean and covariance, and the decoder with them: no reconstruction changes."""

from __future__ import annotations

import torch
from torch import Tensor

from aae.data import to_model_range
from aae.models import AAE

CHUNK = 2048
ENOUGH = 20_000
"""Images that fix a mean and covariance to a hundredth; they take about a second on two cores."""


@torch.no_grad()
def standardise(model: AAE, images: Tensor) -> None:
    """Give q(z) over uint8 images `(N, 1, 32, 32)` mean 0 and covariance I, by a change of coordinates in place.

    With m and C the mean and covariance of z ~ q(z|x) over the images, the encoder gives C^-½ (μ - m) instead of μ, and the
    decoder takes C^½ z + m instead of z. Both are linear at that place, so they fold into the layers' weights and nothing
    else changes. The covariance of a posterior keeps its diagonal only: σ is scaled by the diagonal of C^-½ (exact as σ → 0,
    and where C is diagonal). It is computed in evaluation mode; the model is put back as it was.
    """
    was_training = model.training
    model.eval()
    posteriors = [model.posterior(to_model_range(part)) for part in images.split(CHUNK)]
    model.train(was_training)
    # On the CPU: mps has neither float64 nor eigenvectors.
    means = torch.cat([mean for mean, _ in posteriors]).cpu().double()  # (N, latent_dim)
    variance = torch.cat([sigma for _, sigma in posteriors]).cpu().double().square().mean(0)
    if model.config.posterior == "deterministic":
        variance = torch.zeros_like(variance)
    values, vectors = torch.linalg.eigh(torch.cov(means.T) + variance.diag())
    values = values.clamp_min(1e-6)  # a dimension that carries nothing cannot be widened to the prior's
    narrow, widen = vectors * values.rsqrt() @ vectors.T, vectors * values.sqrt() @ vectors.T  # C^-½, C^½
    head, first, centre = model.encoder.mean, model.decoder.layers[0], means.mean(0)
    assert isinstance(first, torch.nn.Linear)
    head.bias.copy_(narrow @ (head.bias.cpu().double() - centre))
    head.weight.copy_(narrow @ head.weight.cpu().double())
    model.encoder.log_variance.bias.add_((2 * narrow.diagonal().log()).to(head.bias))
    first.bias.add_((first.weight.cpu().double() @ centre).to(first.bias))
    first.weight.copy_(first.weight.cpu().double() @ widen)
