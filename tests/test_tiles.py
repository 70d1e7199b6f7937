"""Every dimension of the codes gets a plot of its own, with all of its codes in it."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
import pytest

from aae.tiles import correlation_figure, marginals_figure, quantiles_figure, side_by_side_figure


def tiles(figure, kind):
    return [trace for trace in figure["data"] if trace["type"] == kind or trace.get("mode") == kind]


@pytest.mark.parametrize("latent_dim", [2, 10, 64])
def test_histograms_hold_every_code_and_stand_on_axes_of_their_own(latent_dim):
    codes = np.random.default_rng(1).standard_normal((500, latent_dim)).astype(np.float32)
    codes[0] = 9  # beyond the axis: counts into the last bar
    figure = marginals_figure(codes)
    bars = tiles(figure, "bar")
    assert len(bars) == figure["layout"]["meta"]["tiles"] == latent_dim
    for index, bar in enumerate(bars):
        width = bar["x"][1] - bar["x"][0]
        assert bar["y"].sum() * width == pytest.approx(1, abs=1e-4)
        inside = np.abs(codes[:, index] - bar["x"][17]) < width / 2
        assert bar["y"][17] * width == pytest.approx(inside.mean(), abs=0.005)
    assert len({bar.get("xaxis") for bar in bars}) == latent_dim
    assert go.Figure(figure).layout.annotations[1].text == "z[1]"  # plotly accepts every attribute


def test_quantiles_of_the_prior_lie_in_the_band_and_those_of_narrow_codes_do_not():
    codes = np.random.default_rng(2).standard_normal((4000, 2)).astype(np.float32)
    codes[:, 1] *= 0.7
    figure = quantiles_figure(codes)
    bands = [trace for trace in figure["data"] if trace.get("fill") == "toself"]
    outside = []
    for band, points in zip(bands, tiles(figure, "markers"), strict=True):
        count = len(points["x"])
        low, high = band["y"][:count], band["y"][count:][::-1]
        outside.append(np.mean((points["y"] < low) | (points["y"] > high)))
    assert outside[0] < 0.2
    assert outside[1] > 0.8
    assert go.Figure(figure).data


def test_small_multiples_of_no_codes_are_still_figures():
    nothing = np.zeros((0, 3), np.float32)
    for figure in (marginals_figure(nothing), quantiles_figure(nothing)):
        assert go.Figure(figure).data


def test_correlation_is_drawn_from_minus_one_to_one_with_its_numbers():
    matrix = np.array([[1, -0.4], [-0.4, 1]])
    (heat,) = go.Figure(correlation_figure(matrix)).data
    np.testing.assert_allclose(heat.z, matrix, atol=1e-4)
    assert (heat.zmin, heat.zmax) == (-1, 1)
    assert list(heat.x) == list(heat.y) == ["z[0]", "z[1]"]
    assert [list(row) for row in heat.text] == [["", f"{matrix[0, 1]:.2f}"], [f"{matrix[1, 0]:.2f}", ""]]


@pytest.mark.parametrize(("spread", "plots"), [(1.0, 2), (20.0, 4)])
def test_models_stand_on_the_same_axes_and_near_the_prior_too_where_one_lies_far_out(spread, plots):
    points = np.random.default_rng(3).standard_normal((300, 2)).astype(np.float32)
    labels = np.arange(300) % 2
    figure = side_by_side_figure([("one", points, labels), ("other", spread * points, labels)], "ab")
    layout = go.Figure(figure).layout
    assert figure["layout"]["meta"]["tiles"] == plots
    assert layout.xaxis.range == layout.yaxis.range == layout.xaxis2.range == layout.yaxis2.range
    if plots == 4:
        assert layout.xaxis3.range == layout.yaxis4.range == (-4.2, 4.2)
        assert layout.xaxis.range[1] > 40
