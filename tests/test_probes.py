"""A look at a model in training: the same images and draws each time, and nothing of the run is touched."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from aae.data import to_model_range
from aae.matching import sliced_wasserstein
from aae.models import AAE
from aae.probes import Probe
from aae.training import Trainer
from tests.runs import SMALL, assert_same_state, finish, settings

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def probe(held_out) -> Probe:
    return Probe(held_out, 10, CPU)


def test_two_looks_at_one_model_are_the_same_and_show_what_the_model_gives(probe, trained):
    model = trained.model()
    look, again = probe.look(model), probe.look(model)
    assert look.distance == again.distance
    assert np.array_equal(look.samples, again.samples)
    assert look.samples.shape == (64, 32, 32)
    assert look.codes.shape == (500, 10)
    x = to_model_range(torch.from_numpy(probe.originals))[:, None]  # (8, 1, 32, 32)
    with torch.no_grad():
        expected = model.decode(model.encode(x, sample=False))[:, 0]
    shown = torch.from_numpy(look.reconstructions).float() / 127.5 - 1
    assert (shown - expected).abs().max() < 0.5 / 127.5 + 1e-4


def test_looks_leave_a_run_as_it_would_have_been(take, held_out):
    plain, watched = (Trainer(take(70), SMALL, settings(epochs=1)) for _ in range(2))
    probe = Probe(held_out, 10, CPU)
    finish(plain)
    for _ in range(watched.total_steps):
        probe.look(watched.model)
        watched.step()
        assert watched.model.training
    watched.take_sums()
    assert_same_state(plain, watched)


def test_eight_images_are_of_eight_classes_and_codes_come_by_class(probe, held_out):
    assert list(probe.labels) == sorted(held_out.labels.tolist())
    where = [int((held_out.images[:, 0] == torch.from_numpy(image)).all(2).all(1).nonzero()[0]) for image in probe.originals]
    assert held_out.labels[where].tolist() == list(range(8))


def test_the_distance_is_the_measures_and_its_floor_that_of_draws_of_the_prior(probe, held_out, trained):
    def measured(z: torch.Tensor) -> float:
        return sliced_wasserstein(z, probe.prior, generator=torch.Generator().manual_seed(1))

    noise = torch.Generator().manual_seed(5)
    with torch.no_grad():
        codes = trained.model().encode(to_model_range(held_out.images), generator=noise)
    distance = probe.look(trained.model()).distance
    assert distance == pytest.approx(measured(codes), rel=0.15)
    assert probe.floor == pytest.approx(measured(torch.randn(500, 10, generator=noise)), rel=0.15)
    assert distance > 2 * probe.floor


def test_few_images_are_enough_to_look(held_out):
    few = dataclasses.replace(held_out, images=held_out.images[:3], labels=held_out.labels[:3])
    look = Probe(few, 2, CPU).look(AAE(dataclasses.replace(SMALL, latent_dim=2)))
    assert look.codes.shape == (3, 2)
    assert look.reconstructions.shape == (3, 32, 32)


def test_a_network_before_its_first_step_has_a_distance(held_out):
    model = AAE(SMALL)
    with torch.no_grad():
        model.encoder.log_variance.bias.fill_(200.0)  # σ = e^100 is no float32
    assert np.isfinite(Probe(held_out, SMALL.latent_dim, CPU).look(model).distance)
