"""A step taken apart is the trainer's own step, and its numbers are the trainer's."""

from __future__ import annotations

import pytest
import torch

from aae.config import ModelConfig
from aae.phases import dissect
from aae.training import Trainer
from tests.runs import SMALL, assert_same_state, finish, settings

OBJECTIVES = {"aae": "gaussian", "vae": "gaussian", "ae": "deterministic"}


def quantities(step, phase: str) -> dict[str, tuple[float, float | None]]:
    (found,) = (part for part in step.phases if part.name == phase)
    return {quantity.name: (quantity.value, quantity.before) for quantity in found.quantities}


def pair(take, objective: str, **changes) -> tuple[Trainer, Trainer]:
    config = settings(epochs=2, objective=objective, **changes)
    model_config = ModelConfig(hidden_dim=16, posterior=OBJECTIVES[objective])
    return Trainer(take(70), model_config, config), Trainer(take(70), model_config, config)


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_a_run_of_dissected_steps_equals_an_uninterrupted_one(objective, take):
    whole, dissected = pair(take, objective, schedule="linear", finish="standardise")
    finish(whole)
    for _ in range(dissected.total_steps):
        dissect(dissected)
    assert_same_state(whole, dissected)


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_the_phases_come_to_the_losses_of_the_trainer(objective, take):
    plain, dissected = pair(take, objective)
    for _ in range(3):
        plain.step()
        reconstruction, regulariser, discriminator, accuracy = plain.take_sums().tolist()
        step = dissect(dissected)
        assert quantities(step, "decode")["reconstruction loss, L1"][0] == pytest.approx(reconstruction, rel=1e-4)
        changed = quantities(step, "generator")
        if objective == "aae":
            assert changed["adversarial loss"][1] == pytest.approx(regulariser, rel=1e-4)
            told = quantities(step, "discriminator")
            assert told["discriminator loss"][1] == pytest.approx(discriminator, rel=1e-4)
            assert told["share told right"][1] == pytest.approx(accuracy, abs=1e-6)
        elif objective == "vae":
            assert changed["KL divergence, nats"][1] == pytest.approx(regulariser, rel=1e-3)
    assert plain.step_count == dissected.step_count == step.number == 3


def test_an_update_changes_its_own_networks_and_improves_its_own_loss(take):
    trainer = Trainer(take(70), SMALL, settings(epochs=2, learning_rate=1e-3, discriminator_learning_rate=1e-3))
    before = {name: tensor.detach().clone() for name, tensor in trainer.model.named_parameters()}
    step = dissect(trainer)
    moved = {
        part: torch.cat([(t - before[n]).flatten() for n, t in trainer.model.named_parameters() if n.startswith(part)]).norm()
        for part in ("encoder", "decoder", "discriminator")
    }
    generator, discriminator = quantities(step, "generator"), quantities(step, "discriminator")
    assert generator["change of the encoder's weights"][0] == pytest.approx(moved["encoder"].item(), rel=1e-4)
    assert generator["change of the decoder's weights"][0] == pytest.approx(moved["decoder"].item(), rel=1e-4)
    assert discriminator["change of its weights"][0] == pytest.approx(moved["discriminator"].item(), rel=1e-4)
    for now, was in (generator["reconstruction loss, L1"], discriminator["discriminator loss"]):
        assert now < was
    assert all(value > 0 for name, (value, _) in generator.items() if name.startswith("gradient"))


def test_the_images_are_those_of_the_batch(trainer):
    x = trainer.next_batch()
    step = dissect(trainer)
    assert step.batch_size == len(x) == 16
    assert step.images.shape == step.reconstructions.shape == step.updated.shape == (8, 32, 32)
    assert torch.equal(torch.from_numpy(step.images).float().div(127.5).sub(1), x[:8, 0])
    assert (step.updated != step.reconstructions).any()


def test_losses_reported_after_a_dissected_step_are_of_the_steps_after_it(take):
    plain, dissected = pair(take, "aae")
    plain.step()
    plain.take_sums()
    dissect(dissected)
    assert finish(plain, report_seconds=0)[0].losses == finish(dissected, report_seconds=0)[0].losses
