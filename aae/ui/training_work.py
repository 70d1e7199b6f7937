"""A training run where it holds the device: in a process that is given values and gives values."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import torch

from aae.checkpoints import Checkpoint
from aae.config import ModelConfig, TrainConfig
from aae.data import ImageData
from aae.events import Losses
from aae.latent import with_held_out
from aae.phases import dissect
from aae.reconstruction import reconstruction_l1
from aae.training import Trainer, pick_device, train
from aae.ui.crossing import arrived, crossing
from aae.ui.faults import explain, free_memory, is_out_of_memory
from aae.ui.runtime import Limits
from aae.ui.slots import Turn
from aae.ui.stepper import step_value
from aae.ui.training_show import TOLD_SECONDS, Show, Story, View, clock, joined, said
from aae.uploads import fresh_start

Action = Literal["train", "resume", "step", "epoch", "more"]
"""Begin anew; go on to the end; take one step, or go on to the end of an epoch, and pause; make the run longer and go on."""

STANDING_SECONDS = 4.0
"""Time between two states that a run sends: at most so much training is lost where its process is ended from outside."""
STANDING_SHARE = 0.03
"""Share of a run's time that sending states may take: those of large networks come less often."""
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

    story: Story
    packed: bytes
    """The checkpoint, by `crossing`: most are never looked at."""
    over: bool = False
    """Whether the run has come to its end, and the checkpoint is the `finished` one."""

    @property
    def checkpoint(self) -> Checkpoint:
        checkpoint: Checkpoint = arrived(self.packed)
        return checkpoint


def call(
    task: bytes, seconds: float, first: bool = True, last: bool = True, stop: Callable[[], bool] = lambda: False
) -> Iterator[bytes]:
    """A run, or the part of it that fits into one call; gives `View`s and `Standing`s, by `crossing`, and never raises.

    Args:
        task: a `Task`, by `crossing`.
        seconds: how long the call may take in all.
        first: whether the run begins with it.
        last: whether the run ends with it.
        stop: asked between two events; true ends the run there.
    """
    started = time.monotonic()
    given: Task = arrived(task)
    del task  # and what it goes on from is in the trainer: memory, for as long as it trains
    run: Run | None = None
    try:
        run, turn = Run(given), Turn()
        given = run.task
        if first:
            yield crossing(run.show.opening())
        stopped, due = False, started + STANDING_SECONDS
        for view in run.training(turn, seconds - CALL_MARGIN_SECONDS - (time.monotonic() - started)):
            yield crossing(dataclasses.replace(view, left=turn.left))
            stopped = stop()
            if stopped:
                break
            if (now := time.monotonic()) > due:
                yield run.standing()
                due = time.monotonic() + max(STANDING_SECONDS, (time.monotonic() - now) / STANDING_SHARE)
        if not stopped and (last or run.reached_its_end):
            yield run.ended()
            yield crossing(run.closing())
        elif run.learned:
            yield run.standing()
    except Exception as error:  # noqa: BLE001 (on the way back, only errors of Gradio's own would keep their text)
        text = explain(error, given.model, given.train)
        if run is not None and run.learned:
            yield run.ended()
        yield crossing(View(said(text, "error")))


class Run:
    """A run in this process, on its device. Raises what `Trainer` raises."""

    def __init__(self, task: Task) -> None:
        self.task, device = dataclasses.replace(task, resume=None), pick_device()
        resume = task.resume
        if resume is not None and not resume.training:
            resume = fresh_start(resume, task.data, device)
        self.trainer = Trainer(task.data, task.model, task.train, device, resume)
        self.began = self.trainer.step_count
        self.notice = joined([task.data.notice, self.trainer.notice])
        self.show = Show(self.trainer, task.held_out, task.story, self.notice)

    def training(self, turn: Turn, seconds: float) -> Iterator[View]:
        """For at most so many seconds."""
        if self.task.action == "step":
            return one_step(self.show)
        events = turn.within(train(self.trainer, report_seconds=TOLD_SECONDS), seconds)
        return self.show.training(events, only_epoch=self.task.action == "epoch")

    @property
    def learned(self) -> bool:
        """Whether there is something to keep."""
        return self.trainer.step_count > self.began

    @property
    def reached_its_end(self) -> bool:
        """Whether what was asked for is done."""
        at_epoch = self.task.action == "epoch" and self.trainer.step_count % self.trainer.steps_per_epoch == 0
        return self.task.action == "step" or at_epoch or self.trainer.step_count >= self.trainer.total_steps

    def standing(self) -> bytes:
        return crossing(Standing(self.task.story, crossing(self.trainer.checkpoint())))

    def ended(self) -> bytes:
        return crossing(Standing(self.task.story, crossing(self.finished()), over=True))

    def closing(self) -> View:
        return View(closing(self.trainer, self.notice, self.task.action, self.task.limits))

    def finished(self) -> Checkpoint:
        checkpoint, measured = self.trainer.checkpoint(), self.task.action != "step"
        try:
            return finished(checkpoint, self.task.held_out, self.trainer.device, measured=measured)
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            free_memory(error)  # as it was when the run ended: what was learned is not lost for want of its measure
            return finished(checkpoint, self.task.held_out, torch.device("cpu"), measured=False)


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
