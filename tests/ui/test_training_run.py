"""A visitor's run ends, pauses and goes on as told, keeps what was learned, and tells of errors in one sentence."""

from __future__ import annotations

import pickle

import pytest
import torch

from aae.ui import training_run as tab
from aae.ui.session import Visitor
from tests.ui.tab import SMALL, advance, finish, run


def test_run_ends_with_a_model_of_the_visitors_own(shelf):
    visitor = Visitor()
    views = finish(run(visitor, shelf, preset_name="fast", advanced={"hidden_dim": 64}))
    assert views[-1].status["state"] == "done"
    assert any(view.plane for view in views)
    assert all(pickle.loads(pickle.dumps(view)) == view for view in views), "views may cross processes"
    assert visitor.own.latent_dim == 2
    assert visitor.own.codes.shape == (500, 2)
    assert visitor.own.checkpoint.record.metrics["test_l1"] < 0.5
    assert not visitor.running
    visitor.close()


def test_same_seed_gives_the_same_model_and_leaves_the_shipped_one_alone(shelf):
    before = {name: tensor.clone() for name, tensor in shelf.first().checkpoint.weights.items()}
    weights = []
    for seed in (3, 3, 4):
        visitor = Visitor()
        finish(run(visitor, shelf, seed=seed))
        weights.append(visitor.own.checkpoint.weights["decoder.layers.0.weight"])
        visitor.close()
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])
    assert all(torch.equal(before[name], tensor) for name, tensor in shelf.first().checkpoint.weights.items())


def test_closed_run_keeps_what_was_learned_and_frees_the_visitor(shelf):
    visitor = Visitor()
    views = run(visitor, shelf, epochs=1000)
    advance(views, "Epoch")
    views.close()
    assert not visitor.running
    assert 0 < visitor.own.checkpoint.record.epochs < 1000
    assert "Stopped after" in tab.stopped(visitor)["text"]
    visitor.close()


def test_second_run_of_a_visitor_waits_for_the_first(shelf):
    visitor = Visitor()
    first = run(visitor, shelf, epochs=1000)
    next(first)
    assert [view.status["state"] for view in run(visitor, shelf)] == ["error"]
    assert visitor.running, "the refused run does not end the first"
    first.close()
    assert not visitor.running


@pytest.mark.parametrize(
    "changes",
    [
        {"epochs": None},
        {"epochs": 0},
        {"epochs": 1.5},
        {"epochs": float("nan")},
        {"epochs": float("inf")},
        {"epochs": 10**9},
        {"epochs": "three"},
        {"latent_dim": 1},
        {"latent_dim": 65},
        {"seed": -1},
        {"seed": 2**40},
        {"dataset": "cifar"},
        {"dataset": None},
        {"preset_name": "none"},
        {"preset_name": None},
    ],
)
def test_absurd_setting_gets_one_sentence(shelf, changes):
    visitor = Visitor()
    views = finish(run(visitor, shelf, **changes))
    assert views[-1].status["state"] == "error"
    assert views[-1].status["text"].endswith(".")
    assert visitor.own is None
    assert not visitor.running


def test_a_run_that_finds_no_slot_waits_in_line(shelf):
    visitors = [Visitor() for _ in range(shelf.limits.slots + 1)]
    runs = [run(visitor, shelf, epochs=1000) for visitor in visitors]
    for views in runs[:-1]:
        advance(views, "Epoch")
    texts = [next(runs[-1]).status["text"] for _ in range(3)]
    assert "you are number 1 of 1 in line, about" in texts[-1]
    runs[0].close()
    advance(runs[-1], "Epoch")
    for visitor, views in zip(visitors, runs, strict=True):
        views.close()
        visitor.close()


def test_stop_without_a_run_says_so(shelf):
    visitor = Visitor()
    assert "Nothing is running" in tab.stopped(visitor)["text"]
    finish(run(visitor, shelf))
    assert "Nothing is running" in tab.stopped(visitor)["text"]
    visitor.close()


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(tensor, other[name]) for name, tensor in one.items())


def test_pause_and_resume_equal_an_uninterrupted_run_bit_for_bit(shelf):
    whole, paused = Visitor(), Visitor()
    # Steps enough that a fast machine reports within the first epoch too.
    small = {"hidden_dim": 32, "batch_size": 8, "learning_rate": 1e-3, "discriminator_learning_rate": 1e-3}
    settings = {"preset_name": "fast", "epochs": 4, "advanced": small}
    finish(run(whole, shelf, **settings))
    views = run(paused, shelf, **settings)
    advance(views, "Epoch 0.")
    views.close()  # as Pause does
    assert not paused.running
    assert "Paused at epoch " in tab.stopped(paused, paused=True)["text"]
    assert 0 < paused.own.checkpoint.record.epochs < 4
    assert paused.own.checkpoint.record.device == "cpu"
    assert all(tensor.device.type == "cpu" for tensor in paused.own.checkpoint.training.values())
    rows = len(paused.story.rows)
    # What the form says meanwhile does not matter: the run has its own settings.
    finish(run(paused, shelf, preset_name="reference", epochs=9, seed=5, action="resume"))
    assert paused.own.checkpoint.record.epochs == 4
    assert len(paused.story.rows) > rows, "the curves go on"
    assert same(whole.own.checkpoint.weights, paused.own.checkpoint.weights)
    assert same(whole.own.checkpoint.training, paused.own.checkpoint.training)
    for visitor in (whole, paused):
        visitor.close()


