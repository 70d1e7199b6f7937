"""The Parzen-window log-likelihood of Makhzani et al. (2015), table 1, after Breuleux et al. (2011).

Draw samples, put a Gaussian of width σ on each, choose σ on a validation split, and report the mean log density of the test
images in nats. Theis et al. (2016) show how little it says of a model; it is here because the paper reports it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor

from aae.config import IMAGE_SIZE

SIZE = 28
"""Height and width of the images that the paper's protocol is over."""
SIGMAS = tuple(float(sigma) for sigma in torch.logspace(-1, 0, 10, dtype=torch.float64))
"""The grid of Goodfellow et al.'s published code."""
ROWS = 500


@dataclass(frozen=True)
class Parzen:
    """Mean log density over test images, in nats."""

    log_likelihood: float
    error: float
    """Its standard error over the test images, what the paper's ± is; not the spread over trainings."""
    sigma: float
    """Chosen on the validation images."""
    samples: int
    images: int


def parzen(samples: Tensor, validation: Tensor, test: Tensor, sigmas: tuple[float, ...] = SIGMAS) -> Parzen:
    """Log-likelihood of test images under a Parzen window of samples: all float `(N, P)` with pixels in [0, 1].

    log p(x) = log 1/N Σᵢ N(x; sampleᵢ, σ²I), σ the one of `sigmas` with the highest mean over the validation images.
    """
    means = [float(values.mean()) for values in _log_densities(samples, validation, sigmas)]
    best = sigmas[max(range(len(sigmas)), key=means.__getitem__)]
    (values,) = _log_densities(samples, test, (best,))
    error = float(values.std() / math.sqrt(len(values))) if len(values) > 1 else math.inf
    return Parzen(float(values.mean()), error, best, len(samples), len(test))


def _log_densities(samples: Tensor, images: Tensor, sigmas: tuple[float, ...]) -> list[Tensor]:
    """float64 `(M,)` for each σ: log density of each of the M images."""
    pixels = samples.shape[1]
    found: list[list[Tensor]] = [[] for _ in sigmas]
    for part in images.split(ROWS):
        squared = torch.cdist(part, samples).square_()  # (ROWS, N): computed once for all σ
        for place, sigma in enumerate(sigmas):
            kernels = torch.logsumexp(squared * (-0.5 / sigma**2), dim=1).double()
            found[place].append(kernels - math.log(len(samples)) - pixels * math.log(sigma * math.sqrt(2 * math.pi)))
    return [torch.cat(parts) for parts in found]


@lru_cache(maxsize=1)
def _shrink() -> Tensor:
    """Pseudo-inverse `(28, 32)` of the resize of one side from 28 to 32 pixels: it undoes it."""
    rows = torch.eye(SIZE)[None, None]  # each column of the identity, resized along the other axis, is one of the matrix
    enlarge = F.interpolate(rows, (IMAGE_SIZE, SIZE), mode="bilinear", antialias=True)[0, 0]
    return torch.linalg.pinv(enlarge.double()).float()


def to_paper_pixels(images: Tensor) -> Tensor:
    """Images `(N, 1, 32, 32)`, uint8 or float in [-1, 1], as 28x28 pixels in [0, 1]: float32 `(N, 784)`.

    The networks see MNIST enlarged to 32x32. This gives the 28x28 image whose enlargement is nearest (least squares): for a
    data set's image the original, but for the rounding to bytes.
    """
    x = images / 255 if images.dtype == torch.uint8 else (images + 1) / 2
    shrink = _shrink().to(x.device)
    return (shrink @ x.float() @ shrink.T).clamp_(0, 1).flatten(1)
