"""How closely codes follow the prior: q(z) against p(z) = N(0, I), one dimension at a time and all together.

A distance between finite samples is never 0: compare each with its floor, the same number for as many draws of the prior.
Codes and draws are float `(N, latent_dim)` on one device; everything is deterministic for a given seed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

PROJECTIONS = 1000
ROWS = 1000
"""Rows of a matrix of pairs that are held at a time."""


def kolmogorov_smirnov(z: Tensor) -> Tensor:
    """Kolmogorov-Smirnov distance to N(0, 1) of each dimension of codes `(N, latent_dim)`; `(latent_dim,)` in [0, 1].

    sup over t of |F_N(t) - Φ(t)|, which is reached just before or at one of the N steps of the empirical F_N.
    """
    n = len(z)
    expected = torch.special.ndtr(z.double().sort(dim=0).values)  # (N, latent_dim)
    before = torch.arange(n, dtype=torch.float64, device=z.device)[:, None] / n  # F_N just before each step
    return torch.maximum((expected - before).amax(0), (before + 1 / n - expected).amax(0)).float()


@dataclass(frozen=True)
class Moments:
    """Of each dimension, float64 `(latent_dim,)`; those of N(0, 1) are 0, 1, 0 and 0."""

    mean: Tensor
    variance: Tensor
    skewness: Tensor
    """m₃ / m₂^1.5, with m the central moments; 0 where all codes are the same."""
    kurtosis: Tensor
    """Excess: m₄ / m₂² - 3; positive for heavier tails than a Gaussian's; 0 where all codes are the same."""


def moments(z: Tensor) -> Moments:
    """The first four moments of each dimension of codes `(N, latent_dim)` (Fisher's definitions, without bias correction)."""
    z = z.double()
    mean = z.mean(0)
    central = z - mean
    variance = central.square().mean(0)
    varies = variance > 1e-12
    safe = torch.where(varies, variance, 1.0)
    skewness = torch.where(varies, central.pow(3).mean(0) / safe**1.5, 0.0)
    kurtosis = torch.where(varies, central.pow(4).mean(0) / safe**2 - 3, 0.0)
    return Moments(mean, variance, skewness, kurtosis)


def correlation(z: Tensor) -> Tensor:
    """Pearson's correlation matrix of codes `(N, latent_dim)`: float64 `(latent_dim, latent_dim)`, its diagonal 1.

    A dimension in which all codes are the same correlates with none.
    """
    matrix = torch.corrcoef(z.double().T).nan_to_num(0.0)
    return matrix.fill_diagonal_(1.0)


@dataclass(frozen=True)
class Mardia:
    """Multivariate skewness and kurtosis, and how likely as large a deviation is for Gaussian codes."""

    skewness: float
    """b₁ ≥ 0; about latent_dim (latent_dim + 1) (latent_dim + 2) / N for N Gaussian codes."""
    skewness_p: float
    kurtosis: float
    """b₂; latent_dim (latent_dim + 2) for Gaussian codes."""
    kurtosis_p: float
    kurtosis_excess: float
    """b₂ as a share of a Gaussian's, less 1: 0 is right, negative is too flat."""


def mardia(z: Tensor) -> Mardia:
    """Mardia's (1970) tests of multivariate normality, whatever the mean and covariance, of codes `(N, latent_dim)`.

    With y the codes whitened by their own mean and covariance: b₁ = mean over pairs of (yᵢ·yⱼ)³, N b₁/6 is χ² with
    d(d+1)(d+2)/6 degrees of freedom; b₂ = mean of |y|⁴, (b₂ - d(d+2)) / √(8d(d+2)/N) is N(0, 1), two-sided. The mean over
    pairs is the squared norm of the mean third-order tensor y⊗y⊗y, so no matrix of pairs is needed. Directions in which the
    codes do not vary are left out, and d is what remains.
    """
    n = len(z)
    y = z.double() - z.double().mean(0)
    values, vectors = torch.linalg.eigh(y.T @ y / n)
    varies = values > 1e-10 * values[-1].clamp_min(1e-300)
    y = y @ (vectors[:, varies] * values[varies].rsqrt())  # (N, d)
    d = y.shape[1]
    third = torch.zeros(d * d, d, dtype=torch.float64, device=z.device)
    for part in y.split(ROWS):
        third += (part[:, :, None] * part[:, None, :]).flatten(1).T @ part
    skewness = float((third / n).square().sum())
    kurtosis = float(y.square().sum(1).square().mean())
    freedom = torch.tensor(d * (d + 1) * (d + 2) / 6, dtype=torch.float64)
    skewness_p = float(torch.special.gammaincc(freedom / 2, torch.tensor(n * skewness / 12, dtype=torch.float64)))
    score = (kurtosis - d * (d + 2)) / math.sqrt(8 * d * (d + 2) / n)
    return Mardia(skewness, skewness_p, kurtosis, math.erfc(abs(score) / math.sqrt(2)), kurtosis / (d * (d + 2)) - 1)


@dataclass(frozen=True)
class MMD:
    """Maximum mean discrepancy of two samples."""

    squared: float
    """Unbiased, so it can be below 0; about 0 for two samples of one distribution."""
    p_value: float
    """Share of random exchanges of points between the samples that give at least as much; 1 without permutations."""
    bandwidth: float
    """The kernel's σ: the median distance of two points of either sample."""


