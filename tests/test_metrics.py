from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
import torch
from scipy import stats

from aae.classifier import Classifier
from aae.config import ModelConfig
from aae.measures import MEASURES, Measure
from aae.metrics import (
    Quality,
    Stage,
    _marginals,
    _mean_and_half_interval,
    _of_training_images,
    _sampled_codes,
    _transported,
    _with_floors,
    measure,
    measuring,
)
from aae.models import AAE
from aae.priors import GaussianPrior
from aae.reconstruction import reconstruction_l1


@pytest.fixture(scope="module")
def measured(train_data, held_out) -> tuple[AAE, Quality, Quality]:
    """An untrained model, and what is found of it twice."""
    torch.manual_seed(0)
    model, classifier = AAE(ModelConfig(latent_dim=3, hidden_dim=32, posterior="deterministic")).eval(), Classifier(10).eval()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("aae.metrics.PARZEN_SAMPLES", 500)
        return model, *(measure(model, held_out, train_data, classifier, seed=4) for _ in range(2))


def test_measuring_finds_the_same_twice_and_every_measure_there_is(measured, held_out):
    _, quality, again = measured
    assert quality == again
    assert list(quality.measures) == list(MEASURES)
    assert (quality.images, quality.latent_dim, quality.hidden_dim, quality.dataset) == (500, 3, 32, "digits-sample")
    numbers = [value for found in quality.measures.values() for value in dataclasses.astuple(found) if value is not None]
    assert all(type(value) is float and math.isfinite(value) for value in numbers)


def test_floors_that_are_known_are_taken_over_and_change_nothing_else(measured, train_data, held_out, monkeypatch):
    model, quality, _ = measured
    monkeypatch.setattr("aae.metrics.PARZEN_SAMPLES", 500)
    torch.manual_seed(0)
    _, classifier = AAE(model.config), Classifier(10).eval()
    monkeypatch.setattr("aae.metrics._with_floors", lambda *a: pytest.fail("computed again"))
    assert measure(model, held_out, train_data, classifier, seed=4, floors=quality) == quality


def test_an_error_is_half_of_the_means_interval_and_a_floor_the_mean_and_spread_of_its_draws():
    values = torch.rand(400, generator=torch.Generator().manual_seed(0))
    mean, half = _mean_and_half_interval(values)
    low, high = stats.norm.interval(0.95, values.double().mean(), stats.sem(values.double()))
    assert (mean - half, mean + half) == pytest.approx((low, high), rel=1e-4)
    draws = [{"mmd": Measure(value)} for value in (1.0, 2.0, 6.0)]
    (found,) = _with_floors({"mmd": Measure(7.0, p_value=0.1), "l1": Measure(1.0)}, draws).values()
    assert found == Measure(7.0, p_value=0.1, floor=3.0, floor_spread=pytest.approx(np.std([1, 2, 6], ddof=1)))


def test_an_untrained_models_codes_are_told_from_the_prior_and_its_floors_are_not(measured):
    _, quality, _ = measured
    for name in ("ks_mean", "ks_worst", "mmd", "sliced_wasserstein", "max_sliced_wasserstein"):
        found = quality.measures[name]
        assert found.value > found.floor + 5 * found.floor_spread, name
    assert quality.measures["mmd"].p_value < 0.01
    told_apart = quality.measures["two_sample"]
    assert told_apart.value - told_apart.error > 0.6
    assert told_apart.floor == pytest.approx(0.5, abs=0.07)
    assert quality.measures["frechet_samples"].value > quality.measures["frechet_samples"].floor
    for name in ("precision", "recall", "coverage"):
        assert quality.measures[f"{name}_samples"].value < quality.measures[f"{name}_samples"].floor


def test_what_needs_no_draw_is_what_it_is_elsewhere(measured, held_out):
    model, quality, _ = measured
    assert quality.measures["l1_of_means"].value == pytest.approx(reconstruction_l1(model, held_out), rel=1e-6)
    assert quality.class_shares_real == pytest.approx([0.1] * 10)
    assert sum(quality.class_shares) == pytest.approx(1)
    assert quality.measures["class_entropy"].floor == pytest.approx(1.0)
    assert quality.measures["ks_worst"].value == pytest.approx(max(quality.dimensions["ks"]))
    assert quality.measures["mean_worst"].value == pytest.approx(max(map(abs, quality.dimensions["mean"])))
    assert [row[i] for i, row in enumerate(quality.correlation)] == [1, 1, 1]


@torch.no_grad()
def test_codes_of_training_images_are_measured_as_those_of_test_images_are(measured, held_out):
    model = measured[0]
    z, _ = _sampled_codes(model, held_out.images, torch.Generator().manual_seed(4))
    draws = GaussianPrior(model.config.latent_dim).sample(len(z))
    found = {**_marginals(z, draws, 4), **_transported(z, draws, 4)}
    again = _of_training_images(model, held_out.images, draws, 4, found)
    assert again == {f"{name}_train": found[name] for name in ("ks_mean", "ks_worst", "sliced_wasserstein")}
    other = _of_training_images(model, held_out.images.flip(2), draws, 4, found)
    assert all(other[name].value != again[name].value for name in again)


def test_stages_tell_how_far_it_is_and_closing_ends_it(measured, train_data, held_out):
    steps = measuring(measured[0], held_out, train_data, Classifier(10).eval())
    shares = [step.share for step, _ in zip(steps, range(4), strict=False) if isinstance(step, Stage)]
    assert len(shares) == 4
    assert shares == sorted(shares)
    steps.close()
    assert next(steps, None) is None
    assert torch.is_grad_enabled()
