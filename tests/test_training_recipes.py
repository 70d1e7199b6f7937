from __future__ import annotations

import dataclasses
import math
import time

import pytest
import torch

from aae.config import PRESETS, ModelConfig, TrainConfig
from aae.data import load_images, to_model_range
from aae.errors import TrainingError
from aae.events import Losses, divergence
from aae.training import Trainer, train

DATA = load_images("digits-sample", "train")
MODEL = ModelConfig(latent_dim=3, hidden_dim=32)


def recipe(name: str, **changes) -> TrainConfig:
    return dataclasses.replace(PRESETS[name].train, dataset="digits-sample", **changes)


@pytest.mark.parametrize("name", PRESETS)
def test_a_resumed_run_ends_at_the_same_bits_as_one_that_was_never_stopped(name):
    config = recipe(name, epochs=2)
    model = dataclasses.replace(PRESETS[name].model, latent_dim=3, hidden_dim=32)
    whole = Trainer(DATA, model, config)
    while whole.step_count < whole.total_steps:
        whole.step()
    first = Trainer(DATA, model, config)
    while first.step_count < first.total_steps // 2 + 3:
        first.step()
    second = Trainer(DATA, model, config, resume=first.checkpoint())
    while second.step_count < second.total_steps:
        second.step()
    for expected, actual in zip(whole.checkpoint().weights.values(), second.checkpoint().weights.values(), strict=True):
        assert torch.equal(expected, actual)


def test_a_linear_schedule_falls_from_the_full_rate_to_nothing():
    trainer = Trainer(DATA, MODEL, recipe("reference", epochs=1, batch_size=450, schedule="linear"))
    rates = []
    for _ in range(trainer.total_steps):
        trainer.step()
        rates.append(trainer.generator_optimiser.param_groups[0]["lr"])
    assert rates == pytest.approx([2e-4 * (1 - i / 10) for i in range(10)])


def test_a_warmup_rises_to_the_line_that_a_linear_schedule_falls_along():
    trainer = Trainer(DATA, MODEL, recipe("reference", epochs=10, batch_size=450, schedule="warmup"))
    rates = []
    for _ in range(8):
        trainer.step()
        rates.append(trainer.discriminator_optimiser.param_groups[0]["lr"])
    assert rates == pytest.approx([2e-4 * (1 - i / 100) * min(1, (i + 1) / 5) for i in range(8)])
    brief = Trainer(DATA, MODEL, recipe("reference", epochs=1, batch_size=2250, schedule="warmup"))
    brief.step()
    assert brief.generator_optimiser.param_groups[0]["lr"] == 2e-4
    long = Trainer(DATA, MODEL, recipe("reference", epochs=10_000, batch_size=450, schedule="warmup"))
    long.step()
    assert long.generator_optimiser.param_groups[0]["lr"] == pytest.approx(2e-4 / 200)


@pytest.mark.parametrize("seed", [1, 7, 8])
def test_the_first_steps_of_best_do_not_throw_a_run_off(seed):
    """Without a warm-up these seeds' codes fly away within 40 steps: D's loss goes to 6, 46 and 7 (0.7 is chance)."""
    config = dataclasses.replace(PRESETS["best"].train, dataset="digits-sample", seed=seed, precision="float32")
    trainer, worst = Trainer(DATA, PRESETS["best"].model, config), 0.0
    for _ in range(60):
        trainer.step()
        worst = max(worst, float(trainer.take_sums()[2]))
    assert worst < 2


@pytest.mark.parametrize(
    ("losses", "advice"),
    [
        (Losses(math.nan, 0.7, 0.7, 0.5), "no longer a number"),
        (Losses(0.1, math.inf, 0.7, 0.5), "lower the adversarial weight"),
        (Losses(0.1, 0.7, 1e4, 0.5), "lower the discriminator's learning rate"),
        (Losses(0.9, 0.7, 0.7, 0.5), "lower the learning rate"),
    ],
)
def test_a_diverging_run_is_told_which_setting_to_lower(losses, advice):
    assert advice in divergence(losses, TrainConfig(), least=0.1)


