"""The plain and the variational autoencoder: their equations, and that they train, resume and are told as what they are."""

from __future__ import annotations

import dataclasses
import json
import math

import pytest
import torch
from torch.distributions import Independent, Laplace, Normal, kl_divergence

from aae import losses
from aae.__main__ import main
from aae.checkpoints import load_checkpoint
from aae.config import ModelConfig
from aae.errors import ConfigError
from aae.events import EpochEnd
from aae.objectives import POSTERIORS
from aae.training import Trainer
from tests.runs import assert_same_state, finish, settings


def small(objective: str) -> ModelConfig:
    return ModelConfig(latent_dim=3, hidden_dim=32, posterior=POSTERIORS[objective])


def test_the_kl_divergence_is_that_of_two_gaussians():
    mean, sigma = torch.randn(20, 4), torch.rand(20, 4) + 0.1
    posterior, prior = Independent(Normal(mean, sigma), 1), Independent(Normal(torch.zeros(20, 4), torch.ones(20, 4)), 1)
    torch.testing.assert_close(losses.kl_divergence(mean, sigma), kl_divergence(posterior, prior).mean())
    assert losses.kl_divergence(torch.zeros(3, 4), torch.ones(3, 4)) == 0


def test_the_variational_loss_has_the_gradient_of_the_negative_evidence_lower_bound():
    x, x_rec = torch.rand(6, 1, 32, 32) * 2 - 1, (torch.rand(6, 1, 32, 32) * 2 - 1).requires_grad_()
    mean, sigma = torch.randn(6, 3, requires_grad=True), (torch.rand(6, 3) + 0.1).requires_grad_()
    total, reconstruction, divergence = losses.variational_loss(x_rec, x, mean, sigma)
    gradients = torch.autograd.grad(total, [x_rec, mean, sigma], retain_graph=True)
    scale = reconstruction.detach()  # of greatest likelihood: the mean absolute error
    nats = -Laplace(x_rec, scale).log_prob(x).sum((1, 2, 3)).mean() + divergence
    expected = torch.autograd.grad(nats, [x_rec, mean, sigma])
    for ours, theirs in zip(gradients, expected, strict=True):
        torch.testing.assert_close(ours * 1024 / scale, theirs, rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("objective", ["ae", "vae"])
def test_training_lowers_the_reconstruction_loss_and_leaves_the_discriminator_alone(objective, take):
    trainer = Trainer(take(1000), small(objective), settings(epochs=2, objective=objective, learning_rate=1e-3))
    untouched = {name: tensor.clone() for name, tensor in trainer.model.discriminator.state_dict().items()}
    first, last = (event.losses for event in finish(trainer) if isinstance(event, EpochEnd))
    assert last.reconstruction < 0.9 * first.reconstruction
    assert (last.discriminator, last.discriminator_accuracy) == (0, 0)
    assert last.adversarial > 0.1 if objective == "vae" else last.adversarial == 0
    assert all(torch.equal(tensor, untouched[name]) for name, tensor in trainer.model.discriminator.state_dict().items())


def test_a_variational_autoencoder_keeps_a_posterior_of_some_width(take):
    trainer = Trainer(take(1000), small("vae"), settings(epochs=2, objective="vae", learning_rate=1e-3))
    finish(trainer)
    assert trainer.model.eval().posterior(trainer.next_batch())[1].mean() > 0.02


@pytest.mark.parametrize(("objective", "posterior"), [("ae", "deterministic"), ("vae", "gaussian"), ("aae", "deterministic")])
def test_a_resumed_run_ends_at_the_same_bits(objective, posterior, take):
    config = settings(epochs=2, objective=objective)
    model = ModelConfig(hidden_dim=16, posterior=posterior)
    whole, first = (Trainer(take(70), model, config) for _ in range(2))
    finish(whole)
    for _ in range(7):
        first.step()
    second = Trainer(take(70), model, config, resume=first.checkpoint())
    finish(second)
    assert_same_state(whole, second)


@pytest.mark.parametrize(("objective", "posterior"), [("ae", "gaussian"), ("vae", "deterministic")])
def test_a_posterior_that_does_not_go_with_the_objective_is_refused_in_one_sentence(objective, posterior, take):
    with pytest.raises(ConfigError, match=f"choose posterior {POSTERIORS[objective]}"):
        Trainer(take(70), ModelConfig(hidden_dim=16, posterior=posterior), settings(objective=objective))


@pytest.mark.parametrize(("objective", "said"), [("ae", "reconstruction"), ("vae", "nats")])
def test_the_command_trains_it_with_the_posterior_it_needs(objective, said, tmp_path, capsys):
    out = tmp_path / "a.safetensors"
    flags = ["--dataset", "digits-sample", "--hidden-dim", "16", "--batch-size", "450", "--device", "cpu", "--epochs", "1"]
    assert main(["train", *flags, "--objective", objective, "--out", str(out)]) == 0
    told = capsys.readouterr().out
    assert said in told
    assert "discriminator" not in told
    checkpoint = load_checkpoint(out)
    assert checkpoint.train_config.objective == objective
    assert checkpoint.model_config.posterior == POSTERIORS[objective]
    assert all(math.isfinite(value) for row in checkpoint.record.history for value in row.values())
    assert json.loads(checkpoint.train_config.to_json()) == dataclasses.asdict(checkpoint.train_config)
