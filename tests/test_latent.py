"""Views of the latent space are orthonormal, so that N(0, I) looks like N(0, I) in each of them."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from aae.data import to_model_range
from aae.latent import (
    HELD_OUT,
    axis_projection,
    held_out_indices,
    lda_projection,
    max_sliced_wasserstein,
    pca_projection,
    with_held_out,
    worst_projection,
)


@pytest.fixture(scope="module")
def codes(trained):
    return trained.codes.float().numpy()


def views(codes):
    dim = codes.shape[1]
    axes = [axis_projection(dim), axis_projection(dim, dim - 1, 0)]
    classes = np.arange(len(codes)) % 10
    return [*axes, pca_projection(codes), lda_projection(codes, classes), worst_projection(codes, *draws(2, codes.shape))]


def draws(count, shape):
    return np.random.default_rng(1).standard_normal((count, *shape), dtype=np.float32)


def test_rows_of_every_view_are_orthonormal(codes):
    for view in views(codes):
        assert view.axes.shape == (2, 10)
        np.testing.assert_allclose(view.axes @ view.axes.T, np.eye(2), atol=1e-6)


def test_the_prior_stays_standard_normal_in_every_view(codes):
    z = np.random.default_rng(0).standard_normal((50_000, 10), dtype=np.float32)
    for view in views(codes):
        points = view(z)
        assert points.shape == (50_000, 2)
        assert points.dtype == np.float32
        np.testing.assert_allclose(points.mean(0), 0, atol=0.02)
        np.testing.assert_allclose(np.cov(points.T), np.eye(2), atol=0.03)


def test_pca_finds_the_directions_and_shares_that_sklearn_finds(codes):
    view, theirs = pca_projection(codes), PCA(2).fit(codes.astype(np.float64))
    np.testing.assert_allclose(np.abs((view.axes * theirs.components_).sum(1)), 1, atol=1e-5)
    for label, share in zip(view.labels, theirs.explained_variance_ratio_, strict=True):
        assert f"{share:.0%}" in label


def test_pca_has_a_fixed_sign(codes):
    first, mirrored = pca_projection(codes), pca_projection(-codes)
    np.testing.assert_allclose(first.axes, mirrored.axes, atol=1e-5)


def test_a_shift_of_the_codes_stays_visible(codes):
    view = pca_projection(codes)
    np.testing.assert_allclose(view(codes + view.axes[0]).mean(0) - view(codes).mean(0), [1, 0], atol=1e-4)


@pytest.mark.parametrize("count", [0, 1])
def test_pca_of_too_few_codes_is_the_first_two_axes(count):
    np.testing.assert_array_equal(pca_projection(np.zeros((count, 4), np.float32)).axes, np.eye(4)[:2])


def test_pca_of_equal_codes_is_still_a_view():
    axes = pca_projection(np.ones((20, 4), np.float32)).axes
    np.testing.assert_allclose(axes @ axes.T, np.eye(2), atol=1e-6)


def test_two_latent_dimensions_are_drawn_as_they_are():
    codes = np.random.default_rng(0).normal(size=(100, 2)).astype(np.float32)
    np.testing.assert_array_equal(axis_projection(2)(codes), codes)


def test_an_axis_view_shows_the_axes_it_names():
    view = axis_projection(5, 3, 1)
    np.testing.assert_array_equal(view(np.arange(5, dtype=np.float32)[None]), [[3, 1]])
    assert "3" in view.labels[0]
    assert "1" in view.labels[1]


@pytest.mark.parametrize(("first", "second"), [(0, 0), (0, 5), (-1, 0), (5, 1)])
def test_axes_must_differ_and_exist(first, second):
    with pytest.raises(ValueError, match="two different axes from 0 to 4"):
        axis_projection(5, first, second)


def test_held_out_images_are_the_same_for_everyone_and_drawn_from_the_whole_set():
    chosen = held_out_indices(10_000)
    assert len(chosen) == len(set(chosen.tolist())) == HELD_OUT == 5_000
    np.testing.assert_array_equal(chosen, held_out_indices(10_000))
    assert chosen.min() >= 0
    assert chosen.max() < 10_000
    assert 0.45 < (chosen >= 5_000).mean() < 0.55
    np.testing.assert_array_equal(np.sort(held_out_indices(500)), np.arange(500))


def test_a_checkpoint_carries_posterior_means_beside_their_own_labels(trained, held_out):
    order = torch.from_numpy(held_out_indices(len(held_out)))
    means = trained.model().encode(to_model_range(held_out.images[order]), sample=False)
    assert trained.codes.dtype == torch.float16
    assert trained.labels.dtype == torch.uint8
    torch.testing.assert_close(trained.codes.float(), means.detach(), rtol=1e-3, atol=1e-3)
    assert torch.equal(trained.labels.long(), held_out.labels[order])


def test_adding_codes_keeps_everything_else(trained, held_out):
    bare = with_held_out(trained.slim(), held_out)
    assert bare.weights is trained.weights
    assert bare.record == trained.record
    assert bare.training == {}


def test_lda_spans_the_plane_that_sklearn_finds(trained, codes):
    labels = trained.labels.numpy()
    axes = lda_projection(codes, labels).axes
    theirs = LinearDiscriminantAnalysis(solver="eigen").fit(codes.astype(np.float64), labels).scalings_[:, :2]
    theirs = np.linalg.qr(theirs)[0]
    np.testing.assert_allclose(np.linalg.svd(axes @ theirs)[1], 1, atol=1e-3)
    np.testing.assert_allclose(abs(axes[0] @ theirs[:, 0]), 1, atol=1e-3)


@pytest.mark.parametrize("labels", [np.zeros(20, int), np.arange(20) % 2])
def test_lda_of_one_or_two_classes_is_still_a_view(labels):
    axes = lda_projection(draws(20, (4,)), labels).axes
    np.testing.assert_allclose(axes @ axes.T, np.eye(2), atol=1e-6)


def test_worst_direction_of_a_shifted_sample_is_the_shift():
    a, b = draws(2, (3000, 10))
    shift = np.zeros(10, np.float32)
    shift[[2, 7]] = 0.6, -0.8
    direction, value = max_sliced_wasserstein(a + shift, b)
    assert abs(direction @ shift) > 0.99
    assert value == pytest.approx(1, abs=0.08)


def test_worst_direction_of_a_hidden_bimodal_one_is_found_where_means_and_variances_agree():
    a, b = draws(2, (3000, 10))
    hidden = np.linalg.qr(draws(10, (10,)).astype(np.float64))[0][0].astype(np.float32)
    along = np.sign(a @ hidden) * 0.99 + 0.14 * draws(3000, ())
    a = a + np.outer(along - a @ hidden, hidden)
    direction, value = max_sliced_wasserstein(a, b)
    assert abs(direction @ hidden) > 0.97
    assert value > 0.3


def test_worst_view_gives_the_distance_beside_that_of_the_prior_to_itself():
    a, b, more = draws(3, (2000, 6))
    same = worst_projection(a, b, more)
    off = worst_projection(a + np.eye(6, dtype=np.float32)[3], b, more)
    found = [tuple(map(float, re.findall(r"[0-9]+[.][0-9]+", label))) for label in (same.labels[0], off.labels[0])]
    assert found[0][0] < 2 * found[0][1]
    assert found[1][0] == pytest.approx(1, abs=0.1)
    assert found[1][1] == found[0][1]
    assert abs(off.axes[0, 3]) > 0.98


@pytest.mark.parametrize("latent_dim", [3, 64])
def test_worst_view_of_few_codes_and_many_dimensions_is_orthonormal(latent_dim):
    axes = worst_projection(*draws(3, (50, latent_dim))).axes
    np.testing.assert_allclose(axes @ axes.T, np.eye(2), atol=1e-5)
    np.testing.assert_array_equal(worst_projection(*draws(3, (0, latent_dim))).axes, np.eye(latent_dim)[:2])
