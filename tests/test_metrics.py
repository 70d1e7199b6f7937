from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import linalg, stats

from aae.classifier import Classifier
from aae.config import ModelConfig
from aae.data import load_images
from aae.metrics import class_entropy, frechet_distance, kolmogorov_smirnov, measure, sliced_wasserstein
from aae.models import AAE


def gaussian(n: int, d: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed))


def test_kolmogorov_smirnov_agrees_with_scipy():
    z = gaussian(500, 3) * torch.tensor([1.0, 0.7, 1.0]) + torch.tensor([0.0, 0.0, 0.4])
    expected = [stats.kstest(column, "norm").statistic for column in z.numpy().T]
    assert kolmogorov_smirnov(z).numpy() == pytest.approx(np.array(expected), abs=1e-6)


def test_sliced_wasserstein_of_a_shift_is_the_shift_over_the_root_of_the_dimension():
    z = gaussian(400, 4)
    shift = torch.tensor([3.0, 0.0, 0.0, 0.0])  # along u it is 3 u₁, and E[u₁²] = 1/4
    assert sliced_wasserstein(z, z + shift, 20_000, torch.Generator().manual_seed(1)) == pytest.approx(1.5, rel=0.02)


def test_sliced_wasserstein_of_a_set_with_itself_is_zero_in_any_order():
    z = gaussian(300, 5)
    assert sliced_wasserstein(z, z.flip(0), generator=torch.Generator().manual_seed(0)) == 0.0


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


def test_class_entropy_is_one_for_equal_shares_and_zero_for_a_single_class():
    assert class_entropy(torch.arange(10).repeat(3), 10) == pytest.approx(1.0)
    assert class_entropy(torch.zeros(30, dtype=torch.int64), 10) == 0.0


def test_measure_is_the_same_twice_and_its_floors_lie_below_an_untrained_model():
    train, held_out = load_images("digits-sample", "train"), load_images("digits-sample", "test")
    torch.manual_seed(0)
    model, classifier = AAE(ModelConfig(latent_dim=3, hidden_dim=32)).eval(), Classifier(10).eval()
    quality = measure(model, held_out, train, classifier, seed=4)
    assert quality == measure(model, held_out, train, classifier, seed=4)
    assert quality.images == len(held_out)
    assert quality.ks_floor < quality.ks_mean <= quality.ks_worst
    assert quality.sliced_wasserstein_floor < quality.sliced_wasserstein
    assert quality.frechet_floor < quality.frechet_samples
    assert quality.class_entropy_real == pytest.approx(1.0)
