"""Plotly figures from numpy arrays; the only core module that imports plotly.

Figures leave background and text colours to the page, which knows whether it is light or dark.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from aae.data import class_title

CLASS_COLOURS = (
    "#3f90da", "#ffa90e", "#bd1f01", "#94a4a2", "#832db6", "#a96b59", "#e76300", "#b9ac70", "#717581", "#92dadd",
)  # fmt: skip
"""Petroff's ten colours, told apart with normal and colour-deficient sight (arXiv 2107.02270)."""
CLASS_SYMBOLS = ("circle", "diamond", "cross")
PRIOR_COLOUR = "#7a7f87"
MARGIN = {"l": 48, "r": 8, "t": 36, "b": 76}
LEGEND = {"orientation": "h", "yref": "container", "y": 0, "yanchor": "bottom"}
LEGEND_LENGTH = 16
"""Characters of a class's name: one long name would take the room of all others."""
AXIS_LIMIT = 4.2
RINGS = (1, 2, 3)


def latent_figure(
    codes: np.ndarray,
    labels: np.ndarray,
    class_names: Sequence[str],
    prior: np.ndarray,
    axis_labels: tuple[str, str],
    *,
    revision: str = "",
    interactive: bool = True,
) -> go.Figure:
    """Encoded images beside draws of the prior, in the same view and on the same axes.

    Args:
        codes: projected codes `(N, 2)`, in σ of the prior.
        labels: their classes `(N,)`, indices into `class_names`.
        prior: projected draws of the prior `(M, 2)`.
        axis_labels: what the two axes are.
        revision: zoom, and hidden classes of the same names, survive an update that has the same revision.
        interactive: a drag pans and points answer the pointer; else both are left to the page.
    """
    figure = make_subplots(
        rows=1,
        cols=2,
        horizontal_spacing=0.06,
        subplot_titles=(f"q(z): {len(codes):,} codes", f"N(0, I): {len(prior):,} draws"),
    )
    for index, name in enumerate(class_names):
        own = codes[labels == index].astype(np.float32)
        figure.add_trace(
            go.Scattergl(
                x=own[:, 0],
                y=own[:, 1],
                mode="markers",
                name=as_text(name, LEGEND_LENGTH),
                meta=class_title(name),  # for the page, which needs no escaping
                marker={
                    "size": 4,
                    "opacity": 0.75,
                    "color": CLASS_COLOURS[index % len(CLASS_COLOURS)],
                    "symbol": CLASS_SYMBOLS[index // len(CLASS_COLOURS) % len(CLASS_SYMBOLS)],
                },
                hovertemplate=f"class {as_text(name)}<br>(%{{x:.2f}}, %{{y:.2f}})<extra></extra>",
            ),
            row=1,
            col=1,
        )
    prior = prior.astype(np.float32)
    figure.add_trace(
        go.Scattergl(
            x=prior[:, 0],
            y=prior[:, 1],
            mode="markers",
            name="prior",
            showlegend=False,
            marker={"size": 4, "opacity": 0.6, "color": PRIOR_COLOUR},
            hovertemplate="prior<br>(%{x:.2f}, %{y:.2f})<extra></extra>",
        ),
        row=1,
        col=2,
    )
    for column in (1, 2):
        _add_rings(figure, column)
        figure.update_xaxes(title_text=axis_labels[0], row=1, col=column)
        figure.update_yaxes(
            title_text=axis_labels[1] if column == 1 else None,
            scaleanchor="x" if column == 1 else "x2",
            constrain="domain",
            row=1,
            col=column,
        )
    extent = [-AXIS_LIMIT, AXIS_LIMIT]
    figure.update_xaxes(range=extent, matches="x", zeroline=False, constrain="domain")
    figure.update_yaxes(range=extent, matches="y", zeroline=False)
    figure.update_layout(
        margin=MARGIN,
        # What is hidden stays hidden for as long as the classes are the same ones.
        legend={**LEGEND, "itemsizing": "constant", "title": {"text": "class"}, "uirevision": f"{revision} {class_names}"},
        uirevision=revision,
        hovermode="closest" if interactive else False,
        dragmode="pan" if interactive else False,
    )
    return figure


def as_text(name: str, longest: int | None = None) -> str:
    """A class's name, or its beginning, for Plotly, which takes tags, %{variables} and $formulas$ for what they mean.

    "prior" is the name of the draws' trace: a class of that name gets a space that is not seen.
    """
    title = class_title(name) if name.strip() != "prior" else "prior\xa0"
    if longest and len(title) > longest:
        title = f"{title[: longest - 1]}…"
    return title.translate({ord(character): f"&#{ord(character)};" for character in "&<>{}$"})


def _add_rings(figure: go.Figure, column: int) -> None:
    """Circles of radius 1, 2 and 3 σ: a 2-D standard normal has 39 %, 86 % and 99 % of its mass within them."""
    for radius in RINGS:
        circle = {"type": "circle", "x0": -radius, "x1": radius, "y0": -radius, "y1": radius}
        line = {"width": 1, "dash": "dot", "color": PRIOR_COLOUR}
        figure.add_shape(**circle, line=line, layer="above", row=1, col=column)
        figure.add_annotation(x=0, y=radius, text=f"{radius}σ", showarrow=False, yshift=7, font={"size": 10}, row=1, col=column)


def losses_figure(history: Sequence[dict[str, float]], *, revision: str = "") -> go.Figure:
    """Curves of one training run: the reconstruction loss, and what the two adversaries pay.

    `history` has rows with "epoch" (fractional), "reconstruction", "adversarial" and "discriminator".
    """
    figure = make_subplots(
        rows=1, cols=2, horizontal_spacing=0.1, subplot_titles=("Reconstruction loss (L1)", "Adversarial losses (nats)")
    )
    epochs = [row["epoch"] for row in history]
    curves = (
        ("reconstruction", "L1(x̂, x)", 1, CLASS_COLOURS[0]),
        ("adversarial", "encoder: BCE(D(z), 1)", 2, CLASS_COLOURS[6]),
        ("discriminator", "discriminator", 2, CLASS_COLOURS[4]),
    )
    for key, name, column, colour in curves:
        values = [row[key] for row in history]
        line = {"color": colour, "width": 2}
        figure.add_trace(go.Scatter(x=epochs, y=values, name=name, mode="lines", line=line), row=1, col=column)
    # Where D cannot tell codes from draws, its loss is log 2.
    figure.add_hline(y=float(np.log(2)), line={"dash": "dot", "width": 1, "color": PRIOR_COLOUR}, row=1, col=2)
    figure.update_xaxes(title_text="epoch", rangemode="tozero")
    figure.update_yaxes(rangemode="tozero")
    figure.update_layout(margin=MARGIN, legend=LEGEND, uirevision=revision)
    return figure
