"""Ways through the latent space: interpolation, arithmetic, traversals, the prior's quantile grid, nearest codes.

The page walks in the browser (`ui/assets/walks.js`), by the same formulas; a test holds the two together.
"""

from __future__ import annotations

from statistics import NormalDist

import numpy as np


def linear(a: np.ndarray, b: np.ndarray, t: float) -> np.ndarray:
    """(1 - t) a + t b for codes `(latent_dim,)`: the straight line, at t in [0, 1].

    Halfway between two independent draws of N(0, I) the norm is only about 1/√2 of theirs: where a prior of many dimensions
    has next to no mass.
    """
    return (1 - t) * a + t * b


def spherical(a: np.ndarray, b: np.ndarray, t: float) -> np.ndarray:
    """(sin((1 - t) Ω) a + sin(t Ω) b) / sin Ω for codes `(latent_dim,)`, Ω the angle between them, at t in [0, 1].

    Slerp (Shoemake, 1985; White, 2016, for latent spaces): between codes of one norm it keeps that norm, so that from one
    draw of N(0, I) to another all norms stay typical of the prior. Where Ω is not defined, or 0 or π, it is `linear`.
    """
    norms = float(np.linalg.norm(a) * np.linalg.norm(b))
    angle = float(np.arccos(np.clip(a @ b / norms, -1, 1))) if norms else 0.0
    if np.sin(angle) < 1e-6:
        return linear(a, b, t)
    return (np.sin((1 - t) * angle) * a + np.sin(t * angle) * b) / np.sin(angle)


def arithmetic(a: np.ndarray, b: np.ndarray, c: np.ndarray) -> np.ndarray:
    """a - b + c: what sets a apart from b, added to c (Mikolov et al., 2013; Radford et al., 2016, for images)."""
    return a - b + c


def traversal(z: np.ndarray, columns: int = 9, extent: float = 3.0) -> np.ndarray:
    """Codes `(latent_dim, columns, latent_dim)`: row i is z `(latent_dim,)` with z[i] from -extent to extent σ."""
    codes = np.broadcast_to(z, (len(z), columns, len(z))).copy()
    for i, row in enumerate(codes):
        row[:, i] = np.linspace(-extent, extent, columns)
    return codes


def prior_quantiles(n: int) -> np.ndarray:
    """Φ⁻¹((i - ½) / n) for i = 1 … n, `(n,)`: the middles of n parts of N(0, 1) that have one mass."""
    normal = NormalDist()
    return np.array([normal.inv_cdf((i + 0.5) / n) for i in range(n)])


def manifold(axes: np.ndarray, z: np.ndarray, n: int) -> np.ndarray:
    """Codes `(n, n, latent_dim)` at the prior's quantiles along two orthonormal `axes` `(2, latent_dim)`, through z.

    The quantile grid of Kingma and Welling (2014, figure 4) in the affine plane z + span(axes): in the other directions all
    codes are what z is. Rows run from the top down, as the plane is drawn: in the first one the second axis is largest.
    """
    across = z - axes.T @ (axes @ z)
    quantiles = prior_quantiles(n)
    x, y = np.meshgrid(quantiles, quantiles[::-1])  # (n, n)
    return across + x[..., None] * axes[0] + y[..., None] * axes[1]


def nearest(z: np.ndarray, codes: np.ndarray, k: int = 10) -> tuple[np.ndarray, np.ndarray]:
    """Places `(k,)` of the codes `(N, latent_dim)` nearest to z in the Euclidean distance, and those distances `(k,)`."""
    distances = np.linalg.norm(codes - z, axis=1)
    places = np.argsort(distances, kind="stable")[:k]
    return places, distances[places]
