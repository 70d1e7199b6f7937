"""A training run as the page's process follows it: it trains in a process of its own, or on ZeroGPU in call after call."""

from __future__ import annotations

import dataclasses
import math
import time
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from typing import Any

import torch

from aae.checkpoints import Checkpoint
from aae.ui import runtime, training_process
from aae.ui.crossing import arrived, crossing
from aae.ui.faults import ended_by
from aae.ui.lent import lent
from aae.ui.slots import Turn
from aae.ui.training_process import Worker
from aae.ui.training_show import View, said
from aae.ui.training_work import CALL_MARGIN_SECONDS, Standing, Task, call, finished

STOP_SECONDS = 1.5
"""How long a run that is stopped has to say how it stands."""


class Apart(ABC):
    """A run in another process: what it is comes back in a `Standing`, and nothing else does."""

    def __init__(self, task: Task) -> None:
        self.task = task
        self.standing: Standing | None = None

    @abstractmethod
    def views(self, turn: Turn) -> Iterator[View]:
        """Train, and show it; closing this ends it at once."""

    def follow(self, parts: Iterable[bytes], turn: Turn) -> Iterator[View]:
        """The views among what a run gives."""
        for part in map(arrived, parts):
            if isinstance(part, Standing):
                self.take(part)
            else:
                turn.left = turn.left if part.left is None else part.left
                yield part

    def take(self, standing: Standing) -> None:
        self.standing = standing
        vars(self.task.story).update(vars(standing.story))

    def outcome(self) -> Checkpoint | None:
        """What was learned, for the visitor to keep; None if nothing was."""
        if self.standing is None:
            return None
        if self.standing.over:
            return self.standing.checkpoint
        # It was stopped, or ended from outside: somebody waits, and its test loss would take seconds on a busy machine.
        return finished(self.standing.checkpoint, self.task.held_out, torch.device("cpu"), measured=False)


class InCalls(Apart):
    """A run in a ZeroGPU worker, in calls of bounded length.

    Such a worker serves one visitor after the other, and nothing that it changes comes back by itself: what a run is goes
    in with every call.
    """

    def views(self, turn: Turn) -> Iterator[View]:
        until, task = time.monotonic() + self.task.limits.run_seconds, self.task
        while self.standing is None or not self.standing.over:
            before, wanted = self.standing, max(until - time.monotonic(), 0.0) + CALL_MARGIN_SECONDS
            seconds = min(wanted, task.limits.call_seconds)
            parts = apart()(crossing(task), seconds, before is None, wanted <= seconds)
            try:
                yield from self.follow(parts, turn)
            finally:
                parts.close()
            if self.standing is None or self.standing is before:  # it failed, and its last view says why
                return
            task = dataclasses.replace(task, resume=self.standing.checkpoint)


class InProcess(Apart):
    """A run in a process of its own, which leaves the page's process its interpreter, its memory and the first turn."""

    def views(self, turn: Turn) -> Iterator[View]:
        task = dataclasses.replace(self.task, data=lent(self.task.data), held_out=lent(self.task.held_out))
        with Worker(crossing(task), self.task.limits.run_seconds + CALL_MARGIN_SECONDS) as worker:
            try:
                yield from self.follow(worker.parts(), turn)
            except GeneratorExit:
                worker.stop(STOP_SECONDS)
                for _ in self.follow(worker.parts(), turn):
                    pass
                raise
            code = worker.end()
        if code and not (self.standing and self.standing.over):
            text = ended_by(code, self.task.model, self.task.train)
            kept = " It goes on as your model from where it last stood." if self.standing else ""
            yield View(said(text + kept, "error"))


class Here(Apart):
    """A single step where a process takes seconds to begin."""

    def views(self, turn: Turn) -> Iterator[View]:
        return self.follow(call(crossing(self.task), math.inf), turn)


def begin(task: Task) -> Apart:
    """The run of this task, where this host does its work."""
    if runtime.host() == "zero-gpu":
        return InCalls(task)
    return InProcess(task) if training_process.QUICK or task.action != "step" else Here(task)


def apart() -> Any:  # noqa: ANN401 (as ZeroGPU's decorator leaves it)
    """`call`, as ZeroGPU wants it called. First asked for when the page is built: it looks for it as the app starts."""
    return runtime.on_gpu(call, call_duration)


def call_duration(task: bytes, seconds: float, *_: object) -> int:
    """GPU seconds to ask for."""
    return math.ceil(seconds)
