"""One visitor's training run: begun, paused, taken up again, a step or an epoch at a time."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, get_type_hints

import gradio as gr

from aae.checkpoints import Checkpoint
from aae.config import ModelConfig, TrainConfig, preset
from aae.data import ImageData
from aae.errors import TrainingError
from aae.settings import titled
from aae.ui.faults import explain
from aae.ui.own import images_of, loading
from aae.ui.session import Shelf, Visitor
from aae.ui.slots import Place
from aae.ui.training_apart import Apart, begin
from aae.ui.training_show import Story, View, clock, said
from aae.ui.training_work import Action, Task, standing
from aae.uploads import at_epoch_0

STOP_PATIENCE_SECONDS = 10.0


def run(
    visitor: Visitor,
    shelf: Shelf,
    dataset: str,
    preset_name: str,
    epochs: float,
    latent_dim: float,
    seed: float,
    advanced: Mapping[str, Any] | None = None,
    action: Action = "train",
    more: float = 3,
) -> Iterator[View]:
    """A visitor's training run, as what to show. Whatever way it ends, what was learned becomes the visitor's model.

    That model keeps the optimisers' state, on the CPU, so that a later call goes on exactly where this one ended; a paused
    run holds no more than that. `advanced` has settings by name; `more` is by how many epochs "more" makes a run longer.

    Never raises for what a user can cause: the last view then says what to do.
    """
    if not visitor.begin():
        yield View(said("A run of yours is under way; stop it first.", "error"))
        return
    work: Apart | None = None
    plan: Plan | None = None
    held_out: ImageData | None = None
    try:
        resume = None if action == "train" else resumable(visitor)
        if resume is not None:
            plan = extended(resume, action, more)
        elif action in ("resume", "more"):
            raise TrainingError("There is no run of yours to go on with; press Train.")
        else:
            plan = begun(dataset, preset_name, epochs, latent_dim, seed, advanced or {})
        shelf.limits.check(plan.model, plan.train)
        yield View(said(loading(plan.dataset)))
        data, held_out = images_of(visitor, plan.dataset)
        shelf.limits.check_images(data)
        with shelf.slots.turn() as turn:
            for place in shelf.slots.line(turn):
                yield View(said(waiting(place)))
            story = visitor.story if resume is not None and visitor.story and visitor.story.step == steps(resume) else Story()
            visitor.story = story
            work = begin(Task(data, held_out, plan.model, plan.train, resume, story, action, shelf.limits))
            visitor.stopped = True
            yield from work.views(turn)
            visitor.stopped = False
    except gr.Error as error:  # ZeroGPU's: the quota is used up, or a call took too long
        yield View(said(f"The device is not to be had: {error.message}", "error"))
    except Exception as error:  # noqa: BLE001 (whatever it is, it ends this run alone, and the visitor is told)
        yield View(said(explain(error, plan.model if plan else None, plan.train if plan else None), "error"))
    finally:
        # Also reached when the visitor presses Pause or Stop, or goes away: then nothing can be shown any more, only kept.
        try:
            learned = work.outcome() if work is not None else None
            if learned is not None:
                visitor.keep(shelf.own(learned, held_out))
        except Exception as error:  # noqa: BLE001 (nobody is there to be told; logged)
            explain(error)
        finally:
            visitor.running = False


@dataclass(frozen=True)
class Plan:
    """What to train, on what."""

    dataset: str
    model: ModelConfig
    train: TrainConfig


def begun(
    dataset: str, preset_name: str, epochs: object, latent_dim: object, seed: object, advanced: Mapping[str, object]
) -> Plan:
    """A run from its beginning, from what the page says; raises `AAEError` for what cannot be."""
    recipe = preset(preset_name)
    chosen = {**advanced, "dataset": dataset, "epochs": epochs, "latent_dim": latent_dim, "seed": seed}
    parts: list[Any] = []
    for config in (recipe.model, recipe.train):
        hints = get_type_hints(type(config))
        own: dict[str, Any] = {spec.name: chosen[spec.name] for spec in dataclasses.fields(config) if spec.name in chosen}
        own = {name: whole(titled(name), value) if hints[name] is int else value for name, value in own.items()}
        parts.append(dataclasses.replace(config, **own))
    model, train = parts
    return Plan(train.dataset, model, train)


def extended(resume: Checkpoint, action: Action, more: object) -> Plan:
    """A run as it goes on: to its end, or, where `action` is "more" or the end is reached, to a later one.

    The longer run is the one that `python -m aae train --resume FILE --epochs N` trains: it ends N whole epochs after the
    last completed one, and step sizes that fall reach 0 there. Its step sizes then take up anew where they had fallen
    further: with e of E epochs done they are 1 - e/E of the first ones, whatever E was before.
    """
    assert resume.train_config is not None
    assert resume.record is not None
    config, done = resume.train_config, resume.record.epochs
    if action == "more":
        further = whole("More epochs", more)
        if further < 1:
            raise TrainingError("More epochs must be at least 1.")
        config = dataclasses.replace(config, epochs=int(done) + further)
    elif done >= config.epochs:
        if action == "resume":
            raise TrainingError("This run has reached its end; train more epochs instead.")
        config = dataclasses.replace(config, epochs=int(done) + 1)
    return Plan(resume.record.dataset, resume.model_config, config)


def resumable(visitor: Visitor) -> Checkpoint | None:
    """The visitor's model, if it says how it was trained; without a training state (an upload) it begins anew, at epoch 0."""
    if visitor.own is None:
        return None
    checkpoint = visitor.own.checkpoint
    if checkpoint.train_config is None or checkpoint.record is None:
        return None
    return checkpoint if checkpoint.training else at_epoch_0(checkpoint)


def steps(checkpoint: Checkpoint) -> int:
    """Where a run stands."""
    return int(checkpoint.training["step"]) if checkpoint.training else 0


def waiting(place: Place) -> str:
    """What a run in line is told."""
    wait = "the wait is not known yet" if place.seconds is None else f"about {clock(place.seconds)} to wait"
    return f"All training slots are busy: you are number {place.position} of {place.waiting} in line, {wait}. Stop leaves it."


def whole(name: str, value: object) -> int:
    """A whole number from a number field, which may be empty or hold a fraction; raises `AAEError`."""
    if not isinstance(value, int | float) or not math.isfinite(value) or value != int(value):
        raise TrainingError(f"{name} must be a whole number.")
    return int(value)


def stopped(visitor: Visitor, paused: bool = False) -> dict[str, Any]:
    """Wait until a cancelled run has let go, and say what there is."""
    deadline = time.monotonic() + STOP_PATIENCE_SECONDS
    while visitor.running and time.monotonic() < deadline:
        time.sleep(0.05)
    if visitor.own is None or visitor.own.checkpoint.record is None:
        return said("Nothing is running, and there is no model of yours to keep.", "idle")
    epochs = visitor.own.checkpoint.record.epochs
    if not visitor.stopped:
        return said("Nothing is running. Your model is in the Explore tab.", "idle")
    if paused:
        return said(f"Paused at {standing(epochs)}: Resume goes on exactly from here. It holds no device meanwhile.", "paused")
    return said(f"Stopped after {epochs:.2f} epochs. Your model, as it stands, is in the Explore tab.", "done")
