"""Training steps of several runs take turns, so that cores are left for the page."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from aae.training import Trainer


class Gate:
    """At most `count` threads are inside at a time; the others get in in the order in which they came."""

    def __init__(self, count: int) -> None:
        self._free = count
        self._line: deque[threading.Event] = deque()
        self._lock = threading.Lock()

    @contextmanager
    def inside(self) -> Iterator[None]:
        """Wait for a place, and have it until the block is left."""
        called = threading.Event()
        with self._lock:
            if self._free and not self._line:
                self._free -= 1
                called.set()
            else:
                self._line.append(called)
        called.wait()
        try:
            yield
        finally:
            with self._lock:
                if self._line:
                    self._line.popleft().set()  # handed over: a lock would most often go back to the thread that gives it up
                else:
                    self._free += 1


STEPS = Gate(max(1, (os.cpu_count() or 1) // 2))


class SharingTrainer(Trainer):
    """A trainer whose steps take turns with those of other visitors' runs."""

    def step(self) -> None:
        with STEPS.inside():
            super().step()
