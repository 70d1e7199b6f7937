"""The prior is N(0, I), drawn from the generator it is given."""

from __future__ import annotations

import pytest
import torch

from aae.priors import GaussianPrior


@pytest.mark.parametrize("latent_dim", [2, 10])
def test_draws_are_standard_normal_and_independent(latent_dim):
    draws = GaussianPrior(latent_dim).sample(40_000, torch.Generator().manual_seed(0))
    assert draws.shape == (40_000, latent_dim)
    assert draws.dtype == torch.float32
    assert draws.mean(0).abs().max() < 0.02
    torch.testing.assert_close(torch.cov(draws.T), torch.eye(latent_dim), rtol=0, atol=0.03)
    assert (draws.abs() < 1).float().mean().item() == pytest.approx(0.6827, abs=0.01)


def test_the_generator_decides_the_draws():
    prior = GaussianPrior(3)
    first, again, other = (prior.sample(5, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_draws_with_a_generator_leave_global_random_state_alone():
    before = torch.get_rng_state()
    GaussianPrior(3).sample(5, torch.Generator().manual_seed(0))
    assert torch.equal(torch.get_rng_state(), before)


def test_draws_lie_where_they_are_asked_to():
    assert GaussianPrior(3).sample(2, device=torch.device("meta")).device.type == "meta"
