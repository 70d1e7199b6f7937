"""The objectives equal the published ones, written with a sigmoid and BCELoss, and survive what would overflow those."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from aae.data import to_model_range
from aae.losses import adversarial_loss, discriminator_loss, generator_loss, reconstruction_loss


@pytest.fixture(scope="module")
def logits():
    generator = torch.Generator().manual_seed(0)
    return 3 * torch.randn(64, generator=generator), 3 * torch.randn(64, generator=generator)


@pytest.fixture(scope="module")
def images(held_out):
    return to_model_range(held_out.images[:64]), to_model_range(held_out.images[64:128])


def test_discriminator_loss_is_half_of_both_cross_entropies(logits):
    prior, codes = logits
    bce = nn.BCELoss()
    plain = 0.5 * (bce(torch.sigmoid(prior), torch.ones(64)) + bce(torch.sigmoid(codes), torch.zeros(64)))
    torch.testing.assert_close(discriminator_loss(prior, codes), plain)


def test_adversarial_loss_is_the_cross_entropy_against_the_label_of_the_prior(logits):
    torch.testing.assert_close(adversarial_loss(logits[0]), nn.BCELoss()(torch.sigmoid(logits[0]), torch.ones(64)))


def test_reconstruction_loss_is_the_mean_absolute_error(images):
    torch.testing.assert_close(reconstruction_loss(*images), nn.L1Loss()(*images))
    assert reconstruction_loss(images[0], images[0]) == 0
    assert reconstruction_loss(torch.ones(1, 1, 32, 32), -torch.ones(1, 1, 32, 32)) == 2


@pytest.mark.parametrize("weight", [0.0, 0.001, 0.3, 1.0])
def test_generator_loss_weighs_the_two_terms_to_one(weight, images, logits):
    x_rec, x = images
    total, reconstruction, adversarial = generator_loss(x_rec, x, logits[0], weight)
    plain_adversarial = nn.BCELoss()(torch.sigmoid(logits[0]), torch.ones(64))
    plain_reconstruction = nn.L1Loss()(x_rec, x)
    torch.testing.assert_close(adversarial, plain_adversarial)
    torch.testing.assert_close(reconstruction, plain_reconstruction)
    torch.testing.assert_close(total, weight * plain_adversarial + (1 - weight) * plain_reconstruction)


def test_all_cross_entropies_are_log_2_at_chance():
    undecided = torch.zeros(8)
    assert discriminator_loss(undecided, undecided).item() == pytest.approx(math.log(2))
    assert adversarial_loss(undecided).item() == pytest.approx(math.log(2))


def test_large_logits_give_finite_losses_and_gradients():
    prior, codes = torch.tensor([-1e4, 1e4], requires_grad=True), torch.tensor([1e4, -1e4], requires_grad=True)
    loss = discriminator_loss(prior, codes) + adversarial_loss(codes)
    loss.backward()
    assert loss.item() == pytest.approx(0.5 * (5e3 + 5e3) + 5e3)
    assert torch.isfinite(prior.grad).all()
    assert codes.grad.abs().sum() > 0
