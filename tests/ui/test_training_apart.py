"""A run that fails, crashes, is killed or does not answer ends alone, and its visitor is told in one sentence."""

from __future__ import annotations

import os
import signal
import sys
import time
from multiprocessing import active_children

import pytest
import torch

from aae.ui import training_run as tab
from aae.ui import training_work
from aae.ui.session import Visitor
from aae.ui.training_apart import Here
from aae.ui.training_show import View
from tests.ui.tab import advance, finish, run


def test_out_of_memory_is_told_and_the_visitor_can_go_on(shelf, monkeypatch):
    class Hungry:
        def __init__(self, *args):
            raise torch.OutOfMemoryError("CUDA out of memory")

    visitor = Visitor()
    with monkeypatch.context() as patch:
        patch.setattr(tab, "begin", Here)
        patch.setattr(training_work, "Trainer", Hungry)
        assert "memory" in finish(run(visitor, shelf))[-1].status["text"]
    assert finish(run(visitor, shelf))[-1].status["state"] == "done"
    visitor.close()


def test_an_error_of_ours_ends_that_run_alone_and_keeps_what_it_had_learned(shelf, monkeypatch, caplog):
    monkeypatch.setattr(tab, "begin", Here)
    visitor = Visitor()
    views = run(visitor, shelf, epochs=1000)
    advance(views, "Epoch")
    monkeypatch.setattr("aae.ui.training_show.Show.note", lambda *_: 1 / 0)
    text = finish(views)[-1].status["text"]
    assert "ZeroDivisionError" in text
    assert "learning rate" in text
    assert "ZeroDivisionError" in caplog.text, "it is logged"
    assert visitor.own.checkpoint.record.epochs > 0
    assert shelf.slots.busy == 0
    visitor.close()


def test_a_process_that_is_killed_ends_that_run_alone_and_says_what_to_lower(shelf, monkeypatch, caplog):
    before = {name: tensor.clone() for name, tensor in shelf.first().checkpoint.weights.items()}
    other, visitor = Visitor(), Visitor()
    others = run(other, shelf, epochs=1000)
    advance(others, "Epoch")
    (its,) = active_children()
    views = run(visitor, shelf, epochs=1000)
    advance(views, "Epoch")
    while visitor.story.step == 0:  # until it has sent how it stands
        next(views)
    (killed,) = [process for process in active_children() if process.pid != its.pid]
    killed.kill()
    text = finish(views)[-1].status["text"]
    assert "lack of memory" in text
    assert "lower the batch size (now 512) or the hidden units (now 16)" in text
    assert visitor.own.checkpoint.record.epochs > 0, "it goes on from where it last stood"
    assert visitor.own.checkpoint.training
    advance(others, "Epoch")
    assert shelf.slots.busy == 1
    others.close()
    assert shelf.slots.busy == 0
    assert not active_children()
    assert all(torch.equal(before[name], tensor) for name, tensor in shelf.first().checkpoint.weights.items())
    for gone in (visitor, other):
        gone.close()


@pytest.mark.skipif(sys.platform == "win32", reason="no such signal")
def test_a_run_that_does_not_answer_is_ended_all_the_same(shelf):
    visitor = Visitor()
    views = run(visitor, shelf, epochs=1000)
    advance(views, "Epoch")
    (process,) = active_children()
    os.kill(process.pid, signal.SIGSTOP)
    while next(views) != View():  # the page is told something, else it could not close the run
        pass
    started = time.monotonic()
    views.close()
    assert time.monotonic() - started < 5
    assert not active_children()
    assert not visitor.running
    visitor.close()
