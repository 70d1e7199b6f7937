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
    axes = _sign_fixed(axes)
    share = variances[[-1, -2]] / max(variances.sum(), np.finfo(np.float64).tiny)
    labels = (f"PC 1: {share[0]:.0%} of variance", f"PC 2: {share[1]:.0%} of variance")
    return Projection("pca", axes.astype(np.float32), labels)


def lda_projection(codes: np.ndarray, labels: np.ndarray) -> Projection:
    """The plane in which the classes `(N,)` of codes `(N, latent_dim)` lie furthest apart for their spread.

    Fisher's (1936) discriminant directions, the first two eigenvectors of S_w⁻¹ S_b (scatter within and between classes).
    They are not orthogonal; Gram-Schmidt makes them so, which keeps the plane they span and the first direction. The labels
    say how much of the variance along each axis lies between classes.
    """
    classes = np.unique(labels)
    if len(codes) < 2 or len(classes) < 2:
        return axis_projection(codes.shape[1])
    codes = codes.astype(np.float64)
    means = np.stack([codes[labels == c].mean(0) for c in classes])[np.searchsorted(classes, labels)]  # (N, latent_dim)
    within = np.cov((codes - means).T, bias=True)
    between = np.cov(means.T, bias=True)
    # A direction in which no class varies at all must not divide by zero.
    within += np.eye(len(within)) * max(1e-6 * np.trace(within + between) / len(within), np.finfo(np.float64).tiny)
    root = np.linalg.cholesky(np.linalg.inv(within))  # root rootᵀ = S_w⁻¹
    _, vectors = np.linalg.eigh(root.T @ between @ root)  # ascending
    axes = _sign_fixed(np.linalg.qr(root @ vectors[:, [-1, -2]])[0].T)  # (2, latent_dim)
    shares = [u @ between @ u / max(u @ (between + within) @ u, np.finfo(np.float64).tiny) for u in axes]
    labelled = tuple(f"LD {i + 1}: {share:.0%} between classes" for i, share in enumerate(shares))
    return Projection("lda", axes.astype(np.float32), (labelled[0], labelled[1]))


def worst_projection(codes: np.ndarray, draws: np.ndarray, more_draws: np.ndarray) -> Projection:
    """The two directions in which codes and draws of the prior, each `(N, latent_dim)`, differ most.

    The second is the worst one at right angles to the first. A search over directions finds a difference between any two
    finite samples, so each label also gives what the same search finds between the prior and `more_draws` of it.
    """
    if len(codes) < 2:
        return axis_projection(codes.shape[1])
    axes, found = _worst_pair(codes, draws)
    _, floor = _worst_pair(more_draws, draws)
    labels = tuple(f"W₂ {value:.2f} σ (prior against prior {least:.2f})" for value, least in zip(found, floor, strict=True))
    return Projection("worst", axes.astype(np.float32), (labels[0], labels[1]))


def _worst_pair(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, tuple[float, float]]:
    first, value = max_sliced_wasserstein(a, b)
    # An orthonormal basis of all that is at right angles to the first direction, in which the search goes on.
    rest = np.linalg.svd(first[None].astype(np.float64))[2][1:].astype(np.float32)  # (latent_dim - 1, latent_dim)
    second, other = max_sliced_wasserstein(a @ rest.T, b @ rest.T)
    return np.stack([first, second @ rest]), (value, other)


def max_sliced_wasserstein(a: np.ndarray, b: np.ndarray, *, starts: int = 4, steps: int = 40) -> tuple[np.ndarray, float]:
    """The unit direction `(latent_dim,)` along which two samples of one size `(N, latent_dim)` are furthest apart, and how far.

    The max-sliced 2-Wasserstein distance (Deshpande et al., 2019). In one dimension W₂ pairs sorted values, and for a fixed
    pairing W₂² = uᵀ M u with M the mean of ddᵀ over the pairs' differences d, which gives its gradient; it is climbed from the
    best of many directions. It may end in a local maximum: what it finds is a lower bound.
    """
    a, b = a.astype(np.float32), b.astype(np.float32)
    generator = np.random.default_rng(0)
    tries = generator.standard_normal((64, a.shape[1]), dtype=np.float32)
    tries = np.concatenate([tries, np.eye(a.shape[1], dtype=np.float32), (a.mean(0) - b.mean(0))[None] + 1e-6])
    tries /= np.linalg.norm(tries, axis=1, keepdims=True)
    apart = ((np.sort(a @ tries.T, axis=0) - np.sort(b @ tries.T, axis=0)) ** 2).mean(0)
    best, furthest = tries[apart.argmax()], float(apart.max())
    for start in tries[np.argsort(-apart)[:starts]]:
        u = trial = start
        value, ascent, rate = -1.0, np.zeros_like(u), 1.0
        for _ in range(steps):
            d = a[np.argsort(a @ trial)] - b[np.argsort(b @ trial)]  # (N, latent_dim), pairs along the trial direction
            along = d @ trial
            if (reached := float((along**2).mean())) > value:
                u, value, rate = trial, reached, 1.5 * rate
                ascent = d.T @ along / len(d) / max(value, 1e-12) - u  # the gradient on the sphere, over 2 W₂²
            else:
                rate /= 3  # too far: the distance is peaked more sharply than the pairing's uᵀ M u
            trial = u + rate * ascent
            trial /= np.linalg.norm(trial)
        if value > furthest:
            best, furthest = u, value
    return best, furthest**0.5


def _sign_fixed(axes: np.ndarray) -> np.ndarray:
    """Each direction turned so that its largest component is positive: the same data look the same every time."""
    return axes * np.where(axes[np.arange(2), np.abs(axes).argmax(1)] < 0, -1, 1)[:, None]
