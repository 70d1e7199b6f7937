"""The objectives of an adversarial autoencoder (Makhzani et al., 2015, sections 2 and 2.1), and of a variational one.

The discriminator tells draws of the prior (label 1) from codes of the encoder (label 0). Every function takes the
discriminator's logits: ``binary_cross_entropy_with_logits`` is the cross-entropy of their sigmoid, without the overflow.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def reconstruction_loss(x_rec: Tensor, x: Tensor) -> Tensor:
    """Mean absolute error, E|x̂ - x|, over pixels in [-1, 1]; both `(N, 1, 32, 32)`; a scalar in [0, 2]."""
    return F.l1_loss(x_rec, x)


def adversarial_loss(code_logits: Tensor) -> Tensor:
    """What the encoder pays for codes that D tells from the prior: BCE(D(z), 1) = -E_q(z)[log D(z)].

    The non-saturating form of the generator's half of equation 1 (Goodfellow et al., 2014, section 3).
    `code_logits` is `(N,)`; the result is a non-negative scalar.
    """
    return F.binary_cross_entropy_with_logits(code_logits, torch.ones_like(code_logits))


def generator_loss(x_rec: Tensor, x: Tensor, code_logits: Tensor, adversarial_weight: float) -> tuple[Tensor, Tensor, Tensor]:
    """λ·BCE(D(z), 1) + (1 - λ)·L1(x̂, x): reconstruction and regularisation phase in one, as the reference does.

    Returns the total, the reconstruction loss and the adversarial loss (the two unweighted), each a scalar.
    """
    reconstruction = reconstruction_loss(x_rec, x)
    adversarial = adversarial_loss(code_logits)
    total = adversarial_weight * adversarial + (1 - adversarial_weight) * reconstruction
    return total, reconstruction, adversarial


def discriminator_loss(prior_logits: Tensor, code_logits: Tensor) -> Tensor:
    """½·[BCE(D(p), 1) + BCE(D(z), 0)]: minus half of equation 1's objective, which D maximises.

    Both are `(N,)` logits; the result is a scalar, log 2 ≈ 0.693 where D cannot tell the two apart.
    """
    real = F.binary_cross_entropy_with_logits(prior_logits, torch.ones_like(prior_logits))
    fake = F.binary_cross_entropy_with_logits(code_logits, torch.zeros_like(code_logits))
    return 0.5 * (real + fake)


def kl_divergence(mean: Tensor, sigma: Tensor) -> Tensor:
    """KL(N(μ, diag σ²) ‖ N(0, I)) = ½ Σ_j (μ_j² + σ_j² - 1 - log σ_j²) (Kingma and Welling, 2013, appendix B).

    Both are `(N, latent_dim)`; the result is the mean over the N images, in nats, not negative.
    """
    return 0.5 * (mean.square() + sigma.square() - 1 - 2 * sigma.log()).sum(1).mean()


def variational_loss(x_rec: Tensor, x: Tensor, mean: Tensor, sigma: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The negative evidence lower bound (Kingma and Welling, 2013, equation 10, one draw), in units of L1 per pixel.

    With a Laplace likelihood of scale b for each of the P pixels, -log p(x|z) = P·(L1/b + log 2b), so b/P times the bound is
    L1 + (b/P)·KL and a constant. The scale is the one of greatest likelihood, the batch's L1, held fixed in the gradient
    (Rybkin et al., 2021, "optimal σ-VAE"): no weight between the two terms is left to choose.

    Returns the total, the reconstruction loss (L1) and the KL divergence in nats, each a scalar.
    """
    reconstruction = reconstruction_loss(x_rec, x)
    divergence = kl_divergence(mean, sigma)
    scale = reconstruction.detach()
    return reconstruction + scale / x[0].numel() * divergence, reconstruction, divergence