def test_steps_and_epochs_one_at_a_time_come_to_the_same_run(shelf):
    whole, stepped = Visitor(), Visitor()
    settings = {"epochs": 2}
    finish(run(whole, shelf, **settings))
    for action in ("step", "step", "epoch", "step", "epoch"):
        views = finish(run(stepped, shelf, **settings, action=action))
        assert bool([view for view in views if view.step]) == (action == "step")
        if stepped.own.checkpoint.record.epochs < 2:
            assert "Paused at" in views[-1].status["text"]
    assert views[-1].status["state"] == "done"
    assert same(whole.own.checkpoint.weights, stepped.own.checkpoint.weights)
    assert [row["epoch"] for row in stepped.own.checkpoint.record.history] == [1, 2]
    for visitor in (whole, stepped):
        visitor.close()


def test_more_epochs_make_the_run_longer_as_the_command_line_does(shelf, tmp_path):
    from aae.__main__ import main
    from aae.checkpoints import load_checkpoint, save_checkpoint

    visitor = Visitor()
    settings = {"preset_name": "fast", "epochs": 1, "advanced": {"hidden_dim": 16}}
    finish(run(visitor, shelf, **settings))
    save_checkpoint(tmp_path / "run.safetensors", visitor.own.checkpoint)
    views = finish(run(visitor, shelf, **settings, action="more", more=2))
    assert "Done: 3 epochs" in views[-1].status["text"]
    assert main(["train", "--resume", str(tmp_path / "run.safetensors"), "--epochs", "2", "--device", "cpu"]) == 0
    resumed = load_checkpoint(tmp_path / "run.safetensors")
    assert resumed.train_config == visitor.own.checkpoint.train_config
    assert same(resumed.weights, visitor.own.checkpoint.weights)
    # A finished run is made longer by an epoch for one step of it.
    views = finish(run(visitor, shelf, **settings, action="step"))
    assert visitor.own.checkpoint.train_config.epochs == 4
    assert "Paused at step" in views[-1].status["text"]
    visitor.close()


@pytest.mark.parametrize("action", ["resume", "more"])
def test_there_is_nothing_to_go_on_with_before_the_first_run(shelf, action):
    views = finish(run(Visitor(), shelf, action=action))
    assert views[-1].status["state"] == "error"
    assert "press Train" in views[-1].status["text"]


def test_a_finished_run_is_not_resumed_but_made_longer(shelf):
    visitor = Visitor()
    finish(run(visitor, shelf, advanced=SMALL))
    for changes, words in (({"action": "resume"}, "reached its end"), ({"action": "more", "more": 0}, "at least 1")):
        views = finish(run(visitor, shelf, **changes))
        assert words in views[-1].status["text"]
        assert visitor.own is not None
    visitor.close()


def test_advanced_settings_are_used_and_checked(shelf):
    visitor = Visitor()
    finish(run(visitor, shelf, advanced={"hidden_dim": 24, "batch_size": 500.0, "beta1": 0, "learning_rate": 1e-3}))
    config = visitor.own.checkpoint.train_config
    assert (config.batch_size, config.beta1, config.learning_rate) == (500, 0.0, 1e-3)
    assert visitor.own.checkpoint.model_config.hidden_dim == 24
    for bad in (
        {"hidden_dim": 2.5},
        {"learning_rate": None},
        {"beta1": 2},
        {"schedule": "cosine"},
        {"batch_size": float("nan")},
    ):
        views = finish(run(visitor, shelf, advanced=bad))
        assert views[-1].status["state"] == "error"
        assert views[-1].status["text"].endswith(".")
    assert visitor.own is not None, "the model of before is still there"
    visitor.close()


def test_an_objective_that_needs_another_posterior_says_so_and_the_others_train(shelf):
    visitor = Visitor()
    views = finish(run(visitor, shelf, advanced={"objective": "ae"}))
    assert "posterior" in views[-1].status["text"]
    for objective, posterior in (("ae", "deterministic"), ("vae", "gaussian")):
        for action in ("train", "step"):
            views = finish(
                run(visitor, shelf, action=action, advanced={**SMALL, "objective": objective, "posterior": posterior})
            )
            assert views[-1].status["state"] in ("done", "paused")
    visitor.close()
