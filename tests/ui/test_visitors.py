from __future__ import annotations

import copy
import dataclasses
import gc
import threading
import time

import pytest

from aae.checkpoints import Checkpoint
from aae.config import ModelConfig
from aae.errors import AAEError
from aae.models import AAE
from aae.ui.session import YOUR_MODEL, Shelf
from aae.ui.visitors import KeptModels, Visitor


@pytest.fixture
def small_shelf(tmp_path) -> Shelf:
    return Shelf(tmp_path)


@pytest.fixture
def small() -> Checkpoint:
    return Checkpoint.of(AAE(ModelConfig(hidden_dim=16)))


def test_each_session_starts_with_a_visitor_of_its_own_on_the_same_models():
    first = Visitor()
    other = copy.deepcopy(first)
    assert other is not first
    assert other.models is first.models
    assert other.token != first.token


def test_visitor_has_one_run_at_a_time():
    visitor = Visitor()
    assert visitor.begin()
    assert not visitor.begin()


def test_a_new_page_with_the_token_of_the_old_one_has_its_model(small_shelf, small):
    before, after, stranger = (Visitor(small_shelf.kept) for _ in range(3))
    before.adopt("")
    shown = small_shelf.own(small)
    before.keep(shown)
    before.leave()
    after.adopt(before.token)
    stranger.adopt(None)
    assert after.own is shown
    assert stranger.own is None
    assert small_shelf.pick(YOUR_MODEL, after) is shown


@pytest.mark.parametrize(
    "token", [None, "", "x" * 1000, 7, [], {"token": 1}, "\ud800", "abc.0123456789abcdef0123456789abcdef", "ü.ü", "."]
)
def test_a_token_that_we_did_not_issue_is_not_taken(token):
    visitor = Visitor()
    own = visitor.token
    visitor.adopt(token)
    assert visitor.token == own


def test_tokens_of_another_server_are_not_taken():
    here, elsewhere = Visitor(), Visitor()
    before = here.token
    here.adopt(elsewhere.token)
    assert here.token == before


def test_a_reloaded_page_waits_for_the_run_of_the_page_before(small_shelf, small):
    before, after = Visitor(small_shelf.kept), Visitor(small_shelf.kept)
    before.adopt("")
    before.begin()
    before.leave()
    shown = small_shelf.own(small)

    def end() -> None:
        before.keep(shown)
        before.running = False

    threading.Timer(0.2, end).start()
    after.adopt(before.token)
    assert after.own is shown


def test_a_second_tab_does_not_wait_for_the_run_of_the_first():
    first = Visitor()
    first.adopt("")
    first.begin()
    second = Visitor(first.models)
    started = time.monotonic()
    second.adopt(first.token)
    assert time.monotonic() - started < 1
    assert second.begin(), "each tab has its own run"


def test_model_is_given_up_in_time_after_the_page_is_closed_and_not_before(tmp_path, small):
    shelf = Shelf(tmp_path)
    shelf.kept.seconds = 0.2
    closed, still_open = Visitor(shelf.kept), Visitor(shelf.kept)
    for visitor in (closed, still_open):
        visitor.adopt("")
        visitor.keep(shelf.own(small))
    files = set(shelf.folder.iterdir())
    closed.leave()
    assert closed.models.get(closed) is not None
    closed.leave()
    deadline = time.monotonic() + 5
    while len(shelf.kept) > 1 and time.monotonic() < deadline:
        time.sleep(0.02)  # nobody asks for anything: it goes by itself
    assert len(shelf.kept) == 1
    assert still_open.own is not None
    assert len(files - set(shelf.folder.iterdir())) == 3, "decoder, codes and discriminator went with it"
    reloaded = Visitor(shelf.kept)
    reloaded.adopt(closed.token)
    assert "after its page was closed" in reloaded.lost
    still_open.close()


def test_model_of_a_session_that_gradio_forgot_is_given_up_too(tmp_path, small):
    shelf = Shelf(tmp_path)
    visitor = Visitor(shelf.kept)
    visitor.adopt("")
    visitor.keep(shelf.own(small))
    shelf.kept.seconds = 0.0
    shelf.kept.sweep()
    assert len(shelf.kept) == 1
    del visitor
    gc.collect()
    shelf.kept.sweep()
    assert len(shelf.kept) == 0


def test_fifty_models_are_bounded_and_the_one_unused_longest_goes_first(tmp_path, small):
    shelf = Shelf(tmp_path)
    shelf.kept.most = 3
    visitors = [Visitor(shelf.kept) for _ in range(5)]
    for visitor in visitors[:3]:
        visitor.adopt("")
        visitor.keep(shelf.own(small))
    assert visitors[0].own is not None  # used again
    visitors[3].keep(shelf.own(small))
    assert [visitor.own is None for visitor in visitors[:4]] == [False, True, False, False]
    with pytest.raises(AAEError, match="make room"):
        shelf.pick(YOUR_MODEL, visitors[1])
    visitors[1].keep(shelf.own(small))
    assert not visitors[1].lost
    assert len(list(shelf.folder.iterdir())) == 9


def test_memory_is_bounded_too_but_the_newest_model_stays(tmp_path, small):
    shelf = Shelf(tmp_path)
    one = shelf.own(small)
    shelf.kept.most_bytes = 2 * one.nbytes + 1
    visitors = [Visitor(shelf.kept) for _ in range(3)]
    for visitor in visitors:
        visitor.keep(shelf.own(small))
    assert [visitor.own is None for visitor in visitors] == [True, False, False]
    large = shelf.own(Checkpoint.of(AAE(ModelConfig(hidden_dim=64))))
    shelf.kept.most_bytes = 1
    visitors[0].keep(large)
    assert len(shelf.kept) == 1
    assert visitors[0].own is large
    assert shelf.kept.nbytes == large.nbytes > one.nbytes


def test_a_shown_model_shares_the_memory_of_its_checkpoint(small_shelf, small):
    shown = small_shelf.own(small)
    weights = {tensor.data_ptr() for tensor in shown.checkpoint.weights.values()}
    assert {tensor.data_ptr() for tensor in shown.model.state_dict().values()} == weights
    assert not shown.model.training
    assert shown.nbytes >= sum(tensor.nbytes for tensor in small.weights.values())


def test_only_the_last_thousand_losses_are_remembered(small_shelf, small, monkeypatch):
    monkeypatch.setattr("aae.ui.visitors.REMEMBERED", 2)
    kept = KeptModels(most=1)
    visitors = [Visitor(kept) for _ in range(4)]
    shown = small_shelf.own(small)
    for visitor in visitors:
        visitor.keep(dataclasses.replace(shown))
    assert [bool(visitor.lost) for visitor in visitors] == [False, True, True, False]