def mmd(a: Tensor, b: Tensor, permutations: int = 200, seed: int = 0, bandwidth: float | None = None) -> MMD:
    """MMD² of samples `(N, latent_dim)` and `(M, latent_dim)` with k(x, y) = exp(-|x - y|² / 2σ²) (Gretton et al., 2012).

    The unbiased estimate of their equation 3; σ is the median heuristic (over 2,000 of the points) unless it is given; the
    p-value is that of a permutation test and at least 1 / (permutations + 1). Pairs are taken in blocks: 5,000 points of each
    take about a second and 100 MB.
    """
    generator = torch.Generator().manual_seed(seed)
    n, pooled = len(a), torch.cat([a, b]).float()
    total = len(pooled)
    if bandwidth is None:
        some = pooled[torch.randperm(total, generator=generator)[:2000].to(pooled.device)]
        bandwidth = max(float(torch.pdist(some).median()), 1e-6)
    orders = [torch.arange(total), *[torch.randperm(total, generator=generator) for _ in range(permutations)]]
    first = torch.zeros(total, len(orders))  # 1 where a point counts to the first sample, a column for each permutation
    for column, order in enumerate(orders):
        first[order[:n], column] = 1
    first = first.to(pooled.device)
    within_first = torch.zeros(len(orders), dtype=torch.float64, device=pooled.device)
    across, every = torch.zeros_like(within_first), 0.0
    for start in range(0, total, ROWS):
        rows = slice(start, start + ROWS)
        kernel = torch.cdist(pooled[rows], pooled).square_().mul_(-0.5 / bandwidth**2).exp_()  # (ROWS, N + M)
        kernel[torch.arange(len(kernel)), torch.arange(start, start + len(kernel))] = 0  # no point with itself
        sums = (kernel @ first).double()  # (ROWS, permutations + 1)
        within_first += (sums * first[rows]).sum(0)
        across += (sums * (1 - first[rows])).sum(0)
        every += float(kernel.double().sum())
    m = total - n
    within_second = every - within_first - 2 * across
    squared = within_first / (n * (n - 1)) + within_second / (m * (m - 1)) - 2 * across / (n * m)
    reached = int((squared[1:] >= squared[0]).sum())
    return MMD(float(squared[0]), (reached + 1) / (permutations + 1), bandwidth)


def whitened(z: Tensor) -> Tensor:
    """Codes `(N, latent_dim)` with mean 0 and covariance I, by z to C^-½ (z - m): what is left is the shape of their cloud."""
    centred = z.double() - z.double().mean(0)
    values, vectors = torch.linalg.eigh(torch.cov(centred.T))
    return (centred @ (vectors * values.clamp_min(1e-12).rsqrt()) @ vectors.T).to(z.dtype)


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


@dataclass(frozen=True)
class TwoSampleTest:
    """How well a classifier that has never seen them tells codes from draws of the prior; 0.5 is chance."""

    accuracy: float
    low: float
    high: float
    """`low` to `high` is the accuracy's 95 % interval (Wilson)."""
    p_value: float
    """Of an accuracy as high, or higher, if both samples came from one distribution."""
    tested: int
    """Points that the accuracy is over, as many of each sample."""


def two_sample_test(a: Tensor, b: Tensor, seed: int = 0, epochs: int = 20) -> TwoSampleTest:
    """Classifier two-sample test of samples of one size, each `(N, latent_dim)` (Lopez-Paz and Oquab, 2017).

    A fresh network with two hidden layers of 128 learns to tell one half of `a` from one half of `b`; its accuracy on the
    other halves is a binomial proportion, 0.5 if the two cannot be told apart. Unlike the discriminator of a training run it
    has had no opponent and is tested on points that it was not trained on. Global random state is left alone.
    """
    half = len(a) // 2
    generator = torch.Generator().manual_seed(seed)
    a, b = (points[torch.randperm(len(points), generator=generator).to(points.device)].float() for points in (a, b))
    known, known_side = torch.cat([a[:half], b[:half]]), torch.arange(2 * half, device=a.device) < half
    held_out = torch.cat([a[half : 2 * half], b[half : 2 * half]])
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = nn.Sequential(
            nn.Linear(a.shape[1], 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU(), nn.Linear(128, 1), nn.Flatten(0)
        ).to(a.device)
    batch = max(min(256, 2 * half), 1)
    epochs = max(epochs, 200 * batch // (2 * half))  # a small sample too is learned from in some hundred steps
    steps = epochs * -(-2 * half // batch)
    optimiser = torch.optim.Adam(network.parameters(), 3e-3, fused=True)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: 1 - step / steps)
    with torch.enable_grad():
        for _ in range(epochs):
            for chosen in torch.randperm(2 * half, generator=generator).to(a.device).split(batch):
                loss = F.binary_cross_entropy_with_logits(network(known[chosen]), known_side[chosen].float())
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()
                schedule.step()
    with torch.no_grad():
        right = int(((network(held_out) > 0) == known_side).sum())
    low, high = binomial_interval(right, 2 * half)
    score = (right - half) / math.sqrt(half / 2)  # of 2·half tosses of a coin
    return TwoSampleTest(right / (2 * half), low, high, 0.5 * math.erfc(score / math.sqrt(2)), 2 * half)


def binomial_interval(successes: int, trials: int, z: float = 1.959963984540054) -> tuple[float, float]:
    """Wilson's (1927) score interval of a proportion, 95 % for the default z; within [0, 1]."""
    share, spread = successes / trials, z * z / trials
    centre = (share + spread / 2) / (1 + spread)
    half = z * math.sqrt(share * (1 - share) / trials + spread / (4 * trials)) / (1 + spread)
    return max(centre - half, 0.0), min(centre + half, 1.0)
