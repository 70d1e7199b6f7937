"""What Diagnose says and draws of one model's codes and measures, from the core's functions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from aae.data import TITLES, to_model_range
from aae.evaluation import Evaluation, stored_evaluation
from aae.latent import held_out_indices
from aae.measures import MEASURES, Measure
from aae.tables import GROUPS, about_measurement, cells
from aae.tiles import correlation_figure, marginals_figure, quantiles_figure
from aae.ui.packing import figure_value
from aae.ui.panels import held_out
from aae.ui.session import YOUR_MODEL, Shelf, ShownModel
from aae.verdict import FEWEST, Evidence, verdict

COLUMNS = ["Measure", "Value", "Floor", "Autoencoder"]
"""As `python -m aae evaluate` has them."""


def identity(shown: ShownModel | None) -> str:
    """Which model it is: a visitor's next model has the same key, but other weights."""
    return shown.weights.stem if shown else ""


def file_of(shown: ShownModel, shelf: Shelf) -> Path | None:
    """The checkpoint file of a shipped model."""
    return None if shown.key == YOUR_MODEL else shelf.checkpoints / f"{shown.key}.safetensors"


def stored(shown: ShownModel, shelf: Shelf) -> Evaluation | None:
    """The evaluation that came with a shipped model."""
    file = file_of(shown, shelf)
    try:
        return stored_evaluation(file) if file else None
    except OSError:  # the file has gone since the page was started
        return None


@torch.no_grad()
def sampled_codes(shown: ShownModel) -> tuple[np.ndarray, str]:
    """Codes to draw `(N, latent_dim)`, and what they are: sampled ones where the test images are at hand."""
    images = held_out(shown.dataset)
    if images is None:
        codes = shown.codes
        what = f"{len(codes):,} posterior means of test images, stored with the model"
        return codes, f"{what}; where q(z|x) has a width, q(z) is wider than these"
    chosen = images.images[held_out_indices(len(images))]
    generator = torch.Generator().manual_seed(0)
    parts = [shown.model.encode(to_model_range(part), generator=generator) for part in chosen.split(1000)]
    codes = torch.cat(parts).numpy()
    return codes, f"{len(codes):,} codes z ~ q(z|x) of test images of {TITLES.get(images.dataset, 'your own')}"


def verdict_text(evidence: Evidence, basis: str) -> str:
    return f"### {verdict(evidence)}\n\nFrom {basis}."


def codes_parts(shown: ShownModel) -> dict[str, Any]:
    """The figures of the codes, what they show, and the verdict that they alone allow, as parts of a `View`."""
    codes, what = sampled_codes(shown)
    if len(codes) < FEWEST:
        nothing = "This model carries no codes of test images, and its images are not on this machine: press Measure."
        return {
            "verdict": f"### {nothing}",
            "about_codes": nothing,
            **{name: figure_value(None) for name in ("marginals", "quantiles", "correlation")},
        }
    evidence = Evidence.of(torch.from_numpy(codes))
    each = enumerate(zip(evidence.mean, evidence.sigma, evidence.ks, strict=True))
    described = [f"z[{i}]: mean {mean:.2f}, σ {sigma:.2f}, KS {ks:.3f}" for i, (mean, sigma, ks) in each]
    away = np.abs(evidence.correlation - np.eye(len(evidence.mean)))
    i, j = np.unravel_index(away.argmax(), away.shape)
    most = f"the largest correlation is {evidence.correlation[i, j]:.2f}, of z[{min(i, j)}] and z[{max(i, j)}]"
    figures = {
        "marginals": (marginals_figure(codes), f"Histograms of {what}, over the density of N(0, 1). {'; '.join(described)}."),
        "quantiles": (quantiles_figure(codes), f"Quantiles of {what}, against those of N(0, 1). {'; '.join(described)}."),
        "correlation": (correlation_figure(evidence.correlation), f"Correlation matrix of {what}: {most}."),
    }
    return {
        "verdict": verdict_text(evidence, what),
        "about_codes": f"Drawn here: {what}. KS distance to N(0, 1): at most {evidence.ks.max():.3f}; {most}.",
        **{name: figure_value(figure, description=text) for name, (figure, text) in figures.items()},
    }


def measured_parts(evaluation: Evaluation) -> dict[str, Any]:
    """The verdict and the table of an evaluation, as parts of a `View`."""
    quality = evaluation.quality
    basis = f"{quality.images:,} codes z ~ q(z|x) of test images of {TITLES[quality.dataset]}"
    return {
        "verdict": verdict_text(Evidence.of_quality(quality), basis),
        "table": table_value(evaluation),
        "about_table": about_measurement(evaluation),
    }


def table_value(evaluation: Evaluation) -> dict[str, Any]:
    """Every measure as the command prints it, with what it means and where it lies between floor and autoencoder."""

    def row(name: str) -> dict[str, Any]:
        about, measure = MEASURES[name], evaluation.quality.measures[name]
        values = [text or "–" for text in cells(measure, about.digits)]
        return {"name": about.title, "about": about.text, "values": values, "share": share(measure, about.best)}

    def rows(group: str) -> list[dict[str, Any]]:
        return [row(name) for name, about in MEASURES.items() if about.group == group]

    return {"columns": COLUMNS, "groups": [{"title": title, "rows": rows(group)} for group, title in GROUPS.items()]}


def share(measure: Measure, best: str = "low") -> float | None:
    """Where a value lies on the way from floor (0) to ceiling (1); None where one is missing or both are the same.

    What is better than its floor is at 0; where the floor itself is `best`, as far from it on either side counts alike.
    """
    if measure.floor is None or measure.ceiling is None or abs(measure.ceiling - measure.floor) < 1e-9:
        return None
    way = (measure.value - measure.floor) / (measure.ceiling - measure.floor)
    return min(abs(way) if best == "floor" else max(way, 0.0), 1.0)
