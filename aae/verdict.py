"""What the numbers of q(z) say, in words: which dimensions are too narrow, shifted, skewed or correlated, and how far it is.

A deviation is only named if it is both real and large: beyond what draws of the prior show by chance (at a level of 1 % for all
tests together, after Bonferroni), and large enough to see in a histogram. With 10,000 codes the second decides, with 100 the
first.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from aae.matching import correlation, kolmogorov_smirnov, moments, sliced_wasserstein
from aae.measures import Quality
from aae.priors import GaussianPrior

Grade = Literal["close", "rough", "far", "unknown"]

FEWEST = 50
"""Codes below which nothing can be said."""
LEVEL = 0.01
"""Chance that a perfect q(z) gets any finding at all."""
COLLAPSED = 0.1
"""Standard deviation below which a dimension carries next to nothing."""
LEAST = {"mean": 0.1, "sigma": 0.08, "skewness": 0.3, "kurtosis": 0.6, "ks": 0.04, "correlation": 0.1}
"""The smallest deviations worth a word; means in σ of the prior, kurtosis as its excess over 3."""
CLOSE, ROUGH = 0.1, 0.3
"""Sliced 2-Wasserstein distance, less its floor, up to which q(z) is close to the prior, and up to which roughly so; in σ."""
MOST_NAMED = 4
PROJECTIONS = 200


@dataclass(frozen=True)
class Evidence:
    """What the verdict is drawn from: statistics of N codes z ~ q(z|x), each per dimension an array `(latent_dim,)`."""

    n: int
    mean: np.ndarray
    sigma: np.ndarray
    """Standard deviations."""
    skewness: np.ndarray
    kurtosis: np.ndarray
    """Excess over the normal distribution's 3."""
    ks: np.ndarray
    """Kolmogorov-Smirnov distances to N(0, 1)."""
    correlation: np.ndarray
    """`(latent_dim, latent_dim)`."""
    sliced_wasserstein: float
    """Of codes and draws of the prior, in σ."""
    sliced_wasserstein_floor: float
    """Of two sets of draws of the prior."""
    told_apart: tuple[float, float, float] | None = None
    """Accuracy of a classifier that was trained to tell codes from draws, on unseen ones, and its interval; 0.5 is chance."""

    @classmethod
    def of_quality(cls, quality: Quality) -> Evidence:
        """From what `measure` found."""
        measures, each = quality.measures, {name: np.array(values) for name, values in quality.dimensions.items()}
        told = measures["two_sample"]
        error = told.error or 0.0
        return cls(
            n=quality.images,
            mean=each["mean"],
            sigma=np.sqrt(each["variance"]),
            skewness=each["skewness"],
            kurtosis=each["kurtosis"],
            ks=each["ks"],
            correlation=np.array(quality.correlation),
            sliced_wasserstein=measures["sliced_wasserstein"].value,
            sliced_wasserstein_floor=measures["sliced_wasserstein"].floor or 0.0,
            told_apart=(told.value, told.value - error, told.value + error),
        )

    @classmethod
    def of(cls, z: Tensor, seed: int = 0) -> Evidence:
        """From codes `(N, latent_dim)` alone, in a fraction of a second; no classifier."""
        generator = torch.Generator().manual_seed(seed)
        prior = GaussianPrior(z.shape[1])
        draws, more_draws = prior.sample(len(z), generator), prior.sample(len(z), generator)
        shape = moments(z)
        return cls(
            n=len(z),
            mean=shape.mean.numpy(),
            sigma=shape.variance.sqrt().numpy(),
            skewness=shape.skewness.numpy(),
            kurtosis=shape.kurtosis.numpy(),
            ks=kolmogorov_smirnov(z).numpy(),
            correlation=correlation(z).numpy(),
            sliced_wasserstein=sliced_wasserstein(z, draws, PROJECTIONS, generator),
            sliced_wasserstein_floor=sliced_wasserstein(more_draws, draws, PROJECTIONS, generator),
        )


@dataclass(frozen=True)
class Verdict:
    """How close q(z) is to N(0, I), and what keeps it from being closer."""

    grade: Grade
    headline: str
    findings: tuple[str, ...]
    """Clauses without a full stop; the gravest first."""

    def __str__(self) -> str:
        return f"{'; '.join([self.headline, *self.findings])}."


