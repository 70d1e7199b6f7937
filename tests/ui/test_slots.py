from __future__ import annotations

import threading
import time

import pytest

from aae.errors import TrainingError
from aae.events import EpochEnd, Losses, Progress
from aae.ui.slots import TELL_SECONDS, Slots

LOSSES = Losses(0.1, 0.7, 0.7, 0.5)


def progress(eta: float) -> Progress:
    return Progress(1, 10, 0.1, 1, 100.0, eta, LOSSES, None)


def test_first_come_first_served_and_a_slot_comes_free_for_the_next():
    slots = Slots(count=2, line=10)
    first, second, third, fourth = (slots.turn() for _ in range(4))
    one, two, three, four = (turn.__enter__() for turn in (first, second, third, fourth))
    assert list(slots.line(one)) == []
    assert list(slots.line(two)) == []
    assert next(slots.line(three)).position == 1
    assert next(slots.line(four)).position == 2
    assert slots.busy == 2
    second.__exit__(None, None, None)
    assert list(slots.line(three)) == []
    assert next(slots.line(four)).position == 1
    third.__exit__(None, None, None)
    assert list(slots.line(four)) == []


def test_who_waits_is_told_from_what_the_runs_ahead_have_left():
    slots = Slots(count=2, line=10)
    with slots.turn() as one, slots.turn() as two, slots.turn() as three, slots.turn() as four, slots.turn() as five:
        assert next(slots.line(three)).seconds is None, "no run has said anything yet"
        list(one.within([progress(20.0)], 1000))
        list(two.within([progress(50.0)], 30))
        assert two.left == pytest.approx(30, abs=1), "the limit ends a run before its time"
        assert next(slots.line(three)).seconds == pytest.approx(20, abs=1)
        assert next(slots.line(four)).seconds == pytest.approx(30, abs=1)
        place = next(slots.line(five))
        assert (place.position, place.waiting) == (3, 3)
        assert place.seconds == pytest.approx(20 + 25, abs=1), "the run ahead takes the first slot for as long as usual"


def test_leaving_the_line_moves_the_others_up():
    slots = Slots(count=1, line=10)
    with slots.turn(), slots.turn() as third:
        with slots.turn() as fourth:
            with slots.turn() as fifth:
                assert next(slots.line(fifth)).position == 3
            assert next(slots.line(fourth)).position == 2
        place = next(slots.line(third))
        assert (place.position, place.waiting) == (1, 1)


def test_a_run_that_fails_gives_its_slot_back():
    slots = Slots(count=1, line=0)
    with pytest.raises(ZeroDivisionError), slots.turn():
        raise ZeroDivisionError
    with slots.turn() as turn:
        assert turn.on


def test_a_full_line_is_refused_with_a_sentence():
    slots = Slots(count=1, line=1)
    with slots.turn(), slots.turn(), pytest.raises(TrainingError, match="try again"), slots.turn():
        pass
    assert slots.busy == 0


def test_a_free_slot_is_taken_at_once():
    slots = Slots(count=1, line=1)
    holder = slots.turn()
    holder.__enter__()
    with slots.turn() as waiting:
        line = slots.line(waiting)
        next(line)
        threading.Timer(0.1, holder.__exit__, (None, None, None)).start()
        started = time.monotonic()
        assert list(line) == []
        assert time.monotonic() - started < TELL_SECONDS


def test_a_run_ends_when_its_time_is_over():
    with Slots(count=1, line=0).turn() as turn:

        def endless():
            while True:
                time.sleep(0.01)
                yield EpochEnd(1, LOSSES, 1.0)

        assert 1 <= len(list(turn.within(endless(), 0.1))) <= 10
