"""Each measure of q(z) against p(z) has its known answer, agrees with scipy where that has it, and sees what it is meant to."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import stats

from aae.matching import (
    binomial_interval,
    correlation,
    kolmogorov_smirnov,
    mardia,
    mmd,
    moments,
    sliced_wasserstein,
    two_sample_test,
    whitened,
)


def gaussian(n: int, d: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed))


SKEWED = gaussian(500, 3).exp() * torch.tensor([1.0, 0.7, 2.0]) + torch.tensor([0.0, 0.0, 0.4])


def test_kolmogorov_smirnov_agrees_with_scipy():
    z = gaussian(500, 3) * torch.tensor([1.0, 0.7, 1.0]) + torch.tensor([0.0, 0.0, 0.4])
    expected = [stats.kstest(column, "norm").statistic for column in z.numpy().T]
    assert kolmogorov_smirnov(z).numpy() == pytest.approx(np.array(expected), abs=1e-6)


def test_moments_agree_with_scipy():
    found, z = moments(SKEWED), SKEWED.double().numpy()
    assert found.mean.numpy() == pytest.approx(z.mean(0))
    assert found.variance.numpy() == pytest.approx(z.var(0))
    assert found.skewness.numpy() == pytest.approx(stats.skew(z))
    assert found.kurtosis.numpy() == pytest.approx(stats.kurtosis(z))


def test_a_dimension_that_carries_nothing_has_moments_and_correlates_with_none():
    z = gaussian(100, 3)
    z[:, 1] = 0.25
    found = moments(z)
    assert (found.mean[1], found.variance[1], found.skewness[1], found.kurtosis[1]) == (0.25, 0, 0, 0)
    matrix = correlation(z)
    assert matrix[1].tolist() == [0, 1, 0]
    assert matrix.numpy()[[0, 2]][:, [0, 2]] == pytest.approx(np.corrcoef(z.numpy()[:, [0, 2]].T))


def test_mardia_is_the_mean_over_all_pairs_and_in_one_dimension_scipys_skewness_and_kurtosis():
    y = SKEWED.double() - SKEWED.double().mean(0)
    products = y @ torch.linalg.inv(y.T @ y / len(y)) @ y.T
    found = mardia(SKEWED)
    assert found.skewness == pytest.approx(float(products.pow(3).mean()))
    assert found.kurtosis == pytest.approx(float(products.diagonal().square().mean()))
    one = mardia(SKEWED[:, :1])
    z = SKEWED[:, 0].double().numpy()
    assert one.skewness == pytest.approx(stats.skew(z) ** 2)
    assert one.kurtosis == pytest.approx(stats.kurtosis(z) + 3)


def test_mardias_p_values_are_those_of_scipys_distributions():
    z = gaussian(400, 3, 5) * 3 + 1
    found = mardia(z)
    assert found.skewness_p == pytest.approx(stats.chi2.sf(400 * found.skewness / 6, 10))
    assert found.kurtosis_p == pytest.approx(2 * stats.norm.sf(abs(found.kurtosis - 15) / np.sqrt(8 * 15 / 400)))
    assert found.kurtosis_excess == pytest.approx(found.kurtosis / 15 - 1)


def test_mardia_accepts_a_gaussian_of_any_mean_and_covariance_and_rejects_skewed_and_flat_codes():
    accepted = [mardia(gaussian(500, 4, seed) @ gaussian(4, 4, 1) + 2) for seed in range(40)]
    assert 0.3 < np.mean([found.skewness_p for found in accepted]) < 0.7
    assert 0.3 < np.mean([found.kurtosis_p for found in accepted]) < 0.7
    assert mardia(SKEWED).skewness_p < 1e-10
    flat = mardia(torch.rand(2000, 3, generator=torch.Generator().manual_seed(0)))
    assert flat.kurtosis_p < 1e-10
    assert flat.kurtosis_excess < -0.1


def test_mardia_leaves_out_a_direction_without_variance():
    z = gaussian(300, 3)
    padded = torch.cat([z, z[:, :1] - 2 * z[:, 1:2], torch.full((300, 1), 4.0)], dim=1)
    assert mardia(padded).kurtosis == pytest.approx(mardia(z).kurtosis)


def test_mmd_is_the_unbiased_estimate_written_out():
    a, b = gaussian(40, 3), gaussian(30, 3, 1) + 0.5

    def kernel(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return torch.exp(-torch.cdist(x.double(), y.double()).square() / (2 * 1.7**2))

    within = [(kernel(x, x).sum() - len(x)) / (len(x) * (len(x) - 1)) for x in (a, b)]
    expected = float(within[0] + within[1] - 2 * kernel(a, b).mean())
    found = mmd(a, b, permutations=50, bandwidth=1.7)
    assert found.squared == pytest.approx(expected, abs=1e-7)
    assert found.p_value == pytest.approx(1 / 51)


def test_mmd_takes_the_median_distance_and_any_number_of_blocks():
    a, b = gaussian(1500, 2), gaussian(1500, 2, 1)
    found = mmd(a, b, permutations=0)
    assert found.bandwidth == pytest.approx(np.sqrt(4 * np.log(2)), rel=0.05)  # |x - y|² / 2 is χ² with two degrees of freedom
    kernel = torch.exp(-torch.cdist(a.double(), b.double()).square() / (2 * found.bandwidth**2))
    alone = [torch.exp(-torch.pdist(x.double()).square() / (2 * found.bandwidth**2)).mean() for x in (a, b)]
    assert found.squared == pytest.approx(float(alone[0] + alone[1] - 2 * kernel.mean()), abs=1e-6)
    assert found.p_value == 1.0


def test_mmds_p_value_is_anything_for_one_distribution_and_small_for_two():
    values = [mmd(gaussian(60, 2, seed), gaussian(60, 2, seed + 100), permutations=40, seed=seed).p_value for seed in range(40)]
    assert 0.35 < np.mean(values) < 0.65
    assert mmd(gaussian(300, 2), gaussian(300, 2, 1) * 1.5, permutations=40).p_value < 0.03


def test_whitened_codes_have_mean_0_and_covariance_i_and_are_moved_no_further_than_that():
    z = (
        torch.randn(500, 3, generator=torch.Generator().manual_seed(0)) @ torch.tensor([[2.0, 1, 0], [0, 1, 0], [0, 0, 0.1]])
        + 5
    )
    white = whitened(z).double()
    torch.testing.assert_close(white.mean(0), torch.zeros(3).double(), atol=1e-5, rtol=0)
    torch.testing.assert_close(torch.cov(white.T), torch.eye(3).double(), atol=1e-4, rtol=0)
    torch.testing.assert_close(whitened(white), white, atol=1e-4, rtol=0)


def test_sliced_wasserstein_of_a_shift_is_the_shift_over_the_root_of_the_dimension():
    z = gaussian(400, 4)
    shift = torch.tensor([3.0, 0.0, 0.0, 0.0])  # along u it is 3 u₁, and E[u₁²] = 1/4
    assert sliced_wasserstein(z, z + shift, 20_000, torch.Generator().manual_seed(1)) == pytest.approx(1.5, rel=0.02)


def test_sliced_wasserstein_of_a_set_with_itself_is_zero_in_any_order():
    z = gaussian(300, 5)
    assert sliced_wasserstein(z, z.flip(0), generator=torch.Generator().manual_seed(0)) == 0.0


def test_a_fresh_classifier_is_at_chance_for_one_distribution_and_near_the_best_there_is_for_two():
    same = two_sample_test(gaussian(2000, 3), gaussian(2000, 3, 1), epochs=5)
    assert same.low < 0.5 < same.high
    assert same.p_value > 0.01
    assert same.tested == 2000
    shifted = two_sample_test(gaussian(2000, 3), gaussian(2000, 3, 1) + torch.tensor([2.0, 0.0, 0.0]), epochs=5)
    assert shifted.accuracy == pytest.approx(stats.norm.cdf(1), abs=0.03)  # Bayes: which side of the middle
    assert shifted.p_value < 1e-10


def test_a_fresh_classifier_sees_a_difference_that_no_dimension_shows():
    z = gaussian(2000, 2)
    dependent = torch.stack([z[:, 0], z[:, 0] * torch.where(z[:, 1] > 0, 1.0, -1.0)], dim=1)  # Gaussian margins, uncorrelated
    assert float(correlation(dependent)[0, 1]) == pytest.approx(0, abs=0.05)
    assert two_sample_test(dependent, gaussian(2000, 2, 1), epochs=5).accuracy > 0.6


def test_the_classifiers_test_is_the_same_twice_and_leaves_global_random_state_alone():
    torch.manual_seed(3)
    before = torch.get_rng_state()
    found = [two_sample_test(gaussian(200, 2), gaussian(200, 2, 1), seed=4, epochs=2) for _ in range(2)]
    assert found[0] == found[1]
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize(("successes", "trials"), [(0, 20), (20, 20), (13, 20), (5030, 10_000)])
def test_the_binomial_interval_is_scipys(successes, trials):
    expected = stats.binomtest(successes, trials).proportion_ci(method="wilson")
    assert binomial_interval(successes, trials) == pytest.approx((expected.low, expected.high), abs=1e-9)
