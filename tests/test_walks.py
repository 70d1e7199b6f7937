"""Ways through the latent space end where they should and keep what they promise to keep."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from aae.walks import arithmetic, linear, manifold, nearest, prior_quantiles, spherical, traversal


def draws(count, latent_dim, seed=0):
    return np.random.default_rng(seed).standard_normal((count, latent_dim))


@pytest.mark.parametrize("way", [linear, spherical])
def test_every_way_leads_from_a_to_b(way):
    a, b = draws(2, 10)
    np.testing.assert_allclose(way(a, b, 0.0), a, atol=1e-12)
    np.testing.assert_allclose(way(a, b, 1.0), b, atol=1e-12)


def test_spherical_way_keeps_one_norm_and_turns_at_one_speed():
    a, b = draws(2, 10)
    b *= np.linalg.norm(a) / np.linalg.norm(b)
    path = np.array([spherical(a, b, t) for t in np.linspace(0, 1, 9)])
    np.testing.assert_allclose(np.linalg.norm(path, axis=1), np.linalg.norm(a))
    steps = np.linalg.norm(np.diff(path, axis=0), axis=1)
    np.testing.assert_allclose(steps, steps[0])


def test_halfway_norms_of_draws_are_typical_of_the_prior_on_the_spherical_way_only():
    pairs = draws(400, 64).reshape(200, 2, 64)
    middle = {way: np.mean([np.linalg.norm(way(a, b, 0.5)) for a, b in pairs]) for way in (linear, spherical)}
    assert middle[spherical] == pytest.approx(8, abs=0.2)  # √64
    assert middle[linear] == pytest.approx(8 / np.sqrt(2), abs=0.2)


@pytest.mark.parametrize("b", [np.zeros(4), np.ones(4), -np.ones(4)])
def test_spherical_way_where_there_is_no_angle_is_the_straight_line(b):
    a = np.ones(4)
    np.testing.assert_allclose(spherical(a, b, 0.25), 0.75 * a + 0.25 * b)


def test_what_sets_a_apart_from_b_is_added_to_c():
    a, b, c = draws(3, 5)
    np.testing.assert_allclose(arithmetic(a, b, c) - c, a - b)
    np.testing.assert_array_equal(arithmetic(a, a, c), c)


def test_traversal_changes_one_dimension_a_row():
    z = draws(1, 6)[0]
    codes = traversal(z)
    assert codes.shape == (6, 9, 6)
    for i, row in enumerate(codes):
        np.testing.assert_allclose(row[:, i], np.linspace(-3, 3, 9))
        assert (np.delete(row, i, axis=1) == np.delete(z, i)).all()


@pytest.mark.parametrize("n", [1, 2, 15])
def test_prior_quantiles_are_those_of_scipy(n):
    np.testing.assert_allclose(prior_quantiles(n), norm.ppf((np.arange(1, n + 1) - 0.5) / n), atol=1e-9)


def test_manifold_lies_in_the_plane_through_z_and_is_drawn_from_the_top_down():
    axes = np.linalg.qr(draws(7, 2))[0].T
    z = draws(1, 7, seed=1)[0]
    codes = manifold(axes, z, 5)
    assert codes.shape == (5, 5, 7)
    points = codes @ axes.T
    quantiles = prior_quantiles(5)
    np.testing.assert_allclose(points[0, :, 0], quantiles, atol=1e-12)
    np.testing.assert_allclose(points[:, 0, 1], quantiles[::-1], atol=1e-12)
    across = codes - points @ axes
    np.testing.assert_allclose(across - (z - axes.T @ (axes @ z)), 0, atol=1e-12)


def test_nearest_codes_come_in_order_and_a_code_is_nearest_to_itself():
    codes = draws(50, 3)
    places, distances = nearest(codes[7], codes, 4)
    assert places[0] == 7
    assert distances[0] == 0
    assert (np.diff(distances) >= 0).all()
    assert distances[-1] <= np.delete(np.linalg.norm(codes - codes[7], axis=1), places).min()
    assert len(nearest(codes[0], codes[:2])[0]) == 2
