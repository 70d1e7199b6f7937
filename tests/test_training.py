"""A run is decided by its seed, tells what happens, and fails with advice."""

from __future__ import annotations

import dataclasses
import math
import re

import numpy as np
import pytest
import torch

from aae.config import ModelConfig
from aae.data import to_model_range
from aae.errors import TrainingError
from aae.latent import encode_means
from aae.training import EpochEnd, Progress, Trainer, pick_device, train
from tests.runs import SMALL, assert_same_state, finish, settings

# The data


def test_each_epoch_sees_each_image_once_and_in_another_order(take):
    data = take(64)
    trainer = Trainer(data, SMALL, settings(epochs=2))
    every = to_model_range(data.images).flatten(1)
    orders = []
    for _ in range(2):
        seen = []
        for _ in range(trainer.steps_per_epoch):
            seen.append(trainer.next_batch().flatten(1))
            trainer.step()
        orders.append(torch.cdist(torch.cat(seen), every).argmin(1))
    for order in orders:
        assert sorted(order.tolist()) == list(range(64))
        assert order.tolist() != list(range(64))
    assert orders[0].tolist() != orders[1].tolist()


def test_order_and_weights_and_noise_come_from_the_seed_alone(take):
    first, again, other = (Trainer(take(70), SMALL, settings(seed=seed)) for seed in (5, 5, 6))
    assert_same_state(first, again)
    assert torch.equal(first.next_batch(), again.next_batch())
    assert not torch.equal(first.next_batch(), other.next_batch())
    assert not torch.equal(first.model.encoder.mean.weight, other.model.encoder.mean.weight)
    torch.rand(3)  # global random state has no part in it
    finish(first)
    finish(again)
    assert_same_state(first, again)


def test_batches_are_scaled_on_the_way_and_the_last_one_is_shorter(trainer):
    sizes = []
    for _ in range(trainer.steps_per_epoch):
        x = trainer.next_batch()
        assert x.dtype == torch.float32
        assert (x.min(), x.max()) == (-1, 1)
        sizes.append(len(x))
        trainer.step()
    assert sizes == [16, 16, 16, 16, 6]
    assert trainer.images.dtype == torch.uint8


@pytest.mark.parametrize(("images", "steps"), [(64, 4), (65, 4), (66, 5), (3, 1), (2, 1)])
def test_a_last_batch_of_one_image_is_left_out(images, steps, take):
    trainer = Trainer(take(images), SMALL, settings())
    assert trainer.total_steps == steps
    assert finish(trainer)[-1].epoch == 1
    assert trainer.step_count == steps


def test_one_image_is_too_few(take):
    with pytest.raises(TrainingError, match="at least two images"):
        Trainer(take(1), SMALL, settings())


# The step


def test_the_generator_step_leaves_no_gradient_in_the_discriminator(trainer):
    seen = []

    def note(*args):
        seen.append([p.grad for p in trainer.model.discriminator.parameters() if p.grad is not None and p.grad.any()])

    trainer.generator_optimiser.register_step_post_hook(note)
    trainer.adversarial_step(to_model_range(trainer.images[:64]))
    assert seen == [[]]


def test_the_discriminator_step_leaves_encoder_and_decoder_alone(trainer):
    seen = []

    def weights_and_gradients() -> list[torch.Tensor]:
        return [t.detach().clone() for parameter in trainer.generator_parameters for t in (parameter, parameter.grad)]

    trainer.generator_optimiser.register_step_post_hook(lambda *args: seen.extend(weights_and_gradients()))
    trainer.adversarial_step(to_model_range(trainer.images[:64]))
    assert seen
    assert all(torch.equal(a, b) for a, b in zip(seen, weights_and_gradients(), strict=True))


def test_with_no_adversarial_weight_the_discriminator_does_not_reach_the_encoder(take):
    usual, other = (Trainer(take(70), SMALL, settings(adversarial_weight=0.0)) for _ in range(2))
    with torch.no_grad():
        for parameter in other.model.discriminator.parameters():
            parameter.mul_(3)
    finish(usual)
    finish(other)
    assert torch.equal(usual.model.encoder.mean.weight, other.model.encoder.mean.weight)
    assert not torch.equal(usual.model.discriminator.layers[0].weight, other.model.discriminator.layers[0].weight)


def test_training_leaves_global_random_state_alone_between_steps(trainer):
    before = torch.get_rng_state()
    trainer.step()
    assert torch.equal(torch.get_rng_state(), before)


# Events


def test_events_come_after_each_step_if_asked_for_and_end_each_epoch(trainer):
    events = finish(trainer, report_seconds=0)
    kinds = [type(event).__name__ for event in events]
    assert kinds == (["Progress"] * 5 + ["EpochEnd"]) * 2
    progress = [event for event in events if isinstance(event, Progress)]
    assert [event.step for event in progress] == list(range(1, 11))
    assert [event.epoch for event in progress] == pytest.approx([step / 5 for step in range(1, 11)])
    assert {(event.total_steps, event.epochs) for event in progress} == {(10, 2)}
    assert progress[-1].eta_seconds == 0
    assert all(event.eta_seconds > 0 for event in progress[:-1])
    assert all(event.images_per_second > 0 for event in progress)
    assert [event.epoch for event in events if isinstance(event, EpochEnd)] == [1, 2]


def test_an_epochs_last_step_is_reported_however_long_reports_may_take(trainer):
    kinds = [type(event).__name__ for event in finish(trainer, report_seconds=1e9)]
    assert kinds == ["Progress", "EpochEnd"] * 2


