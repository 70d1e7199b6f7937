from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import linalg
from sklearn.neighbors import NearestNeighbors

from aae.samples import class_entropy, class_shares, frechet_distance, nearest, neighbour_radii, overlap


def gaussian(n: int, d: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed))


def test_frechet_distance_agrees_with_the_matrix_square_root():
    a, b = gaussian(300, 4) @ gaussian(4, 4, 1), gaussian(200, 4, 2) + 1
    covariance_a, covariance_b = np.cov(a.double().numpy().T), np.cov(b.double().numpy().T)
    root = linalg.sqrtm(covariance_a @ covariance_b).real
    difference = (a.double().mean(0) - b.double().mean(0)).numpy()
    expected = difference @ difference + np.trace(covariance_a + covariance_b - 2 * root)
    assert frechet_distance(a, b) == pytest.approx(expected, rel=1e-6)


def test_frechet_distance_survives_features_that_are_always_zero():
    a = torch.nn.functional.pad(gaussian(100, 3), (0, 2))
    assert frechet_distance(a, a) == pytest.approx(0.0, abs=1e-6)


def test_neighbours_are_scikit_learns():
    a, b = gaussian(1500, 6), gaussian(300, 6, 1)
    distances, _ = NearestNeighbors(n_neighbors=6).fit(a.numpy()).kneighbors(a.numpy())
    assert neighbour_radii(a).numpy() == pytest.approx(distances[:, 1:], abs=1e-4)  # the first is the point itself
    distances, indices = NearestNeighbors(n_neighbors=2).fit(a.numpy()).kneighbors(b.numpy())
    found, where = nearest(b, a, 2)
    assert found.numpy() == pytest.approx(distances, abs=1e-4)
    assert np.array_equal(where.numpy(), indices)


def test_overlap_is_what_the_papers_equations_say_written_out():
    real, fake = gaussian(60, 2), gaussian(50, 2, 1) * 0.7 + 0.4

    def reach(points: torch.Tensor, k: int) -> torch.Tensor:
        return torch.cdist(points, points).sort(dim=1).values[:, k]  # place 0 is the point itself

    distances = torch.cdist(fake, real)
    found = overlap(real, fake)
    assert found.precision == pytest.approx(float((distances <= reach(real, 3)).any(1).float().mean()))
    assert found.recall == pytest.approx(float((distances <= reach(fake, 3)[:, None]).any(0).float().mean()))
    within = distances <= reach(real, 5)
    assert found.density == pytest.approx(float(within.sum()) / (5 * 50))
    assert found.coverage == pytest.approx(float(within.any(0).float().mean()))


def test_overlap_of_one_distribution_is_near_one_and_of_two_far_apart_zero():
    real = gaussian(1200, 3)
    same = overlap(real, gaussian(1200, 3, 1))
    assert min(same.precision, same.recall, same.coverage) > 0.85
    assert same.density == pytest.approx(1, abs=0.1)
    apart = overlap(real, gaussian(1200, 3, 1) + 50)
    assert (apart.precision, apart.recall, apart.density, apart.coverage) == (0, 0, 0, 0)


def test_fakes_that_all_look_like_one_real_image_are_precise_but_cover_little():
    real = gaussian(500, 3)
    crowd = overlap(real, gaussian(500, 3, 1) * 0.05)
    assert crowd.precision > 0.99
    assert crowd.recall < 0.05
    assert crowd.coverage < 0.2


def test_overlap_is_the_same_in_any_number_of_blocks_and_with_radii_given():
    real, fake = gaussian(1100, 2), gaussian(2300, 2, 1)
    assert overlap(real, fake) == overlap(real, fake, neighbour_radii(real), neighbour_radii(fake))


def test_class_entropy_is_one_for_equal_shares_and_zero_for_a_single_class():
    assert class_entropy(torch.arange(10).repeat(3), 10) == pytest.approx(1.0)
    assert class_entropy(torch.zeros(30, dtype=torch.int64), 10) == 0.0


def test_class_shares_count_classes_that_never_come_up():
    assert class_shares(torch.tensor([0, 2, 2, 2]), 4).tolist() == [0.25, 0, 0.75, 0]
