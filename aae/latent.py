"""Looking at the latent space: codes of held-out images, and orthonormal linear views of it."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from aae.checkpoints import Checkpoint
from aae.data import ImageData, to_model_range
from aae.models import AAE

HELD_OUT = 5_000
"""How many held-out images' codes a checkpoint carries at most."""


def held_out_indices(count: int, n: int = HELD_OUT) -> np.ndarray:
    """Which of a test set's `count` images a checkpoint carries codes of: the same `n` for everyone, in random order.

    Drawn from the whole set, because the first half of MNIST's test images is cleaner than the second.
    """
    return np.random.default_rng(0).permutation(count)[:n]


@torch.no_grad()
def encode_means(model: AAE, x: Tensor) -> np.ndarray:
    """Posterior means of images x `(n, 1, 32, 32)` in [-1, 1] as float32 `(n, latent_dim)`, in evaluation mode.

    Evaluation mode leaves the batch norm's running statistics alone; the model is put back as it was.
    """
    was_training = model.training
    model.eval()
    codes = model.encode(x, sample=False).float().cpu().numpy()
    model.train(was_training)
    return codes


def with_held_out(checkpoint: Checkpoint, data: ImageData) -> Checkpoint:
    """The checkpoint with the posterior means and labels of (up to) 5,000 held-out images of `data`."""
    chosen = torch.from_numpy(held_out_indices(len(data)))
    codes = encode_means(checkpoint.model(), to_model_range(data.images[chosen]))
    labels = data.labels[chosen].to(torch.uint8)
    return dataclasses.replace(checkpoint, codes=torch.from_numpy(codes).to(torch.float16), labels=labels)


@dataclass(frozen=True)
class Projection:
    """An orthonormal linear view of the latent space: a code z is drawn at `axes @ z`.

    The rows of `axes` `(2, latent_dim)` are orthonormal and nothing is subtracted, so N(0, I) looks like N(0, I₂) in every
    view, and a σ is the same length in all of them.
    """

    name: str
    axes: np.ndarray
    labels: tuple[str, str]

    def __call__(self, codes: np.ndarray) -> np.ndarray:
        """Codes `(N, latent_dim)` to points `(N, 2)`, float32."""
        return (codes @ self.axes.T).astype(np.float32)


def axis_projection(latent_dim: int, first: int = 0, second: int = 1) -> Projection:
    """The view along two different latent axes; `ValueError` for axes that are equal or do not exist."""
    if not (0 <= first < latent_dim and 0 <= second < latent_dim) or first == second:
        raise ValueError(f"Choose two different axes from 0 to {latent_dim - 1}.")
    axes = np.zeros((2, latent_dim), np.float32)
    axes[0, first] = axes[1, second] = 1
    return Projection("axes", axes, (f"z[{first}]", f"z[{second}]"))


def pca_projection(codes: np.ndarray) -> Projection:
    """The two directions in which the codes `(N, latent_dim)` vary most (PCA; Pearson, 1901), sign fixed.

    The mean is removed to find the directions, not from what is drawn: a shift of q(z) off the prior stays visible.
    """
    if len(codes) < 2:
        return axis_projection(codes.shape[1])
    variances, vectors = np.linalg.eigh(np.cov(codes.T.astype(np.float64)))  # ascending
    axes = vectors[:, [-1, -2]].T  # (2, latent_dim)
    axes = axes * np.where(axes[np.arange(2), np.abs(axes).argmax(1)] < 0, -1, 1)[:, None]
    share = variances[[-1, -2]] / max(variances.sum(), np.finfo(np.float64).tiny)
    labels = (f"PC 1: {share[0]:.0%} of variance", f"PC 2: {share[1]:.0%} of variance")
    return Projection("pca", axes.astype(np.float32), labels)
