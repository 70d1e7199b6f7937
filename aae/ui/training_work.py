"""The part of a training run that holds the device: in this process, or on a ZeroGPU Space in another, call after call."""

from __future__ import annotations

import dataclasses
import math
import pickle
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import torch

from aae.checkpoints import Checkpoint
from aae.config import ModelConfig, TrainConfig
from aae.data import ImageData
from aae.events import Losses
from aae.latent import with_held_out
from aae.phases import dissect
from aae.reconstruction import reconstruction_l1
from aae.training import Trainer, pick_device, train
from aae.ui import runtime
from aae.ui.faults import explain, free_memory, is_out_of_memory
from aae.ui.gate import SharingTrainer
from aae.ui.runtime import Limits
from aae.ui.slots import Turn
from aae.ui.stepper import step_value
from aae.ui.training_show import TOLD_SECONDS, Show, Story, View, clock, joined, said
from aae.uploads import fresh_start

Action = Literal["train", "resume", "step", "epoch", "more"]
"""Begin anew; go on to the end; take one step, or go on to the end of an epoch, and pause; make the run longer and go on."""

STANDING_SECONDS = 4.0
"""Time between two states that a process apart sends: at most so much training is lost where a run is stopped."""
CALL_MARGIN_SECONDS = 8.0
"""What a call needs besides training: to load what it is given, and to measure and send what it leaves."""


@dataclass(frozen=True)
class Task:
    """All that a run needs, as values, so that it may cross to another process."""

    data: ImageData
    held_out: ImageData
    model: ModelConfig
    train: TrainConfig
    resume: Checkpoint | None
    story: Story
    action: Action
    limits: Limits


@dataclass(frozen=True)
class Standing:
    """How a run in another process stands: all that is needed to show it and to go on."""

    checkpoint: Checkpoint
    story: Story
    left: float | None = None
    """Seconds that it expects to need."""
    over: bool = False
    """Whether it has ended, and the checkpoint is the `finished` one; else the call was too short, or is not over yet."""


class Work(Protocol):
    """A run on its device."""

    def views(self, turn: Turn) -> Iterator[View]:
        """Train, and show it; closing this ends it at once."""

    def outcome(self) -> Checkpoint | None:
        """What was learned, for the visitor to keep; None if nothing was."""


def begin(task: Task) -> Work:
    """The run of this task, where this host does its work."""
    return WorkApart(task) if runtime.host() == "zero-gpu" else WorkHere(task, runtime.training_device())


class WorkHere:
    """A run in this process. Raises what `Trainer` raises."""

    def __init__(self, task: Task, device: torch.device) -> None:
        self.task = task
        resume = task.resume
        if resume is not None and not resume.training:
            resume = fresh_start(resume, task.data, device)
        self.trainer = SharingTrainer(task.data, task.model, task.train, device, resume)
        self.began = self.trainer.step_count
        self.notice = joined([task.data.notice, self.trainer.notice])
        self.show = Show(self.trainer, task.held_out, task.story, self.notice)

    def views(self, turn: Turn) -> Iterator[View]:
        yield self.show.opening()
        yield from self.training(turn, self.task.limits.run_seconds)
        yield self.closing()

    def training(self, turn: Turn, seconds: float) -> Iterator[View]:
        """For at most so many seconds."""
        if self.task.action == "step":
            return one_step(self.show)
        events = turn.within(train(self.trainer, report_seconds=TOLD_SECONDS), seconds)
        return self.show.training(events, only_epoch=self.task.action == "epoch")

    @property
    def reached_its_end(self) -> bool:
        """Whether what was asked for is done."""
        at_epoch = self.task.action == "epoch" and self.trainer.step_count % self.trainer.steps_per_epoch == 0
        return self.task.action == "step" or at_epoch or self.trainer.step_count >= self.trainer.total_steps

    def closing(self) -> View:
        return View(closing(self.trainer, self.notice, self.task.action, self.task.limits))

    def outcome(self) -> Checkpoint | None:
        return self.finished() if self.trainer.step_count > self.began else None

    def finished(self) -> Checkpoint:
        checkpoint, measured = self.trainer.checkpoint(), self.task.action != "step"
        try:
            return finished(checkpoint, self.task.held_out, self.trainer.device, measured=measured)
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            free_memory(error)  # as it was when the run ended: what was learned is not lost for want of its measure
            return finished(checkpoint, self.task.held_out, torch.device("cpu"), measured=False)


