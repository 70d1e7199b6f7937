from __future__ import annotations

import pytest
import torch

from aae.ui import train as tab
from aae.ui.session import Visitor


def finish(views) -> list:
    return list(views)


def run(visitor, shelf, **changes):
    settings = {"dataset": "digits-sample", "preset_name": "reference", "epochs": 1, "latent_dim": 2, "seed": 0, **changes}
    return tab.run(visitor, shelf, **settings)


def test_run_ends_with_a_model_of_the_visitors_own(shelf):
    visitor = Visitor()
    views = finish(run(visitor, shelf))
    assert views[-1].status["state"] == "done"
    assert any(view.plane for view in views)
    assert visitor.own.latent_dim == 2
    assert visitor.own.codes.shape == (500, 2)
    assert visitor.own.checkpoint.record.metrics["test_l1"] < 0.5
    assert not visitor.own.checkpoint.training, "a session holds no optimiser state"
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
    while "Epoch" not in next(views).status["text"]:
        pass
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


def test_out_of_memory_is_told_and_the_visitor_can_go_on(shelf, monkeypatch):
    class Hungry:
        def __init__(self, *args):
            raise torch.OutOfMemoryError("CUDA out of memory")

    visitor = Visitor()
    with monkeypatch.context() as patch:
        patch.setattr(tab, "Trainer", Hungry)
        assert "memory" in finish(run(visitor, shelf))[-1].status["text"]
    assert finish(run(visitor, shelf))[-1].status["state"] == "done"
    visitor.close()


def test_stop_without_a_run_says_so(shelf):
    visitor = Visitor()
    assert "Nothing is running" in tab.stopped(visitor)["text"]
    finish(run(visitor, shelf))
    assert "Nothing is running" in tab.stopped(visitor)["text"]
    visitor.close()


def test_long_histories_are_thinned_and_keep_the_last_row():
    rows = [{"epoch": float(i)} for i in range(1001)]
    thin = tab.thinned(rows)
    assert len(thin) <= 302
    assert thin[0] == rows[0]
    assert thin[-1] == rows[-1]
    assert tab.thinned(rows[:1]) == rows[:1]


@pytest.mark.parametrize(("seconds", "text"), [(0.2, "0 s"), (59, "59 s"), (61, "1 min 01 s"), (-1, "0 s")])
def test_times_are_readable(seconds, text):
    assert tab.clock(seconds) == text
