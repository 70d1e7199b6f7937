"""Plotly figures from numpy arrays; the only core module that imports plotly.

Figures leave background and text colours to the page, which knows whether it is light or dark.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from aae.config import Objective
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
    for title, axis in zip(figure.layout.annotations[:2], (figure.layout.xaxis, figure.layout.xaxis2), strict=True):
        title.update(x=axis.domain[0], xanchor="left")  # the modebar stands on the right
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


@dataclass(frozen=True)
class Curve:
    """A quantity of the run: its key in a history's rows, its name in the legend, its plot (1 to 4) and its colour."""

    key: str
    name: str
    plot: int
    colour: str


CURVES = (
    Curve("reconstruction", "L1(x̂, x)", 1, CLASS_COLOURS[0]),
    Curve("adversarial", "encoder: BCE(D(z), 1)", 2, CLASS_COLOURS[6]),
    Curve("discriminator", "discriminator", 2, CLASS_COLOURS[4]),
    Curve("discriminator_accuracy", "D's share right", 3, CLASS_COLOURS[4]),
    Curve("distance", "q(z) to N(0, I)", 4, CLASS_COLOURS[2]),
)
CURVE_TITLES = ("Reconstruction (L1)", "Adversarial losses (nats)", "Discriminator right", "Distance to prior, floor {:.3f} σ")


def curve_rows(history: Sequence[dict[str, float]]) -> np.ndarray:
    """What `curves_figure` draws: float32 `(rows, 6)`, the epoch and then a column for each of `CURVES`; NaN is a gap."""
    keys = ("epoch", *(curve.key for curve in CURVES))
    rows = [[row.get(key, np.nan) for key in keys] for row in history]
    return np.asarray(rows, np.float32).reshape(-1, len(keys))


def curves_figure(
    history: Sequence[dict[str, float]], epochs: float, floor: float, *, objective: Objective = "aae", revision: str = ""
) -> go.Figure:
    """Four plots of one training run: reconstruction loss, the adversaries' losses, D's accuracy, distance to the prior.

    Args:
        history: rows with "epoch" (fractional) and the keys of `CURVES`.
        epochs: where the epochs' axis ends, so that it stays where it is while the curves grow.
        floor: the distance of two draws of the prior.
        objective: what is trained; a variational autoencoder's "adversarial" is its KL divergence.
        revision: zoom survives an update that has the same revision.
    """
    titles = [title.format(floor) for title in CURVE_TITLES]
    if objective == "vae":
        titles[1] = "KL divergence (nats)"
    figure = make_subplots(rows=1, cols=len(titles), horizontal_spacing=0.05, subplot_titles=titles)
    columns = curve_rows(history).T
    for curve, values in zip(CURVES, columns[1:], strict=True):
        line = {"color": curve.colour, "width": 2}
        name = "KL divergence" if objective == "vae" and curve.key == "adversarial" else curve.name
        trace = go.Scatter(
            x=columns[0],
            y=values,
            name=name,
            mode="lines",
            line=line,
            showlegend=objective == "aae" and curve.plot == 2,
            hovertemplate=f"{name} %{{y:.4f}}<br>epoch %{{x:.2f}}<extra></extra>",
        )
        figure.add_trace(trace, row=1, col=curve.plot)
    # Where D cannot tell codes from draws, its loss is log 2 and it is right half of the time.
    marks = [(2, float(np.log(2)), "log 2"), (3, 0.5, "chance")] if objective == "aae" else []
    for column, level, text in (*marks, (4, floor, "")):
        note = {"annotation_text": text, "annotation_position": "bottom right", "annotation_font_size": 10}
        figure.add_hline(y=level, line={"dash": "dot", "width": 1.5, "color": PRIOR_COLOUR}, row=1, col=column, **note)
    figure.update_xaxes(title_text="epoch", range=[0, epochs])
    figure.update_yaxes(rangemode="tozero")
    figure.update_yaxes(range=[0, 1], tickformat=".0%", row=1, col=3)
    # The codes of an untrained network lie so far out that the axis does not follow them.
    low = float(np.log10(max(floor, 1e-3)) - 0.2)
    figure.update_yaxes(type="log", range=[low, low + 2.5], dtick=1, row=1, col=4)
    figure.update_annotations(font_size=12, selector=lambda note: note.text in titles)
    figure.update_layout(margin={**MARGIN, "t": 28}, legend=LEGEND, uirevision=revision)
    return figure
