"""Turns at training: a few runs at a time, the others wait in line and are told their place and how long it will take.

Gradio's own queue knows neither what a run has left nor that a paused one needs no turn, so training runs line up here.
"""

from __future__ import annotations

import heapq
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from aae.errors import TrainingError
from aae.events import Event, Progress

TELL_SECONDS = 0.5
"""How often who waits is told; also the longest that a turn which comes free stays unused."""


@dataclass(frozen=True)
class Place:
    """A place in the line: the first in it is 1."""

    position: int
    waiting: int
    """Runs in line, this one among them."""
    seconds: float | None
    """Expected wait, s; None as long as no run has said what it has left."""


class Turn:
    """One run's claim: in line at first, then on; given back by `Slots.turn`."""

    def __init__(self) -> None:
        self.left: float | None = None
        """Seconds that the run expects to need, as it last said."""
        self.on = False
        self.since = 0.0
        """When it came on, by the monotonic clock."""

    def within(self, events: Iterable[Event], seconds: float) -> Iterator[Event]:
        """The events of a run, for at most so many seconds; who waits in line is told from them how long it will take."""
        until = time.monotonic() + seconds
        for event in events:
            if isinstance(event, Progress):
                self.left = max(min(event.eta_seconds, until - time.monotonic()), 0.0)
            yield event
            if time.monotonic() > until:
                return


class Slots:
    """At most `count` turns at a time, first come, first served, and a line of at most `line` behind them."""

    def __init__(self, count: int, line: int) -> None:
        self.count, self.line_length = count, line
        self._turns: list[Turn] = []  # those that are on, then the line
        self._changed = threading.Condition()

    @contextmanager
    def turn(self) -> Iterator[Turn]:
        """Get in line; leaving the block leaves the line or gives the slot back.

        Raises:
            TrainingError: the line is full.
        """
        turn = Turn()
        with self._changed:
            if len(self._turns) >= self.count + self.line_length:
                raise TrainingError(f"{self.line_length} runs are waiting already; try again in a few minutes.")
            self._turns.append(turn)
            self._advance()
        try:
            yield turn
        finally:
            with self._changed:
                self._turns.remove(turn)
                self._advance()

    def line(self, turn: Turn) -> Iterator[Place]:
        """The turn's place in line, every `TELL_SECONDS` until it is on; nothing if it is on at once."""
        while True:
            with self._changed:
                if turn.on:
                    return
                place = self._place(turn)
            yield place  # outside the lock: the page may be slow, or close us here
            with self._changed:
                self._changed.wait_for(lambda: turn.on, TELL_SECONDS)

    @property
    def busy(self) -> int:
        """Turns that are on."""
        with self._changed:
            return sum(turn.on for turn in self._turns)

    def _advance(self) -> None:
        for turn in self._turns[: self.count]:
            if not turn.on:
                turn.on, turn.since = True, time.monotonic()
        self._changed.notify_all()

    def _place(self, turn: Turn) -> Place:
        line = [waiting for waiting in self._turns if not waiting.on]
        position = line.index(turn) + 1
        left = [running.left for running in self._turns if running.on and running.left is not None]
        if len(left) < self.count:  # one of those that are on has not said yet
            return Place(position, len(line), None)
        # Whoever is ahead takes the slot that is free first, and holds it for as long as those now on will have on average.
        spent = sum(time.monotonic() - running.since for running in self._turns if running.on)
        usual = (spent + sum(left)) / self.count
        heapq.heapify(left)
        for _ in range(position - 1):
            heapq.heapreplace(left, left[0] + usual)
        return Place(position, len(line), left[0])
