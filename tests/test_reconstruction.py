from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier

from aae.config import ModelConfig
from aae.data import to_model_range
from aae.losses import reconstruction_loss
from aae.models import AAE
from aae.reconstruction import knn_accuracy, linear_probe_accuracy, psnr, reconstruction_errors, reconstruction_l1


@pytest.fixture(scope="module")
def probed(trained, train_data, held_out):
    """Codes and labels to learn from and to be asked about."""
    model = trained.model()
    with torch.no_grad():
        codes = [model.encode(to_model_range(data.images), sample=False) for data in (train_data, held_out)]
    return codes[0], train_data.labels, codes[1], held_out.labels


def test_each_images_errors_are_its_own_and_their_mean_is_the_loss(trained, held_out):
    model = trained.model()
    errors = reconstruction_errors(model, held_out.images)
    x = to_model_range(held_out.images)
    with torch.no_grad():
        x_rec = model.decode(model.encode(x, sample=False))
    assert errors.l1.shape == errors.mse.shape == (len(held_out),)
    assert float(errors.l1[7]) == pytest.approx(float((x_rec[7] - x[7]).abs().mean()), rel=1e-4)
    assert float(errors.mse[7]) == pytest.approx(float((x_rec[7] - x[7]).square().mean()), rel=1e-4)
    assert reconstruction_l1(model, held_out) == pytest.approx(float(reconstruction_loss(x_rec, x)), rel=1e-5)


def test_sampled_codes_come_from_the_generator(held_out):
    torch.manual_seed(0)
    model = AAE(ModelConfig(hidden_dim=16)).eval()
    draws = [
        reconstruction_errors(model, held_out.images[:20], True, torch.Generator().manual_seed(seed)).l1 for seed in (1, 1, 2)
    ]
    assert torch.equal(draws[0], draws[1])
    assert not torch.equal(draws[0], draws[2])


def test_psnr_of_an_error_of_a_tenth_of_the_range_is_20_dB():
    assert psnr(0.2**2) == pytest.approx(20)


def test_knn_accuracy_is_scikit_learns(probed):
    codes, labels, asked, truth = probed
    theirs = KNeighborsClassifier(5).fit(codes.numpy(), labels.numpy()).score(asked.numpy(), truth.numpy())
    ours = knn_accuracy(*probed, rows=128)
    assert ours == pytest.approx(theirs, abs=0.003)  # distances round differently
    assert ours > 0.6


def test_linear_probe_accuracy_is_scikit_learns(probed):
    codes, labels, asked, truth = (part.numpy() for part in probed)
    mean, scale = codes.mean(0), codes.std(0, ddof=1)
    model = LogisticRegression(C=1 / (1e-3 * len(codes)), tol=1e-8, max_iter=1000)
    theirs = model.fit((codes - mean) / scale, labels).score((asked - mean) / scale, truth)
    assert linear_probe_accuracy(*probed) == pytest.approx(theirs, abs=0.003)


def test_a_probe_of_codes_that_say_nothing_is_at_chance():
    generator = torch.Generator().manual_seed(0)
    codes, asked = torch.randn(2000, 3, generator=generator), torch.randn(1000, 3, generator=generator)
    labels, truth = torch.arange(2000) % 4, torch.arange(1000) % 4
    for accuracy in (knn_accuracy, linear_probe_accuracy):
        assert accuracy(codes, labels, asked, truth) == pytest.approx(0.25, abs=0.05)
    codes[:, 1] = 0  # a dimension that carries nothing breaks no probe
    assert np.isfinite(linear_probe_accuracy(codes, labels, asked, truth))
