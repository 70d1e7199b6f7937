"""Figures of small multiples, one for each latent dimension or model, and of their correlation, as plotly.js takes them.

Plain data: plotly.py needs a second to make objects of 64 small multiples. Like those of `aae.figures`, they leave background
and text colours to the page.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import NormalDist

import numpy as np

from aae.figures import AXIS_LIMIT, CLASS_COLOURS, LEGEND, PRIOR_COLOUR, RINGS

Figure = dict[str, object]
"""``{"data": traces, "layout": layout}``, with numpy arrays for `components.figure_value` to pack."""


def marginals_figure(codes: np.ndarray, *, revision: str = "") -> Figure:
    """Histogram of each dimension of codes `(N, latent_dim)` over the density of N(0, 1), as small multiples.

    What lies beyond 4.2 σ counts into the outermost bars, so that each histogram holds all codes.
    """
    edges = np.linspace(-AXIS_LIMIT, AXIS_LIMIT, 36)
    middles = ((edges[1:] + edges[:-1]) / 2).astype(np.float32)
    grid = np.linspace(-AXIS_LIMIT, AXIS_LIMIT, 57, dtype=np.float32)
    line = {"color": CLASS_COLOURS[6], "width": 1.5}
    traces: list[dict[str, object]] = []
    for index, values in enumerate(np.clip(codes, edges[0], edges[-1]).T):
        counts = np.histogram(values, edges)[0]
        heights = (counts / max(len(values), 1) / (edges[1] - edges[0])).astype(np.float32)
        bars = {"type": "bar", "x": middles, "y": heights, "marker": {"color": CLASS_COLOURS[0]}, "name": f"z[{index}]"}
        bars["hovertemplate"] = "%{x:.2f}: density %{y:.3f}<extra></extra>"
        normal = {"type": "scatter", "x": grid, "y": _normal_density(grid), "mode": "lines", "line": line, "name": "N(0, 1)"}
        traces += [{**bars, **tile(index)}, {**normal, "hoverinfo": "skip", **tile(index)}]
    across = {"range": [-AXIS_LIMIT, AXIS_LIMIT], "tickvals": [-3, 0, 3]}
    up = {"rangemode": "tozero", "showticklabels": False, "nticks": 4}
    return tiled(traces, codes.shape[1], across, up, {"bargap": 0, "uirevision": revision})


def quantiles_figure(codes: np.ndarray, *, revision: str = "") -> Figure:
    """Quantiles of each dimension of codes `(N, latent_dim)` against those of N(0, 1) (Q-Q plots), as small multiples.

    On the diagonal they agree. The band holds, at each point, 95 % of draws of the prior of the same size: the k-th smallest of
    N uniform draws has the variance p(1 - p)/N about p = k/N, which the normal density carries over to the quantile.
    """
    n = max(len(codes), 1)
    tail = np.array([0.002, 0.005, 0.01, 0.02])
    shares = np.unique(np.concatenate([tail, np.linspace(0.035, 0.965, 32), 1 - tail]).clip(0.5 / n, 1 - 0.5 / n))
    expected = np.array([NormalDist().inv_cdf(float(share)) for share in shares], np.float32)
    half = 1.96 * np.sqrt(shares * (1 - shares) / n) / _normal_density(expected)
    around = np.concatenate([expected, expected[::-1]])
    band = np.concatenate([expected - half, (expected + half)[::-1]]).astype(np.float32)
    ends = np.array([-AXIS_LIMIT, AXIS_LIMIT], np.float32)
    still = {"type": "scatter", "mode": "lines", "hoverinfo": "skip"}
    floor = {
        **still,
        "x": around,
        "y": band,
        "fill": "toself",
        "line": {"color": PRIOR_COLOUR, "width": 0},
        "name": "prior, 95 %",
    }
    ideal = {**still, "x": ends, "y": ends, "line": {"color": CLASS_COLOURS[6], "width": 1}, "name": "N(0, 1)"}
    points = {"type": "scatter", "mode": "markers", "marker": {"size": 4, "color": CLASS_COLOURS[0]}}
    points["hovertemplate"] = "N(0, 1): %{x:.2f}<br>codes: %{y:.2f}<extra></extra>"
    traces: list[dict[str, object]] = []
    for index, values in enumerate(codes.T):
        found = np.quantile(values, shares).astype(np.float32) if len(values) else np.zeros(0, np.float32)
        own = {**points, "x": expected[: len(found)], "y": found, "name": f"z[{index}]"}
        traces += [{**trace, **tile(index)} for trace in (floor, ideal, own)]
    across, up = {"range": [-3.4, 3.4], "tickvals": [-2, 0, 2]}, {"range": [-3.8, 3.8], "tickvals": [-2, 0, 2]}
    return tiled(traces, codes.shape[1], across, up, {"uirevision": revision})


def correlation_figure(correlation: np.ndarray, *, revision: str = "") -> Figure:
    """The correlation matrix `(latent_dim, latent_dim)` of the codes as a heat map from -1 (orange) to 1 (blue)."""
    names = [f"z[{i}]" for i in range(len(correlation))]
    # The middle of the scale lets the page's own background through, light or dark.
    scale = [[0, CLASS_COLOURS[6]], [0.5, "rgba(127, 127, 127, 0.08)"], [1, CLASS_COLOURS[0]]]
    heat: dict[str, object] = {
        "type": "heatmap",
        "z": correlation.round(4).tolist(),
        "x": names,
        "y": names,
        "xgap": 1,
        "ygap": 1,
    }
    heat |= {"zmin": -1, "zmax": 1, "colorscale": scale, "colorbar": {"thickness": 12, "tickvals": [-1, 0, 1]}}
    heat["hovertemplate"] = "%{y}, %{x}: %{z:.3f}<extra></extra>"
    if len(names) <= 12:
        text = [["" if i == j else f"{value:.2f}" for j, value in enumerate(row)] for i, row in enumerate(correlation)]
        heat |= {"text": text, "texttemplate": "%{text}", "textfont": {"size": 10, "color": "#8a8f97"}}
    axis = {"constrain": "domain", "showgrid": False, "zeroline": False, "fixedrange": True}
    layout = {"xaxis": axis, "yaxis": {**axis, "scaleanchor": "x", "autorange": "reversed"}, "uirevision": revision}
    return {"data": [heat], "layout": {**layout, "margin": {"l": 48, "r": 8, "t": 8, "b": 40}, "dragmode": False}}


def side_by_side_figure(
    panels: Sequence[tuple[str, np.ndarray, np.ndarray]], class_names: Sequence[str], *, revision: str = ""
) -> Figure:
    """Codes of several models on the same axes, one small multiple each, with circles at 1, 2 and 3 σ of the prior.

    If some lie far out, a second row shows what of them lies where the prior does.

    Args:
        panels: of each model its title, projected codes `(N, 2)` in σ of the prior, and their classes `(N,)`.
        class_names: what `labels` index.
        revision: zoom survives an update that has the same revision.
    """
    extent = max([AXIS_LIMIT, *[float(np.quantile(np.abs(points), 0.995)) * 1.1 for _, points, _ in panels if len(points)]])
    count = len(panels)
    if extent > 1.5 * AXIS_LIMIT:
        panels = [*panels, *[(f"{title}, near the prior", points, labels) for title, points, labels in panels]]
    traces: list[dict[str, object]] = []
    shapes: list[dict[str, object]] = []
    for index, (_, points, labels) in enumerate(panels):
        for label, name in enumerate(class_names):
            own = points[labels == label].astype(np.float32)
            marker = {"size": 4, "opacity": 0.7, "color": CLASS_COLOURS[label % len(CLASS_COLOURS)]}
            dots = {"type": "scattergl", "mode": "markers", "x": own[:, 0], "y": own[:, 1], "marker": marker, "name": str(name)}
            hover = f"class {name}<br>(%{{x:.2f}}, %{{y:.2f}})<extra></extra>"
            traces.append({**dots, "legendgroup": str(name), "showlegend": not index, "hovertemplate": hover, **tile(index)})
        for radius in RINGS:
            circle = {"type": "circle", "x0": -radius, "x1": radius, "y0": -radius, "y1": radius}
            shapes.append({**circle, "line": {"width": 1, "dash": "dot", "color": PRIOR_COLOUR}, **tile(index, "ref")})
    axis: dict[str, object] = {"range": [-extent, extent], "constrain": "domain"}
    layout: dict[str, object] = {"shapes": shapes, "uirevision": revision}
    figure = tiled(traces, len(panels), axis, axis, layout, [title for title, _, _ in panels])
    near: dict[str, object] = {**axis, "range": [-AXIS_LIMIT, AXIS_LIMIT], "zeroline": False, "fixedrange": True}
    for index in range(count, len(panels)):
        layout |= {
            f"xaxis{index + 1}": {**near, "anchor": f"y{index + 1}"},
            f"yaxis{index + 1}": {**near, "anchor": f"x{index + 1}"},
        }
    layout |= {"meta": {"tiles": len(panels), "columns": [3, 1], "row": 380, "square": True}, "showlegend": True}
    layout["legend"] = {**LEGEND, "itemsizing": "constant", "title": {"text": "class"}}
    layout["margin"] = {"l": 28, "r": 8, "t": 24, "b": 60}
    return figure


def tile(index: int, mark: str = "axis") -> dict[str, str]:
    """The axes of the small multiple of that index, as a trace names them."""
    number = str(index + 1) if index else ""
    return {f"x{mark}": f"x{number}", f"y{mark}": f"y{number}"}


def tiled(
    traces: list[dict[str, object]],
    count: int,
    across: dict[str, object],
    up: dict[str, object],
    layout: dict[str, object],
    titles: Sequence[str] = (),
) -> Figure:
    """Small multiples with axes of their own, called z[0] and so on; the page sets their places (assets/tiles.js)."""
    fixed = {"zeroline": False, "fixedrange": True}
    notes = []
    for index in range(count):
        axes = tile(index, "ref")
        layout[axes["xref"].replace("x", "xaxis")] = {**across, **fixed, "anchor": axes["yref"]}
        layout[axes["yref"].replace("y", "yaxis")] = {**up, **fixed, "anchor": axes["xref"]}
        where = {name: f"{axis} domain" for name, axis in axes.items()}
        notes.append(
            {
                "text": titles[index] if titles else f"z[{index}]",
                "x": 0.5,
                "y": 1,
                "yanchor": "bottom",
                "showarrow": False,
                **where,
            }
        )
    margin = {"l": 28, "r": 8, "t": 24, "b": 24}
    meta = {"tiles": count, "columns": [5, 2], "row": 150}
    layout |= {"annotations": notes, "meta": meta, "showlegend": False, "margin": margin, "dragmode": False}
    return {"data": traces, "layout": layout}


def _normal_density(x: np.ndarray) -> np.ndarray:
    return (np.exp(-(x**2) / 2) / np.sqrt(2 * np.pi)).astype(np.float32)