def test_an_epochs_losses_are_the_means_over_its_steps(trainer):
    events = finish(trainer, report_seconds=0)
    for first in (0, 6):
        steps, end = events[first : first + 5], events[first + 5]
        for name in ("reconstruction", "adversarial", "discriminator", "discriminator_accuracy"):
            assert getattr(end.losses, name) == pytest.approx(np.mean([getattr(e.losses, name) for e in steps]), rel=1e-5)


def test_losses_do_not_depend_on_how_often_they_are_reported(take):
    often, seldom = (Trainer(take(70), SMALL, settings()) for _ in range(2))
    ends = [finish(often, report_seconds=0)[-1], finish(seldom, report_seconds=1e9)[-1]]
    assert dataclasses.astuple(ends[0].losses) == pytest.approx(dataclasses.astuple(ends[1].losses), rel=1e-5)
    assert_same_state(often, seldom)


def test_losses_are_plain_numbers_and_accuracy_is_a_share(trainer):
    for event in finish(trainer, report_seconds=0):
        values = dataclasses.asdict(event.losses)
        assert all(type(value) is float and math.isfinite(value) for value in values.values())
        assert 0 <= values["discriminator_accuracy"] <= 1


def test_training_on_digits_lowers_the_reconstruction_loss(take):
    ends = [e for e in finish(Trainer(take(1000), ModelConfig(hidden_dim=64), settings(epochs=2))) if isinstance(e, EpochEnd)]
    assert ends[1].losses.reconstruction < 0.8 * ends[0].losses.reconstruction


def test_each_progress_carries_the_probes_means(trainer, held_out):
    probe = held_out.images[:7]
    for event in train(trainer, probe, report_seconds=0):
        if isinstance(event, Progress):
            assert event.codes.shape == (7, 10)
            assert event.codes.dtype == np.float32
            np.testing.assert_array_equal(event.codes, encode_means(trainer.model, to_model_range(probe)))
    assert all(event.codes is None for event in finish(Trainer(trainer.data, SMALL, settings())) if isinstance(event, Progress))


def test_probing_does_not_change_the_run(take, held_out):
    probed, plain = (Trainer(take(70), SMALL, settings()) for _ in range(2))
    finish(probed, probe=held_out.images[:50], report_seconds=0)
    finish(plain)
    assert_same_state(probed, plain)


def test_encoding_means_leaves_batch_norm_and_mode_alone(trainer, held_out):
    before = {name: tensor.clone() for name, tensor in trainer.model.state_dict().items()}
    for mode in (True, False):
        trainer.model.train(mode)
        encode_means(trainer.model, to_model_range(held_out.images))
        assert trainer.model.training is mode
    assert all(torch.equal(tensor, before[name]) for name, tensor in trainer.model.state_dict().items())


# Going wrong


def assert_advises(error: pytest.ExceptionInfo) -> None:
    sentence = str(error.value)
    assert re.search(r"diverged.*lower", sentence)
    assert len(sentence.splitlines()) == 1


def assert_finite(trainer: Trainer) -> None:
    assert all(torch.isfinite(tensor).all() for tensor in trainer.model.state_dict().values())


def test_a_diverged_run_ends_with_advice_at_its_last_good_weights(trainer):
    events = train(trainer, report_seconds=0)
    next(events)
    good = {name: tensor.clone() for name, tensor in trainer.model.state_dict().items()}
    with torch.no_grad():
        trainer.model.encoder.mean.weight.fill_(float("nan"))
    with pytest.raises(TrainingError) as caught:
        next(events)
    assert_advises(caught)
    assert_finite(trainer)
    assert all(torch.equal(tensor, good[name]) for name, tensor in trainer.model.state_dict().items())


@pytest.mark.parametrize("seed", range(3))
def test_a_run_that_diverges_by_itself_leaves_finite_weights(seed, take):
    wild = {"learning_rate": 1.0, "discriminator_learning_rate": 1.0, "beta1": 0.0, "adversarial_weight": 0.5}
    trainer = Trainer(take(1000), ModelConfig(hidden_dim=64), settings(epochs=3, batch_size=64, seed=seed, **wild))
    with pytest.raises(TrainingError) as caught:
        finish(trainer, report_seconds=0)
    assert_advises(caught)
    assert_finite(trainer)


def test_weights_that_stop_being_numbers_in_the_last_update_are_not_kept(trainer, monkeypatch):
    step = trainer.step

    def step_and_break():
        step()
        if trainer.step_count == trainer.total_steps:  # its losses were finite; the update that followed was not
            with torch.no_grad():
                trainer.model.decoder.layers[0].weight[0, 0] = float("nan")

    monkeypatch.setattr(trainer, "step", step_and_break)
    with pytest.raises(TrainingError) as caught:
        finish(trainer, report_seconds=0)
    assert_advises(caught)
    assert_finite(trainer)


# Devices


def test_auto_picks_an_accelerator_if_there_is_one(monkeypatch):
    for cuda, mps, expected in [(True, True, "cuda"), (False, True, "mps"), (False, False, "cpu")]:
        monkeypatch.setattr(torch.cuda, "is_available", lambda cuda=cuda: cuda)
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda mps=mps: mps)
        assert pick_device().type == expected
    assert pick_device("cpu").type == "cpu"


@pytest.mark.parametrize("name", ["", "gpu", "cuda:99", "cpu:x", "meta", "xla", "xpu", "hpu", "ipu", "opencl"])
def test_a_device_that_is_not_there_is_one_sentence(name):
    with pytest.raises(TrainingError, match="There is no device") as caught:
        pick_device(name)
    assert len(str(caught.value).splitlines()) == 1
