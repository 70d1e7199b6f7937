"""What Diagnose says and draws of one model's codes, from the core's functions."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from aae.figures import correlation_figure, marginals_figure, quantiles_figure
from aae.ui.components import figure_value
from aae.ui.session import ShownModel
from aae.verdict import Evidence, verdict


def identity(shown: ShownModel | None) -> str:
    """Which model it is: a visitor's next model has the same key, but other weights."""
    return shown.weights.stem if shown else ""


def codes_parts(shown: ShownModel) -> dict[str, Any]:
    """The verdict, the figures of the codes and what they show, as parts of a `View`."""
    evidence = Evidence.of(torch.from_numpy(shown.codes))
    n = f"{len(shown.codes):,} codes"
    extremes = [
        f"z[{i}]: mean {mean:.2f}, σ {sigma:.2f}"
        for i, (mean, sigma) in enumerate(zip(evidence.mean, evidence.sigma, strict=True))
    ]
    away = np.abs(np.nan_to_num(evidence.correlation) - np.eye(len(evidence.mean)))
    i, j = np.unravel_index(away.argmax(), away.shape)
    most = f"the largest correlation is {evidence.correlation[i, j]:.2f}, of z[{i}] and z[{j}]"
    name = shown.key
    return {
        "verdict": f"### {verdict(evidence)}",
        "marginals": figure_value(
            marginals_figure(shown.codes, revision=name),
            description=f"Histograms of {n} over the density of N(0, 1). {'; '.join(extremes)}.",
        ),
        "quantiles": figure_value(
            quantiles_figure(shown.codes, revision=name),
            description=f"Quantiles of {n} against those of N(0, 1). KS distances: "
            + "; ".join(f"z[{i}] {value:.3f}" for i, value in enumerate(evidence.ks)),
        ),
        "correlation": figure_value(
            correlation_figure(evidence.correlation, revision=name),
            description=f"Correlation matrix of {n}: {most}.",
        ),
        "about_codes": f"{n} (posterior means of test images, stored with the model); {most}.",
    }
