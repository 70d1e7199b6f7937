"""Training on ZeroGPU, with a stand-in for its forked worker: nothing comes back by itself, nothing leaks to the next."""

from __future__ import annotations

import dataclasses
import sys
import time

import pytest
import torch

from aae.checkpoints import Checkpoint
from aae.ui import runtime, training_apart, training_work
from aae.ui.session import Visitor
from aae.ui.training_run import run
from tests.runs import SMALL, settings
from tests.ui.stand_in_spaces import StandIn

# Python warns that a fork in a process with threads may deadlock; ZeroGPU forks all the same.
pytestmark = pytest.mark.filterwarnings("ignore:.*use of fork:DeprecationWarning")

SETTINGS = {"dataset": "digits-sample", "preset_name": "reference", "epochs": 1, "latent_dim": 2, "seed": 5}
ADVANCED = {"hidden_dim": 16, "batch_size": 256}


@pytest.fixture(scope="module")
def at_home(shelf) -> Checkpoint:
    """What the same run gives in this process."""
    return trained(shelf)


def trained(shelf, **changes) -> Checkpoint:
    visitor = Visitor()
    views = list(run(visitor, shelf, **{**SETTINGS, "advanced": ADVANCED, **changes}))
    assert views[-1].status["state"] == "done", views[-1].status
    checkpoint = visitor.own.checkpoint
    visitor.close()
    return checkpoint


@pytest.fixture
def spaces(shelf, monkeypatch):
    module = StandIn()
    monkeypatch.setattr(shelf, "limits", runtime.LIMITS["zero-gpu"])
    monkeypatch.setitem(sys.modules, "spaces", module)
    monkeypatch.setenv("SPACES_ZERO_GPU", "true")
    yield module
    module.end()


@pytest.fixture
def short_calls(shelf, spaces, monkeypatch):
    """Calls with no time to train: each ends at the first word of the run, after a step or a few."""
    limits = dataclasses.replace(runtime.LIMITS["zero-gpu"], call_seconds=0.35)
    monkeypatch.setattr(shelf, "limits", limits)
    for module in (training_apart, training_work):
        monkeypatch.setattr(module, "CALL_MARGIN_SECONDS", limits.call_seconds)
    monkeypatch.setattr(training_work, "TOLD_SECONDS", 0.002)


def assert_same(one: Checkpoint, other: Checkpoint) -> None:
    for mine, theirs in ((one.weights, other.weights), (one.training, other.training)):
        assert mine.keys() == theirs.keys()
        assert all(torch.equal(tensor, theirs[name]) for name, tensor in mine.items())
    assert torch.equal(one.codes, other.codes)
    assert one.record.metrics == other.record.metrics


def test_the_model_that_comes_back_is_the_trained_one(shelf, spaces, at_home):
    visitor = Visitor()
    seed = torch.initial_seed()
    views = list(run(visitor, shelf, **SETTINGS, advanced=ADVANCED))
    assert views[-1].status["state"] == "done", views[-1].status
    assert "Done: 1 epochs" in views[-1].status["text"]
    assert any(view.plane for view in views)
    assert_same(visitor.own.checkpoint, at_home)
    assert visitor.story.rows, "the curves came back too"
    assert visitor.story.step == visitor.own.checkpoint.training["step"] == 18
    assert all(tensor.device.type == "cpu" for tensor in visitor.own.checkpoint.weights.values())
    assert max(spaces.durations) <= 60
    assert torch.initial_seed() == seed
    # It goes on from there, in the same worker, as it does at home.
    again = list(run(visitor, shelf, **SETTINGS, action="more", more=1))
    assert "Done: 2 epochs" in again[-1].status["text"]
    assert int(visitor.own.checkpoint.training["step"]) == 36
    visitor.close()


def test_a_run_that_needs_several_calls_is_the_same_run(shelf, spaces, short_calls, at_home):
    assert_same(trained(shelf), at_home)
    assert len(spaces.durations) > 2
    assert set(spaces.durations) == {1}


def test_nothing_leaks_to_the_next_visitor_of_the_same_worker(shelf, spaces, at_home):
    other = trained(shelf, seed=6)
    assert_same(trained(shelf), at_home)
    assert not torch.equal(other.codes, at_home.codes)
    assert len(spaces.workers) == 1


def test_what_a_stopped_run_has_learned_is_kept(shelf, spaces, monkeypatch):
    monkeypatch.setattr(training_work, "STANDING_SECONDS", 0.1)
    visitor = Visitor()
    views = run(visitor, shelf, **{**SETTINGS, "epochs": 1000}, advanced=ADVANCED)
    while visitor.story is None or visitor.story.step < 20:
        next(views)
    started = time.monotonic()
    views.close()
    assert time.monotonic() - started < 2
    assert not visitor.running
    assert visitor.own.checkpoint.record.epochs > 1
    assert shelf.slots.busy == 0
    assert trained(shelf, epochs=1).record.epochs == 1, "the worker serves the next"
    visitor.close()


def test_an_error_in_the_worker_is_told_in_its_own_words(shelf, spaces, monkeypatch):
    def hungry(self, events, only_epoch=False):
        raise torch.OutOfMemoryError("CUDA out of memory")
        yield

    monkeypatch.setattr("aae.ui.training_show.Show.training", hungry)
    visitor = Visitor()
    text = list(run(visitor, shelf, **SETTINGS, advanced=ADVANCED))[-1].status["text"]
    assert "lower the batch size (now 256)" in text
    assert not visitor.running


def test_the_stand_in_catches_state_that_does_not_come_back(spaces, take):
    """What a naive port does: train the trainer that one has."""
    from aae.training import Trainer

    trainer = Trainer(take(70), SMALL, settings())
    before = trainer.checkpoint().weights

    def naive():
        trainer.step()
        yield trainer.step_count

    called = spaces.GPU(naive, duration=lambda: 1)
    assert list(called()) == [1]
    assert list(called()) == [2], "the worker still has what the first call changed"
    assert trainer.step_count == 0
    assert all(torch.equal(before[name], tensor) for name, tensor in trainer.checkpoint().weights.items())
