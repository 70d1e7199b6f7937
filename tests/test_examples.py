"""What is shown as best, worst and nearest is what a plain search finds."""

from __future__ import annotations

import dataclasses
from collections.abc import Generator

import numpy as np
import pytest
import torch

from aae.data import to_model_range
from aae.examples import nearest, rebuilt, to_pixels
from aae.priors import GaussianPrior


def finish(work: Generator) -> tuple[list[float], object]:
    shares = []
    while True:
        try:
            shares.append(next(work))
        except StopIteration as end:
            return shares, end.value


@pytest.fixture(scope="module")
def model(trained):
    return trained.model()


def test_best_median_and_worst_are_those_of_the_whole_set_in_order(model, held_out):
    shares, found = finish(rebuilt(model, held_out, each=5))
    assert shares[-1] == 1.0
    x = to_model_range(held_out.images)
    with torch.no_grad():
        errors = (model.decode(model.encode(x, sample=False)) - x).abs().mean((1, 2, 3))
    ordered = errors.sort().values
    torch.testing.assert_close(torch.tensor(found["best"].errors), ordered[:5])
    torch.testing.assert_close(torch.tensor(found["worst"].errors), ordered[-5:].flip(0))
    assert min(found["median"].errors) <= errors.median() <= max(found["median"].errors)
    assert torch.equal(found["worst"].originals, held_out.images[found["worst"].places])
    shown = to_model_range(found["worst"].reconstructions) - to_model_range(found["worst"].originals)
    np.testing.assert_allclose(shown.abs().mean((1, 2, 3)), found["worst"].errors, atol=1 / 127)


def test_fewer_images_than_asked_for_are_all_shown(model, held_out):
    three = dataclasses.replace(held_out, images=held_out.images[:3], labels=held_out.labels[:3])
    _, found = finish(rebuilt(model, three, each=6))
    assert [len(group.errors) for group in found.values()] == [3, 3, 3]


def test_nearest_training_images_are_those_of_a_plain_search_closest_first(model, train_data, held_out):
    z = GaussianPrior(model.config.latent_dim).sample(7, torch.Generator().manual_seed(2))
    shares, found = finish(nearest(model, z, train_data, held_out))
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    with torch.no_grad():
        samples = model.decode(z)
    everything = to_model_range(train_data.images)
    for place, sample in enumerate(samples):
        away = (everything - sample).square().mean((1, 2, 3)).sqrt()
        shown = found.distances.index(pytest.approx(away.min().item(), abs=1e-4))
        assert torch.equal(found.images[shown], train_data.images[away.argmin()])
        assert torch.equal(found.samples[shown], to_pixels(samples[place]))
    assert found.distances == sorted(found.distances)
    assert len(found.held_out_distances) == 7


def test_an_image_that_was_copied_is_found_at_no_distance(model, train_data, held_out):
    copied = dataclasses.replace(train_data, images=train_data.images[:50].clone())
    z = torch.zeros(1, model.config.latent_dim)
    with torch.no_grad():
        copied.images[17] = to_pixels(model.decode(z))[0]
    _, found = finish(nearest(model, z, copied, held_out))
    assert found.distances[0] < 1 / 127
    assert found.distances[0] < found.held_out_distances[0]


def test_pixels_are_rounded_and_stay_in_range():
    assert to_pixels(torch.tensor([-1.5, -1.0, 0.0, 1.0, 2.0])).tolist() == [0, 0, 128, 255, 255]
