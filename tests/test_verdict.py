"""The verdict names what is wrong with constructed codes, and nothing that chance explains."""

from __future__ import annotations

import dataclasses
import math

import pytest
import torch
from torch import Tensor

from aae.verdict import Evidence, verdict


def draws(n: int, latent_dim: int = 10, seed: int = 1) -> Tensor:
    return torch.randn(n, latent_dim, generator=torch.Generator().manual_seed(seed))


def judged(z: Tensor) -> str:
    return str(verdict(Evidence.of(z)))


@pytest.mark.parametrize(("n", "latent_dim"), [(60, 10), (500, 64), (5000, 10), (2000, 2)])
def test_draws_of_the_prior_are_close_and_nothing_is_found(n, latent_dim):
    assert judged(draws(n, latent_dim)) == "q(z) is close to N(0, I)."


def test_narrow_dimensions_are_named_with_their_sigma():
    z = draws(5000)
    z[:, [3, 7]] *= torch.tensor([0.81, 0.7])
    assert judged(z) == "q(z) is close to N(0, I); dimensions 3 and 7 are too narrow (σ 0.81 and 0.70)."


def test_many_narrow_dimensions_are_counted_and_the_worst_is_named():
    z = draws(5000) * 0.7
    z[:, 4] *= 0.5
    assert judged(z).startswith("q(z) is far from N(0, I); all 10 dimensions are too narrow, most of all dimension 4 (σ 0.35)")
    z[:, 0] /= 0.7
    assert "9 of 10 dimensions are too narrow" in judged(z)


def test_a_wide_and_a_shifted_dimension_are_told_apart():
    z = draws(5000)
    z[:, 0] *= 1.5
    z[:, 2] -= 0.4
    text = judged(z)
    assert "dimension 0 is too wide (σ 1.5" in text
    assert "dimension 2 is off centre (mean −0.4" in text


def test_correlated_dimensions_are_named_with_their_correlation():
    z = draws(5000)
    z[:, 4] = 0.6 * z[:, 1] + 0.8 * z[:, 4]
    assert "dimensions 1 and 4 (+0." in judged(z)
    assert "are correlated" in judged(z)
    z[:, 5:] = z[:, [0]] + 0.1 * z[:, 5:]
    assert "pairs of dimensions are correlated, most of all" in judged(z)


def test_skewed_heavy_and_two_humped_dimensions_are_told_apart():
    z = draws(5000)
    z[:, 1] = (-z[:, 1].exp()).sub(-math.exp(0.5)) / math.sqrt((math.e - 1) * math.e)  # log-normal, standardised, mirrored
    z[:, 2] = z[:, 2].sign() * 0.97 + 0.25 * z[:, 3]
    text = judged(z)
    assert "dimension 1 is skewed (skewness −" in text
    assert "dimension 1 is heavy-tailed" in text
    assert "dimension 2 is too flat or two-humped" in text


def test_another_shape_with_the_right_moments_is_found_by_its_distribution():
    z = draws(20_000, 2)
    a, b = math.sqrt(3 + math.sqrt(6)), math.sqrt(3 - math.sqrt(6))  # Gauss-Hermite nodes: moments of N(0, 1) up to the 7th
    share = (3 - math.sqrt(6)) / 6  # the outer two's weight
    sides = torch.where(torch.special.ndtr(z[:, 1].abs()) * 2 - 1 < share, a, b)
    z[:, 0] = z[:, 0].sign() * sides + 0.01 * draws(20_000, 1, seed=5)[:, 0]
    assert "dimension 0 is of another shape (KS 0.2" in judged(z)


@pytest.mark.parametrize("spread", [0.0, 1e-6, 0.02])
def test_a_collapsed_dimension_makes_it_far_and_no_number_is_missing(spread):
    z = draws(1000)
    z[:, 6] = 0.3 + spread * z[:, 6]
    assert verdict(Evidence.of(z)).grade == "far"
    text = judged(z)
    assert f"dimension 6 is collapsed (σ {spread:.2f})" in text
    assert "nan" not in text


def test_codes_that_are_all_the_same_are_far():
    text = judged(torch.full((200, 3), 2.0))
    assert text == "q(z) is far from N(0, I); dimensions 0, 1 and 2 are collapsed (σ 0.00, 0.00 and 0.00)."


@pytest.mark.parametrize("n", [2, 49])
def test_too_few_codes_get_no_verdict(n):
    assert judged(draws(n)) == f"{n} codes are too few to say how close q(z) is to N(0, I)."


def test_what_chance_explains_in_100_codes_is_found_in_5000():
    small, large = draws(100, 4) * 0.88, draws(5000, 4) * 0.88
    assert "too narrow" not in judged(small)
    assert "all 4 dimensions" not in judged(small)
    assert "too narrow" in judged(large)


def test_a_classifier_that_tells_codes_from_draws_is_heard():
    evidence = Evidence.of(draws(2000))
    heard = dataclasses.replace(evidence, told_apart=(0.62, 0.6, 0.64))
    assert "62.0 % of the time (50 % is chance), by something that no single dimension" in str(verdict(heard))
    deaf = dataclasses.replace(evidence, told_apart=(0.505, 0.49, 0.52))
    assert "cannot tell its codes from draws of the prior (50.5 % right" in str(verdict(deaf))
