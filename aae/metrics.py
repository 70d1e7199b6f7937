"""How good a model is: reconstruction, how closely its codes follow the prior, and how its samples compare with images.

Distances are only worth something beside their floor: the same number where both sides are draws of one distribution.
`measure` gives both, from held-out images and sampled codes z ~ q(z|x), the codes that the discriminator sees.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from aae.classifier import Classifier
from aae.data import ImageData, to_model_range
from aae.losses import reconstruction_loss
from aae.models import AAE
from aae.priors import GaussianPrior

CHUNK = 2048
"""Images in one forward pass: bounds memory, changes no number but by rounding."""
PROJECTIONS = 1000


@torch.no_grad()
def reconstruction_l1(model: AAE, data: ImageData) -> float:
    """Mean absolute reconstruction error of posterior means over pixels in [-1, 1]; the model must be in eval mode."""
    total = 0.0
    for part in data.images.split(CHUNK):
        x = to_model_range(part.to(model.device))
        total += reconstruction_loss(model.decode(model.encode(x, sample=False)), x).item() * len(part)
    return total / len(data)


def kolmogorov_smirnov(z: Tensor) -> Tensor:
    """Kolmogorov-Smirnov distance to N(0, 1) of each dimension of codes `(N, latent_dim)`; `(latent_dim,)` in [0, 1].

    sup over t of |F_N(t) - Φ(t)|, which is reached just before or at one of the N steps of the empirical F_N.
    """
    n = len(z)
    expected = torch.special.ndtr(z.double().sort(dim=0).values)  # (N, latent_dim)
    before = torch.arange(n, dtype=torch.float64, device=z.device)[:, None] / n  # F_N just before each step
    return torch.maximum((expected - before).amax(0), (before + 1 / n - expected).amax(0)).float()


def sliced_wasserstein(a: Tensor, b: Tensor, projections: int = PROJECTIONS, generator: torch.Generator | None = None) -> float:
    """Sliced 2-Wasserstein distance of two sets of points of one size, each `(N, latent_dim)` (Bonneel et al., 2015).

    The root of the mean over random directions u of W₂²(u·a, u·b); in one dimension W₂ pairs the sorted values. In units
    of the prior's standard deviation; never 0 for two finite draws, so compare it with two draws of the prior.
    """
    directions = torch.randn(a.shape[1], projections, generator=generator)
    directions = (directions / directions.norm(dim=0)).to(a.device)
    total = torch.zeros((), dtype=torch.float64, device=a.device)
    for part in directions.split(100, dim=1):  # (N, 100) at a time
        total += ((a @ part).sort(dim=0).values - (b @ part).sort(dim=0).values).square().mean(0).sum()
    return float((total / projections).sqrt())


def frechet_distance(a: Tensor, b: Tensor) -> float:
    """Fréchet distance of the Gaussians fitted to two sets of features `(N, F)` and `(M, F)` (Heusel et al., 2017, eq. 6).

    |μ_a - μ_b|² + tr(C_a + C_b - 2 (C_a C_b)^½). The trace of the root comes from the eigenvalues of C_a^½ C_b C_a^½, which
    is symmetric and has those of C_a C_b. The scale is that of the features: only ratios carry over to another network.
    """
    a, b = a.double(), b.double()
    covariance_a, covariance_b = torch.cov(a.T), torch.cov(b.T)  # (F, F)
    values, vectors = torch.linalg.eigh(covariance_a)
    root = vectors * values.clamp_min(0).sqrt() @ vectors.T
    root_trace = torch.linalg.eigvalsh(root @ covariance_b @ root).clamp_min(0).sqrt().sum()
    distance = (a.mean(0) - b.mean(0)).square().sum() + covariance_a.trace() + covariance_b.trace() - 2 * root_trace
    return max(float(distance), 0.0)


def class_entropy(classes: Tensor, class_count: int) -> float:
    """Entropy of the class frequencies of predictions `(N,)`, as a share of the uniform distribution's: 1 is balanced."""
    share = torch.bincount(classes, minlength=class_count).double() / len(classes)
    return float(torch.special.entr(share).sum() / torch.tensor(class_count, dtype=torch.float64).log())


