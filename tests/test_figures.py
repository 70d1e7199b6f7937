"""The two scatter plots show every point, on the same axes, with rings at 1, 2 and 3 σ."""

from __future__ import annotations

import base64
import html
import json

import numpy as np
import pytest

from aae.figures import curve_rows, curves_figure, latent_figure

NAMES = tuple("0123456789")
LETTERS = tuple("ABCDEFGHIJKLMNOPQRSTUVWXYZ")


@pytest.fixture(scope="module")
def points(trained):
    codes = trained.codes.float().numpy()[:, :2]
    labels = trained.labels.numpy()
    prior = np.random.default_rng(0).standard_normal((321, 2)).astype(np.float32)
    return codes, labels, prior


@pytest.fixture(scope="module")
def figure(points):
    codes, labels, prior = points
    return latent_figure(codes, labels, NAMES, prior, ("across", "up"), revision="r1")


def test_each_class_is_a_trace_with_exactly_its_codes(figure, points):
    codes, labels, _ = points
    encoded = [trace for trace in figure.data if trace.xaxis == "x"]
    assert [trace.name for trace in encoded] == list(NAMES)
    for index, trace in enumerate(encoded):
        np.testing.assert_array_equal(np.stack([trace.x, trace.y], 1), codes[labels == index])
    assert sum(len(trace.x) for trace in encoded) == len(codes) == 500


def test_the_prior_is_one_trace_with_all_its_draws_in_the_other_plot(figure, points):
    (prior,) = (trace for trace in figure.data if trace.xaxis == "x2")
    np.testing.assert_array_equal(np.stack([prior.x, prior.y], 1), points[2])


def test_both_plots_have_the_same_axes_and_a_sigma_is_as_long_both_ways(figure):
    layout = figure.layout
    ranges = {tuple(axis.range) for axis in (layout.xaxis, layout.xaxis2, layout.yaxis, layout.yaxis2)}
    assert ranges == {(-4.2, 4.2)}
    assert layout.xaxis2.matches == "x"
    assert layout.yaxis2.matches == "y"
    assert (layout.yaxis.scaleanchor, layout.yaxis2.scaleanchor) == ("x", "x2")


def test_both_axes_are_labelled(figure):
    assert figure.layout.xaxis.title.text == figure.layout.xaxis2.title.text == "across"
    assert figure.layout.yaxis.title.text == "up"


@pytest.mark.parametrize("axis", ["x", "x2"])
def test_rings_stand_at_one_two_and_three_sigma_in_both_plots(figure, axis):
    rings = [shape for shape in figure.layout.shapes if shape.xref == axis and shape.type == "circle"]
    assert sorted(ring.x1 for ring in rings) == [1, 2, 3]
    assert all(-ring.x0 == -ring.y0 == ring.x1 == ring.y1 for ring in rings)


def test_json_reads_back_to_the_same_points_without_loss(figure):
    again = json.loads(figure.to_json())
    assert again["layout"]["uirevision"] == "r1"
    for before, after in zip(figure.data, again["data"], strict=True):
        for axis in ("x", "y"):
            np.testing.assert_array_equal(np.frombuffer(base64.b64decode(after[axis]["bdata"]), "<f4"), before[axis])


def test_no_colour_and_symbol_pair_is_used_for_two_classes():
    codes = np.zeros((26, 2), np.float32)
    figure = latent_figure(codes, np.arange(26), LETTERS, codes, ("a", "b"))
    looks = [(trace.marker.color, trace.marker.symbol) for trace in figure.data if trace.xaxis == "x"]
    assert len(looks) == len(set(looks)) == 26


HOSTILE = (
    "<b>bold</b>",
    '<a href="https://example.org">x</a>',
    "%{x}",
    "$\\alpha$",
    "&lt;",
    "prior",
    "猫 🐈",
    "n" * 500,
    "a\nb",
)


def test_class_names_reach_plotly_as_text_and_the_page_as_they_are():
    codes = np.zeros((len(HOSTILE), 2), np.float32)
    *classes, prior = latent_figure(codes, np.arange(len(HOSTILE)), HOSTILE, codes, ("a", "b")).data
    assert prior.name == "prior"
    for trace, name in zip(classes, HOSTILE, strict=True):
        assert not set("<>${}\n") & set(trace.name)
        assert len(trace.meta) <= 60
        shown = html.unescape(trace.hovertemplate.partition("<br>")[0])  # as Plotly's convertEntities does
        assert shown.strip() == f"class {trace.meta}"
        assert trace.meta == name or len(name) > 60 or "\n" in name
        assert not set("<>${}") & set(trace.hovertemplate.partition("<br>")[0])
        assert html.unescape(trace.name).strip().removesuffix("…") == trace.meta[: 16 if len(trace.meta) <= 16 else 15]
        assert trace.name != "prior"
    assert [trace.meta for trace in classes][-3:] == ["猫 🐈", "n" * 59 + "…", "a b"]


def test_no_codes_at_all_is_still_a_figure():
    nothing = np.zeros((0, 2), np.float32)
    assert "data" in json.loads(latent_figure(nothing, np.zeros(0, int), NAMES, nothing, ("a", "b")).to_json())


def history() -> list[dict[str, float]]:
    rows = ({"epoch": e, "reconstruction": 0.3 / e, "adversarial": 1.0 + e, "discriminator": 0.6} for e in (0.5, 1.0))
    return [{**row, "discriminator_accuracy": 0.75, "distance": 0.25} for row in rows]


def test_curves_show_each_row_of_the_history():
    figure = curves_figure(history(), 10, 0.08)
    assert [list(trace.x) for trace in figure.data] == [[0.5, 1.0]] * 5
    expected = [[0.6, 0.3], [1.5, 2.0], [0.6, 0.6], [0.75, 0.75], [0.25, 0.25]]
    np.testing.assert_allclose([trace.y for trace in figure.data], expected)
    np.testing.assert_allclose(curve_rows(history())[:, 1:].T, expected)
    assert curves_figure([], 10, 0.08).to_json()
    assert curve_rows([]).shape == (0, 6)


def test_axes_of_the_curves_stand_still_while_they_grow():
    for rows in ([], history()):
        figure = curves_figure(rows, 10, 0.08)
        assert [axis.range for axis in figure.select_xaxes()] == [(0, 10)] * 4
        assert figure.layout.yaxis3.range == (0, 1)


def test_chance_and_the_floor_are_marked():
    lines = curves_figure([], 10, 0.08).layout.shapes
    assert [(line.yref, line.y0) for line in lines] == [("y2", pytest.approx(np.log(2))), ("y3", 0.5), ("y4", 0.08)]


def test_a_run_without_a_discriminator_has_gaps_and_no_marks_of_chance():
    rows = [{"epoch": 1.0, "reconstruction": 0.3, "adversarial": 20.0, "distance": 0.2}]
    figure = curves_figure(rows, 10, 0.08, objective="vae")
    assert np.isnan(figure.data[2].y).all()
    assert figure.data[1].name == "KL divergence"
    assert [line.yref for line in figure.layout.shapes] == ["y4"]
