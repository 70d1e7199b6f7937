"""AE | VAE | AAE side by side: the same encoder and decoder trained in three ways, as `python -m aae compare` found them."""

from __future__ import annotations

from functools import partial
from itertools import product
from typing import Any

import gradio as gr
import numpy as np

from aae.comparison import OBJECTIVES, Comparison, about_comparison, stored_comparison
from aae.config import Objective
from aae.latent import axis_projection, pca_projection
from aae.measures import MEASURES
from aae.objectives import TITLES
from aae.tables import GROUPS
from aae.tiles import side_by_side_figure
from aae.ui.components import figure_box, grid, images_box, table_box
from aae.ui.diagnosis import sampled_codes
from aae.ui.explore import QUIET, Explore, told
from aae.ui.packing import figure_value
from aae.ui.pictures import decoded_draws
from aae.ui.session import Shelf, ShownModel, Visitor

DATASET = "mnist"
POINTS = 2000
"""Codes drawn of each model."""
SAMPLES = 32


def compared(shelf: Shelf) -> dict[Objective, ShownModel]:
    """The shipped models to show side by side: of each objective one, alike in data set, size and budget.

    Where no three had the same budget, the first three that are alike otherwise; empty without all three.
    """
    first = shelf.first()
    if first is None:
        return {}

    def alike(objective: Objective) -> list[ShownModel]:
        models = [shown for shown in shelf.shipped.values() if shown.checkpoint.objective == objective]
        # One made for the comparison, which its name says, before one whose codes were standardised at the end.
        models.sort(key=lambda shown: not shown.key.endswith(f"-{objective}"))
        return [shown for shown in models if kind(shown) == kind(first)]

    triples = list(product(*map(alike, OBJECTIVES)))
    fair = [three for three in triples if len(set(map(budget, three))) == 1]
    return dict(zip(OBJECTIVES, (fair or triples)[0], strict=True)) if triples else {}


def kind(shown: ShownModel) -> tuple[str, int, int]:
    """What a model is of: its data set and its sizes."""
    config = shown.checkpoint.model_config
    return shown.dataset, config.latent_dim, config.hidden_dim


def latent_value(models: dict[Objective, ShownModel]) -> tuple[dict[str, Any], str]:
    """Codes of each model in its own best plane, all on the same axes; and what they are, in words."""
    panels, words = [], []
    budgets = [budget(shown) for shown in models.values()]
    fair = len(set(budgets)) == 1
    for (objective, shown), each in zip(models.items(), budgets, strict=True):
        codes, what = sampled_codes(shown)
        flat = axis_projection(shown.latent_dim) if shown.latent_dim == 2 else pca_projection(codes)
        labels = shown.labels[: len(codes)][:POINTS]
        panels.append((TITLES[objective], flat(codes[:POINTS])[: len(labels)], labels))
        spread = np.sqrt(np.square(codes).mean())
        trained = [] if fair else [each]
        name = ", ".join([shown.key, *trained])
        words.append(f"{TITLES[objective]} ({name}): {what}; root mean square of a coordinate {spread:.2f}")
    said = f"{f'Each trained for {budgets[0]}' if fair else '**Not** of the same budget'}. {'. '.join(words)}."
    figure = side_by_side_figure(panels, next(iter(models.values())).class_names, revision="compare")
    return figure_value(figure, description=f"Codes of three models on the same axes. {said}"), said


def budget(shown: ShownModel) -> str:
    """How long a model was trained, and by which recipe: the shipped ones may differ in it, those of the table do not."""
    record, config = shown.checkpoint.record, shown.checkpoint.train_config
    if record is None or config is None:
        return "an unknown number of epochs"
    return f"{record.epochs:g} epochs of preset {config.preset}, seed {config.seed}"


def samples_value(models: dict[Objective, ShownModel]) -> dict[str, Any]:
    """The same draws of the prior, decoded by each model."""
    groups = []
    for objective, shown in models.items():
        about = f"A grid of {SAMPLES} draws of the prior, decoded by the {TITLES[objective].lower()}"
        groups.append(grid(TITLES[objective], decoded_draws(shown, SAMPLES), 16, about))
    return {"note": "Draws of N(0, I), decoded, unselected.", "groups": groups}


def comparison_table(comparison: Comparison) -> dict[str, Any]:
    """Mean ± standard deviation over trainings of every measure, a column for each variant, and the floors."""

    def row(name: str) -> dict[str, Any]:
        about = MEASURES[name]
        spreads = [variant.measures[name] for variant in comparison.variants.values()]
        floor = comparison.floors[name]
        values = [f"{found.mean:.{about.digits}f} ± {found.spread:.{about.digits}f}" for found in spreads]
        return {
            "name": about.title,
            "about": "",
            "values": [*values, "–" if floor is None else f"{floor.mean:.{about.digits}f}"],
        }

    groups = [
        {"title": title, "rows": [row(name) for name, about in MEASURES.items() if about.group == group]}
        for group, title in GROUPS.items()
    ]
    return {"columns": ["Measure", *[variant.title for variant in comparison.variants.values()], "Floor"], "groups": groups}


def build_compare(shelf: Shelf, visitor: gr.State, explore: Explore, tabs: gr.Tabs, tab: gr.Tab) -> None:
    """Lay out the panel; it is filled when its tab is first opened."""
    models = compared(shelf)
    gr.Markdown(ABOUT if models else MISSING)
    if not models:
        return
    about_codes = gr.Markdown(elem_id="about-compared", elem_classes="hint")
    latent = figure_box(None, "Codes of a plain, a variational and an adversarial autoencoder on the same axes", "compared")
    with gr.Row():
        for objective, shown in models.items():
            button = gr.Button(
                f"Open the {objective.upper()} in Explore", size="sm", min_width=120, elem_id=f"open-{objective}"
            )

            def open_model(key: str, visitor: Visitor) -> list[Any]:
                with told():
                    return [gr.Tabs(selected="explore"), *explore.show(key, visitor)]

            button.click(partial(open_model, shown.key), visitor, [tabs, *explore.outputs], **QUIET)
    samples = images_box(None, "compared-samples")
    about_table = gr.Markdown(elem_id="about-comparison", elem_classes="hint")
    table = table_box(None, "comparison")
    filled = gr.State(False)

    def fill(filled: bool) -> list[Any]:
        if filled:
            return [gr.skip()] * 6
        figure, words = latent_value(models)
        comparison = stored_comparison(DATASET)
        told_table = (comparison_table(comparison), about_comparison(comparison)) if comparison else ({}, NO_TABLE)
        return [True, figure, words, samples_value(models), *told_table]

    tab.select(fill, filled, [filled, latent, about_codes, samples, table, about_table], **QUIET)


ABOUT = """
The **same encoder and decoder** trained in three ways: as a plain **autoencoder** (reconstruction alone), as a **variational
autoencoder** (Kingma and Welling, 2013: a KL term pulls the posterior of *each* image towards the prior), and as an
**adversarial autoencoder** (a discriminator pulls the codes of *all* images together towards it). *Standardised* in the table:
the codes were afterwards given the prior's mean and covariance by a change of coordinates, which costs no reconstruction, so
that one sees how much of a match is a matter of these alone. Where q(z|x) is as wide as a VAE's it is not exact, so it is left
out there.
"""
COMMAND = "`python -m aae compare --out checkpoints/compare-mnist.json --models checkpoints`"
MISSING = f"The three models to compare are not shipped with this copy of the app; {COMMAND} makes them and their table."
NO_TABLE = f"There is no table with this copy of the app; {COMMAND} makes it."