@dataclass(frozen=True)
class Quality:
    """What `measure` finds. Codes are sampled, z ~ q(z|x), one for each held-out image; every floor has as many points."""

    images: int
    l1: float
    """Mean absolute error of reconstructions from sampled codes, pixels in [-1, 1]."""
    l1_of_means: float
    """The same from posterior means."""
    posterior_sigma: float
    """Mean σ of q(z|x) over images and dimensions."""
    ks_mean: float
    ks_worst: float
    ks_floor: float
    """Mean over dimensions for draws of the prior."""
    sliced_wasserstein: float
    sliced_wasserstein_floor: float
    """Of two sets of draws of the prior."""
    frechet_samples: float
    """Decoded draws of the prior against the held-out images."""
    frechet_reconstructions: float
    frechet_floor: float
    """As many training images against the held-out ones."""
    class_entropy: float
    """Of decoded draws of the prior, as a share of uniform."""
    class_entropy_real: float
    """The same of the held-out images."""


@torch.no_grad()
def measure(model: AAE, held_out: ImageData, train: ImageData, classifier: Classifier, seed: int = 0) -> Quality:
    """Measure a model in eval mode, on the CPU, on held-out images; the same seed gives the same numbers.

    Args:
        model: in evaluation mode.
        held_out: images that the model was not trained on.
        train: its training images, for the real-against-real floor of the Fréchet distance.
        classifier: whose features and classes are taken; of the same data set.
        seed: of the posterior's and the prior's draws, the directions, and the choice of training images.
    """
    n, generator = len(held_out), torch.Generator().manual_seed(seed)
    prior = GaussianPrior(model.config.latent_dim)
    draws, more_draws = prior.sample(n, generator), prior.sample(n, generator)  # (N, latent_dim)
    codes, sigmas, l1 = [], [], 0.0
    real, reconstructed = [], []
    for part in held_out.images.split(CHUNK):
        x = to_model_range(part)
        z = model.encode(x, generator=generator)
        x_rec = model.decode(z)
        l1 += reconstruction_loss(x_rec, x).item() * len(x)
        codes.append(z)
        sigmas.append(model.posterior(x)[1])
        real.append(classifier.features(x))
        reconstructed.append(classifier.features(x_rec))
    z, real_features = torch.cat(codes), torch.cat(real)
    chosen = torch.randperm(len(train), generator=generator)[:n]
    other_real = [classifier.features(to_model_range(part)) for part in train.images[chosen].split(CHUNK)]
    samples = [classifier.features(model.decode(part)) for part in draws.split(CHUNK)]
    sample_features = torch.cat(samples)
    distances = kolmogorov_smirnov(z)
    classes = len(held_out.class_names)
    return Quality(
        images=n,
        l1=l1 / n,
        l1_of_means=reconstruction_l1(model, held_out),
        posterior_sigma=float(torch.cat(sigmas).mean()) if model.config.posterior == "gaussian" else 0.0,
        ks_mean=float(distances.mean()),
        ks_worst=float(distances.max()),
        ks_floor=float(kolmogorov_smirnov(draws).mean()),
        sliced_wasserstein=sliced_wasserstein(z, draws, generator=generator),
        sliced_wasserstein_floor=sliced_wasserstein(more_draws, draws, generator=generator),
        frechet_samples=frechet_distance(sample_features, real_features),
        frechet_reconstructions=frechet_distance(torch.cat(reconstructed), real_features),
        frechet_floor=frechet_distance(torch.cat(other_real), real_features),
        class_entropy=class_entropy(classifier.head(sample_features).argmax(1), classes),
        class_entropy_real=class_entropy(held_out.labels, classes),
    )
