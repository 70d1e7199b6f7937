"""A run can be stopped anywhere and goes on exactly; what does not fit is refused."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from aae.checkpoints import load_checkpoint, save_checkpoint
from aae.config import ModelConfig
from aae.errors import TrainingError
from aae.training import EpochEnd, Progress, Trainer, train
from tests.runs import SMALL, assert_same_state, finish, settings


def saved_and_loaded(trainer: Trainer, folder):
    save_checkpoint(folder / "run.safetensors", trainer.checkpoint())
    return load_checkpoint(folder / "run.safetensors")


def test_two_epochs_and_two_more_equal_four(take, tmp_path):
    whole, first = (Trainer(take(70), SMALL, settings(epochs=epochs)) for epochs in (4, 2))
    finish(whole)
    finish(first)
    second = Trainer(take(70), SMALL, settings(epochs=4), resume=saved_and_loaded(first, tmp_path))
    assert second.epoch == 2
    ends = [event.epoch for event in finish(second) if isinstance(event, EpochEnd)]
    assert ends == [3, 4]
    assert_same_state(whole, second)
    losses = [[{**row, "seconds": 0} for row in run.history] for run in (whole, second)]
    assert losses[0] == losses[1]


@pytest.mark.parametrize("stop", [1, 3, 5, 7])
def test_a_run_stopped_within_an_epoch_goes_on_exactly(stop, take, tmp_path):
    whole, first = (Trainer(take(70), SMALL, settings(epochs=2)) for _ in range(2))
    finish(whole)
    events = train(first, report_seconds=0)
    while not (isinstance(event := next(events), Progress) and event.step == stop):
        pass
    events.close()
    assert first.step_count == stop
    loaded = saved_and_loaded(first, tmp_path)
    assert loaded.record.epochs == pytest.approx(stop / 5)
    second = Trainer(take(70), SMALL, settings(epochs=2), resume=loaded)
    finish(second)
    assert_same_state(whole, second)


def test_a_run_stopped_at_an_epochs_last_step_keeps_that_epoch_in_its_history(trainer):
    events = train(trainer, report_seconds=0)
    while not (isinstance(event := next(events), Progress) and event.step == 5):
        pass
    events.close()
    assert [row["epoch"] for row in trainer.checkpoint().record.history] == [1]


def test_a_closed_run_stops_at_once_and_its_trainer_can_go_on(trainer, take):
    events = train(trainer, report_seconds=0)
    next(events)
    events.close()
    assert trainer.step_count == 1
    finish(trainer)
    whole = Trainer(take(70), SMALL, settings(epochs=2))
    finish(whole)
    assert_same_state(trainer, whole)


def test_a_checkpoint_is_a_copy_that_training_on_does_not_change(trainer):
    trainer.step()
    checkpoint = trainer.checkpoint({"test_l1": 0.5})
    before = {name: tensor.clone() for name, tensor in {**checkpoint.weights, **checkpoint.training}.items()}
    finish(trainer)
    assert all(torch.equal(t, before[name]) for name, t in {**checkpoint.weights, **checkpoint.training}.items())
    assert checkpoint.record.history == []
    assert checkpoint.record.metrics == {"test_l1": 0.5}


def test_the_record_says_what_was_done(trainer):
    ends = [event for event in finish(trainer) if isinstance(event, EpochEnd)]
    record = trainer.checkpoint().record
    assert (record.dataset, record.epochs, record.device) == ("digits-sample", 2, "cpu")
    assert record.class_names == list("0123456789")
    assert record.versions["torch"] == torch.__version__
    assert record.wall_clock_seconds >= 0
    assert [row["reconstruction"] for row in record.history] == [end.losses.reconstruction for end in ends]


def test_a_run_from_another_device_goes_on_with_its_own_weights_moments_and_images(take):
    whole, first = (Trainer(take(70), SMALL, settings(epochs=2)) for _ in range(2))
    for _ in range(3):
        first.step()
    checkpoint = first.checkpoint()
    cuda = dataclasses.replace(
        checkpoint,
        record=dataclasses.replace(checkpoint.record, device="cuda (NVIDIA H200)", history=[{"epoch": 1.0}]),
        training={**checkpoint.training, "noise": torch.zeros(16, dtype=torch.uint8)},  # a CUDA generator's state
    )
    second = Trainer(take(70), SMALL, settings(epochs=2), resume=cuda)
    assert "another device (cuda)" in second.notice
    assert second.history == [{"epoch": 1.0}]
    assert (second.step_count, second.seconds) == (3, first.seconds)
    mine, theirs = second.checkpoint(), checkpoint
    assert all(torch.equal(tensor, theirs.weights[name]) for name, tensor in mine.weights.items())
    assert all(torch.equal(mine.training[name], theirs.training[name]) for name in mine.training if name != "noise")
    assert torch.equal(second.next_batch(), first.next_batch())
    assert not torch.equal(second.noise.get_state(), whole.noise.get_state()), "not the noise of the run's beginning again"
    finish(second)
    again = Trainer(take(70), SMALL, settings(epochs=2), resume=cuda)
    finish(again)
    assert_same_state(again, second)


def test_a_run_on_its_own_device_has_nothing_to_say(trainer):
    trainer.step()
    assert Trainer(trainer.data, SMALL, settings(epochs=2), resume=trainer.checkpoint()).notice == ""


def without(prefix: str):
    return lambda training: {name: tensor for name, tensor in training.items() if not name.startswith(prefix)}


DAMAGED = {
    "no place": without("step"),
    "no noise": without("noise"),
    "no moments of the encoder": without("generator"),
    "no moments of the discriminator": without("discriminator"),
    "one moment missing": without("generator.0.exp_avg"),
    "noise of another kind": lambda training: {**training, "noise": torch.zeros(16, dtype=torch.uint8)},
    "moments of another shape": lambda training: {**training, "generator.0.exp_avg": torch.zeros(3)},
    "moments that are no numbers": lambda training: {
        **training,
        "generator.0.exp_avg": torch.full_like(training["generator.0.exp_avg"], float("nan")),
    },
    "moments of no parameter": lambda training: {**training, "generator.x.exp_avg": torch.zeros(3)},
    "a negative place": lambda training: {**training, "step": torch.tensor(-1)},
    "a place of two numbers": lambda training: {**training, "step": torch.tensor([1, 2])},
}


@pytest.mark.parametrize("damage", DAMAGED)
def test_a_damaged_training_state_is_refused_and_not_trained_on(damage, trainer):
    trainer.step()
    checkpoint = trainer.checkpoint()
    damaged = dataclasses.replace(checkpoint, training=DAMAGED[damage](checkpoint.training))
    with pytest.raises(TrainingError, match="train anew"):
        Trainer(trainer.data, SMALL, settings(epochs=2), resume=damaged)


def test_resuming_without_state_or_with_another_model_is_refused(trainer):
    trainer.step()
    with pytest.raises(TrainingError, match="no training state"):
        Trainer(trainer.data, SMALL, settings(), resume=trainer.checkpoint().slim())
    with pytest.raises(TrainingError, match="another model"):
        Trainer(trainer.data, ModelConfig(hidden_dim=32), settings(), resume=trainer.checkpoint())


def test_resuming_on_another_number_of_images_is_refused(trainer, take):
    trainer.step()
    with pytest.raises(TrainingError):
        Trainer(take(200), SMALL, settings(epochs=2), resume=trainer.checkpoint())