def verdict(evidence: Evidence) -> Verdict:
    """Judge q(z) against N(0, I); the same evidence always gives the same words. Never NaN, whatever collapsed."""
    n, latent_dim = evidence.n, len(evidence.mean)
    if n < FEWEST:
        return Verdict("unknown", f"{n} codes are too few to say how close q(z) is to N(0, I)", ())
    pairs = [(i, j) for i in range(latent_dim) for j in range(i)]
    tests = 5 * latent_dim + len(pairs)
    beyond = NormalDist().inv_cdf(1 - LEVEL / tests / 2)  # in standard errors

    def limit(name: str, standard_error: float) -> float:
        return max(LEAST[name], beyond * standard_error)

    mean, sigma = np.nan_to_num(evidence.mean), np.nan_to_num(evidence.sigma)
    skewness, kurtosis = np.nan_to_num(evidence.skewness), np.nan_to_num(evidence.kurtosis)
    width, shift = limit("sigma", 1 / math.sqrt(2 * n)), limit("mean", 1 / math.sqrt(n))
    collapsed = sigma < COLLAPSED
    shifted = (np.abs(mean) > np.maximum(shift, beyond * sigma / math.sqrt(n))) & ~collapsed
    narrow, wide = (sigma < 1 - width) & ~collapsed, sigma > 1 + width
    skewed = (np.abs(skewness) > limit("skewness", math.sqrt(6 / n))) & ~collapsed
    heavy = (kurtosis > limit("kurtosis", math.sqrt(24 / n))) & ~collapsed
    flat = (kurtosis < -limit("kurtosis", math.sqrt(24 / n))) & ~collapsed
    # The DKW inequality bounds the KS distance of n draws; only named where nothing above explains it.
    explained = collapsed | shifted | narrow | wide | skewed | heavy | flat
    odd = (evidence.ks > max(LEAST["ks"], math.sqrt(math.log(2 * tests / LEVEL) / (2 * n)))) & ~explained

    def about(chosen: np.ndarray, what: str, symbol: str, values: np.ndarray, ideal: float = 0.0) -> list[str]:
        return [clause(np.flatnonzero(chosen), what, symbol, values, ideal)] if chosen.any() else []

    findings = [
        *about(collapsed, "collapsed", "σ", sigma, 1.0),
        *about(narrow, "too narrow", "σ", sigma, 1.0),
        *about(wide, "too wide", "σ", sigma, 1.0),
        *about(shifted, "off centre", "mean", mean),
        *about(skewed, "skewed", "skewness", skewness),
        *about(heavy, "heavy-tailed", "excess kurtosis", kurtosis),
        *about(flat, "too flat or two-humped", "excess kurtosis", kurtosis),
        *about(odd, "of another shape", "KS", evidence.ks),
        *correlated(evidence.correlation, [pair for pair in pairs if not collapsed[list(pair)].any()], limit, n),
    ]
    excess = math.sqrt(max(evidence.sliced_wasserstein**2 - evidence.sliced_wasserstein_floor**2, 0.0))
    grade: Grade = "close" if excess < CLOSE else "rough" if excess < ROUGH else "far"
    if collapsed.any():
        grade = "far"
    elif grade == "close" and len(set(np.flatnonzero(explained | odd))) > latent_dim / 2:
        grade = "rough"
    told = told_apart(evidence.told_apart, bool(findings))
    return Verdict(grade, HEADLINES[grade], (*findings, *told))


HEADLINES: dict[Grade, str] = {
    "close": "q(z) is close to N(0, I)",
    "rough": "q(z) is roughly N(0, I)",
    "far": "q(z) is far from N(0, I)",
}


def correlated(matrix: np.ndarray, pairs: Sequence[tuple[int, int]], limit: Callable[[str, float], float], n: int) -> list[str]:
    found = [(j, i) for i, j in pairs if abs(matrix[i, j]) > limit("correlation", 1 / math.sqrt(n))]
    if not found:
        return []
    found.sort(key=lambda pair: -abs(matrix[pair]))
    named = listed([f"{i} and {j} ({signed(matrix[i, j])})" for i, j in found[:MOST_NAMED]])
    if len(found) == 1:
        return [f"dimensions {named} are correlated"]
    if len(found) <= MOST_NAMED:
        return [f"correlated are dimensions {named}"]
    i, j = found[0]
    return [f"{len(found)} pairs of dimensions are correlated, most of all {i} and {j} ({signed(matrix[i, j])})"]


def clause(dimensions: np.ndarray, what: str, symbol: str, values: np.ndarray, ideal: float) -> str:
    """What is wrong with these dimensions: each named with its value, or how many and the one furthest from the ideal."""
    written = [f"{value:.2f}" if symbol in ("σ", "KS") else signed(value) for value in values[dimensions]]
    if len(dimensions) == 1:
        return f"dimension {dimensions[0]} is {what} ({symbol} {written[0]})"
    if len(dimensions) <= MOST_NAMED:
        return f"dimensions {listed([str(d) for d in dimensions])} are {what} ({symbol} {listed(written)})"
    worst = int(np.abs(values[dimensions] - ideal).argmax())
    share = f"all {len(values)}" if len(dimensions) == len(values) else f"{len(dimensions)} of {len(values)}"
    return f"{share} dimensions are {what}, most of all dimension {dimensions[worst]} ({symbol} {written[worst]})"


def told_apart(accuracy: tuple[float, float, float] | None, explained: bool) -> list[str]:
    """What a classifier's accuracy on codes against draws adds."""
    if accuracy is None:
        return []
    share, low, _ = accuracy
    if low <= 0.5:
        return [f"a classifier cannot tell its codes from draws of the prior ({100 * share:.1f} % right, 50 % is chance)"]
    why = "" if explained else ", by something that no single dimension and no correlation shows"
    return [f"a classifier tells its codes from draws of the prior {100 * share:.1f} % of the time (50 % is chance){why}"]


def listed(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def signed(value: float) -> str:
    return f"{value:+.2f}".replace("-", "−")