class WorkApart:
    """A run in a ZeroGPU worker: a process that is given values and gives values, in calls of bounded length.

    Such a worker serves one visitor after the other, and nothing that it changes comes back by itself: what a run is goes
    in with every call, and comes back in a `Standing`.
    """

    def __init__(self, task: Task) -> None:
        self.task = task
        self.standing: Standing | None = None

    def views(self, turn: Turn) -> Iterator[View]:
        until = time.monotonic() + self.task.limits.run_seconds
        while self.standing is None or not self.standing.over:
            before, wanted = self.standing, max(until - time.monotonic(), 0.0) + CALL_MARGIN_SECONDS
            seconds = min(wanted, self.task.limits.call_seconds)
            parts = apart()(pickle.dumps(self.task), seconds, before is None, wanted <= seconds)
            try:
                for part in map(pickle.loads, parts):
                    if isinstance(part, Standing):
                        self.take(part)
                        turn.left = part.left
                    else:
                        yield part
            finally:
                parts.close()
            if self.standing is before:  # it failed, and its last view says why
                return

    def take(self, standing: Standing) -> None:
        """Go on from here, should there be another call."""
        self.standing = standing
        vars(self.task.story).update(vars(standing.story))
        self.task = dataclasses.replace(self.task, resume=standing.checkpoint)

    def outcome(self) -> Checkpoint | None:
        if self.standing is None:
            return None
        if self.standing.over:
            return self.standing.checkpoint
        return finished(self.standing.checkpoint, self.task.held_out, torch.device("cpu"))


def apart() -> Any:  # noqa: ANN401 (as ZeroGPU's decorator leaves it)
    """`call`, as this host wants it called. First asked for when the page is built: ZeroGPU looks for it as the app starts."""
    return runtime.on_gpu(call, call_duration)


def call_duration(task: bytes, seconds: float, *_: object) -> int:
    """GPU seconds to ask for."""
    return math.ceil(seconds)


def call(packed: bytes, seconds: float, first: bool, last: bool) -> Iterator[bytes]:
    """One call in the worker: trains for at most so many seconds; yields pickled `View`s and `Standing`s.

    Pickled by ourselves, because PyTorch would otherwise hand over tensors as memory that both processes share.
    """
    told = started = time.monotonic()
    task: Task = pickle.loads(packed)
    try:
        work, turn = WorkHere(task, pick_device()), Turn()
        if first:
            yield pickle.dumps(work.show.opening())
        for view in work.training(turn, seconds - CALL_MARGIN_SECONDS - (time.monotonic() - started)):
            yield pickle.dumps(view)
            if time.monotonic() - told > STANDING_SECONDS:
                yield pickle.dumps(Standing(work.trainer.checkpoint(), task.story, turn.left))
                told = time.monotonic()
        if last or work.reached_its_end:
            yield pickle.dumps(Standing(work.finished(), task.story, 0.0, over=True))
            yield pickle.dumps(work.closing())
        else:
            yield pickle.dumps(Standing(work.trainer.checkpoint(), task.story, turn.left))
    except Exception as error:  # noqa: BLE001 (on the way back, only errors of Gradio's own would keep their text)
        yield pickle.dumps(View(said(explain(error, task.model, task.train), "error")))


def one_step(show: Show) -> Iterator[View]:
    """Take one step, phase by phase."""
    step = dissect(show.trainer)
    look = show.probe.look(show.trainer.model)
    show.note(Losses(*step.losses), look)
    yield View(film=show.film(look), step=step_value(step, show.trainer.config.objective))


def closing(trainer: Trainer, notice: str, action: Action, limits: Limits) -> dict[str, Any]:
    """The last word on a run that was not interrupted."""
    share = trainer.step_count / trainer.total_steps
    if trainer.step_count < trainer.total_steps and action not in ("step", "epoch"):
        text = f"This is the longest that a run may take {limits.where} ({clock(limits.run_seconds)}): it ended after "
        return said(f"{text}{trainer.epoch:.2f} epochs. Your model is in the Explore tab.", "done", share)
    if trainer.step_count < trainer.total_steps:
        where = f"step {trainer.step_count:,} of {trainer.total_steps:,}" if action == "step" else standing(trainer.epoch)
        text = f"Paused at {where}. Resume goes on from here to epoch {trainer.config.epochs}."
        return said(joined([notice, text]), "paused", share)
    text = f"Done: {trainer.config.epochs} epochs in {trainer.seconds:.0f} s. Your model is in the Explore tab."
    return said(joined([notice, text]), "done", 1.0)


def standing(epoch: float) -> str:
    return f"epoch {epoch:.2f}"


def finished(checkpoint: Checkpoint, held_out: ImageData, device: torch.device, *, measured: bool = True) -> Checkpoint:
    """A run's checkpoint with the codes of held-out images and, unless that would take too long, its test loss."""
    if measured and checkpoint.record is not None:
        loss = reconstruction_l1(checkpoint.model(device), held_out)
        record = dataclasses.replace(checkpoint.record, metrics={"test_l1": round(loss, 5)})
        checkpoint = dataclasses.replace(checkpoint, record=record)
    return with_held_out(checkpoint, held_out)
