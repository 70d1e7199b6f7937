"""How images that a model makes compare with real ones: distances and overlap in a feature space, and class balance."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

ROWS = 1000
"""Rows of a matrix of pairs that are held at a time: 10,000 against 10,000 then take 40 MB at once."""
PRECISION_K = 3
COVERAGE_K = 5


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


def neighbour_radii(features: Tensor, k: int = COVERAGE_K) -> Tensor:
    """Distances of each of N features `(N, F)` to its 1st … k-th nearest other one, ascending: float32 `(N, k)`."""
    radii = []
    for start in range(0, len(features), ROWS):
        distances = torch.cdist(features[start : start + ROWS], features)
        distances[torch.arange(len(distances)), torch.arange(start, start + len(distances))] = torch.inf  # not itself
        radii.append(distances.topk(min(k, len(features) - 1), largest=False).values)
    return torch.cat(radii)


@dataclass(frozen=True)
class Overlap:
    """How much two sets of features lie in the same places."""

    precision: float
    """Share of the fakes that lie within reach of a real one: how many look real. In [0, 1]."""
    recall: float
    """Share of the real ones that lie within reach of a fake: how much of the variety is there. In [0, 1]."""
    density: float
    """As precision, but counting how many real ones' reach a fake lies within, over k: about 1 for real against real, more
    where fakes crowd the densest places."""
    coverage: float
    """Share of the real ones with a fake within reach, reach being the real one's. In [0, 1]."""


def overlap(real: Tensor, fake: Tensor, real_radii: Tensor | None = None, fake_radii: Tensor | None = None) -> Overlap:
    """Improved precision and recall, and density and coverage, of fake features `(M, F)` against real ones `(N, F)`.

    A point's reach is the distance to its k-th nearest neighbour within its own set: k = 3 for precision and recall
    (Kynkäänniemi et al., 2019, equations 1 and 2), k = 5 for density and coverage (Naeem et al., 2020, section 3). Radii
    from `neighbour_radii` may be passed to save their computation; at least six points of each are needed.
    """
    real_radii = neighbour_radii(real) if real_radii is None else real_radii
    fake_radii = neighbour_radii(fake) if fake_radii is None else fake_radii
    real_reach, fake_reach = real_radii[:, PRECISION_K - 1], fake_radii[:, PRECISION_K - 1]
    wide_reach = real_radii[:, COVERAGE_K - 1]
    precise, within = 0, 0
    recalled = torch.zeros(len(real), dtype=torch.bool, device=real.device)
    covered = torch.zeros_like(recalled)
    for start in range(0, len(fake), ROWS):
        distances = torch.cdist(fake[start : start + ROWS], real)  # (ROWS, N)
        precise += int((distances <= real_reach).any(1).sum())
        recalled |= (distances <= fake_reach[start : start + ROWS, None]).any(0)
        near = distances <= wide_reach
        within += int(near.sum())
        covered |= near.any(0)
    return Overlap(
        precision=precise / len(fake),
        recall=float(recalled.double().mean()),
        density=within / (COVERAGE_K * len(fake)),
        coverage=float(covered.double().mean()),
    )


def nearest(queries: Tensor, references: Tensor, k: int = 1) -> tuple[Tensor, Tensor]:
    """The k nearest of references `(M, F)` to each of queries `(N, F)`: distances and indices, each `(N, k)`, ascending."""
    found = [torch.cdist(part, references).topk(k, largest=False) for part in queries.split(ROWS)]
    return torch.cat([part.values for part in found]), torch.cat([part.indices for part in found])


def class_shares(classes: Tensor, class_count: int) -> Tensor:
    """Share of each class among predictions `(N,)`: float64 `(class_count,)`, summing to 1."""
    return torch.bincount(classes, minlength=class_count).double() / len(classes)


def class_entropy(classes: Tensor, class_count: int) -> float:
    """Entropy of the class frequencies of predictions `(N,)`, as a share of the uniform distribution's: 1 is balanced."""
    share = class_shares(classes, class_count)
    return float(torch.special.entr(share).sum() / torch.tensor(class_count, dtype=torch.float64).log())