@pytest.mark.parametrize("losses", [Losses(0.95, 0.7, 0.7, 0.5), Losses(0.08, 9.0, 0.01, 1.0)])
def test_a_first_report_and_a_winning_discriminator_are_no_divergence(losses):
    assert divergence(losses, TrainConfig()) == ""


def wild(trainer: Trainer, at: int, *, recovers: bool) -> None:
    """Make the discriminator's loss jump to 1,000 in step `at`, and stay there unless it recovers."""
    take = trainer.take_sums

    def sums() -> torch.Tensor:
        taken = take()
        if trainer.step_count == at or (trainer.step_count > at and not recovers):
            taken[2] += 1000
        return taken

    trainer.take_sums = sums


def test_one_wild_step_that_a_run_recovers_from_does_not_end_it_however_often_it_reports():
    trainer = Trainer(DATA, MODEL, recipe("reference", epochs=1))
    wild(trainer, 22, recovers=True)
    for _ in train(trainer, report_seconds=0.0):
        pass
    assert trainer.step_count == trainer.total_steps


def test_a_run_that_stays_wild_ends_within_some_steps():
    trainer = Trainer(DATA, MODEL, recipe("reference", epochs=1))
    wild(trainer, 60, recovers=False)
    with pytest.raises(TrainingError, match="lower the discriminator's learning rate"):
        for _ in train(trainer, report_seconds=0.0):
            pass
    assert trainer.step_count < 70


def test_without_an_adversarial_term_a_lost_game_is_no_divergence():
    assert divergence(Losses(0.08, 1e6, 0.0, 1.0), TrainConfig(adversarial_weight=0.0)) == ""


@pytest.mark.parametrize("changes", [{"learning_rate": 1.0, "discriminator_learning_rate": 1.0, "adversarial_weight": 1.0}])
def test_an_exploding_run_stops_at_its_last_good_weights_and_can_be_saved(changes):
    trainer = Trainer(DATA, MODEL, recipe("reference", epochs=20, **changes))
    with pytest.raises(TrainingError, match="diverged"):
        for _ in train(trainer, report_seconds=0.0):
            pass
    assert trainer.finite()
    assert all(bool(tensor.isfinite().all()) for tensor in trainer.checkpoint().training.values() if tensor.is_floating_point())


def test_weights_that_are_not_finite_are_noticed_though_the_losses_before_them_were():
    trainer = Trainer(DATA, MODEL, recipe("reference", epochs=1))
    good = {name: tensor.clone() for name, tensor in trainer.model.state_dict().items()}
    step = trainer.step

    def poisoned() -> None:
        step()
        trainer.model.encoder.mean.weight.data.fill_(math.nan)

    trainer.step = poisoned
    with pytest.raises(TrainingError, match="diverged"):
        next(train(trainer, report_seconds=0.0))
    for name, tensor in trainer.model.state_dict().items():
        assert torch.equal(tensor, good[name]), name


def test_a_diverged_run_is_noticed_within_a_second():
    trainer = Trainer(DATA, MODEL, recipe("reference", epochs=1000))
    step, poisoned = trainer.step, []

    def poison() -> None:
        step()
        if trainer.step_count == 3:
            trainer.model.decoder.layers[0].weight.data[0, 0] = math.nan
            poisoned.append(time.thread_time())  # what others do with the processor meanwhile does not count

    trainer.step = poison
    with pytest.raises(TrainingError, match="lower"):
        for _ in train(trainer):
            pass
    assert time.thread_time() - poisoned[0] < 1
    assert trainer.finite()


def test_a_run_that_ends_with_standardising_gives_codes_of_mean_zero_and_variance_one():
    trainer = Trainer(DATA, MODEL, recipe("reference", epochs=1, batch_size=450, finish="standardise"))
    for _ in train(trainer):
        pass
    codes = trainer.model.eval().encode(to_model_range(DATA.images), sample=False).detach()
    assert codes.mean(0).numpy() == pytest.approx(0.0, abs=1e-3)
    assert codes.var(0).max() <= 1.01
