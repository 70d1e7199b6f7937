"""What an autoencoder keeps of an image (L1, MSE, PSNR), and what its codes tell of the class."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from aae.data import ImageData, to_model_range
from aae.models import AAE

CHUNK = 2048
"""Images in one forward pass: bounds memory, changes no number but by rounding."""


@dataclass(frozen=True)
class Errors:
    """Of each image, float32 `(N,)`; pixels in [-1, 1]."""

    l1: Tensor
    """Mean absolute error, in [0, 2]."""
    mse: Tensor
    """Mean squared error, in [0, 4]."""


@torch.no_grad()
def reconstruction_errors(model: AAE, images: Tensor, sample: bool = False, generator: torch.Generator | None = None) -> Errors:
    """Errors of the reconstructions of uint8 images `(N, 1, 32, 32)`, from posterior means or from sampled codes.

    The model must be in eval mode; `generator` is the source of the posterior's noise, on the model's device.
    """
    l1, mse = [], []
    for part in images.split(CHUNK):
        x = to_model_range(part.to(model.device))
        difference = (model.decode(model.encode(x, sample=sample, generator=generator)) - x).flatten(1)  # (n, 1024)
        l1.append(difference.abs().mean(1))
        mse.append(difference.square().mean(1))
    return Errors(torch.cat(l1).cpu(), torch.cat(mse).cpu())


def reconstruction_l1(model: AAE, data: ImageData) -> float:
    """Mean absolute reconstruction error of posterior means over pixels in [-1, 1]; the model must be in eval mode."""
    return float(reconstruction_errors(model, data.images).l1.double().mean())


def psnr(mse: float) -> float:
    """Peak signal-to-noise ratio in dB of a mean squared error over pixels in [-1, 1]: 10 log₁₀(2² / MSE)."""
    return 10 * math.log10(4 / max(mse, 1e-12))


def knn_accuracy(
    codes: Tensor, labels: Tensor, held_out_codes: Tensor, held_out_labels: Tensor, k: int = 5, rows: int = 1000
) -> float:
    """Share of held-out codes whose k nearest codes by Euclidean distance vote for their class, in [0, 1].

    `codes` `(N, latent_dim)` with int64 labels `(N,)` vote on `(M, latent_dim)` and `(M,)`; of classes with as many votes the
    first wins, as in scikit-learn.
    """
    classes = int(max(labels.max(), held_out_labels.max())) + 1
    right = 0
    for part, truth in zip(held_out_codes.split(rows), held_out_labels.split(rows), strict=True):
        nearest = torch.cdist(part, codes).topk(k, largest=False).indices  # (rows, k)
        right += int((F.one_hot(labels[nearest], classes).sum(1).argmax(1) == truth).sum())
    return right / len(held_out_codes)


def linear_probe_accuracy(
    codes: Tensor, labels: Tensor, held_out_codes: Tensor, held_out_labels: Tensor, l2: float = 1e-3
) -> float:
    """Share of held-out codes that a linear classifier of the codes tells right, in [0, 1].

    Multinomial logistic regression (mean cross-entropy and l2/2·|W|² over standardised codes), by L-BFGS to convergence.
    Arguments as in `knn_accuracy`.
    """
    mean, scale = codes.double().mean(0), codes.double().std(0).clamp_min(1e-6)
    x, x_held_out = ((part.double() - mean) / scale for part in (codes, held_out_codes))
    classes = int(max(labels.max(), held_out_labels.max())) + 1
    weight = torch.zeros(x.shape[1], classes, dtype=torch.float64, device=x.device, requires_grad=True)
    bias = torch.zeros(classes, dtype=torch.float64, device=x.device, requires_grad=True)
    solver = torch.optim.LBFGS([weight, bias], max_iter=200, tolerance_grad=1e-6, line_search_fn="strong_wolfe")

    def objective() -> Tensor:
        solver.zero_grad()
        loss = F.cross_entropy(x @ weight + bias, labels) + 0.5 * l2 * weight.square().sum()
        loss.backward()
        return loss

    with torch.enable_grad():
        solver.step(objective)
    with torch.no_grad():
        return float(((x_held_out @ weight + bias).argmax(1) == held_out_labels).double().mean())
