"""How good a model is: reconstruction, how closely its codes follow the prior, and how its samples compare with images.

Distances are only worth something beside their floor: the same number where both sides are draws of one distribution.
`measure` gives both, from held-out images and sampled codes z ~ q(z|x), the codes that the discriminator sees.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from aae.classifier import Classifier
from aae.data import ImageData, to_model_range
from aae.losses import reconstruction_loss
from aae.matching import kolmogorov_smirnov, sliced_wasserstein
from aae.models import AAE
from aae.priors import GaussianPrior
from aae.reconstruction import CHUNK, reconstruction_l1
from aae.samples import class_entropy, frechet_distance


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
