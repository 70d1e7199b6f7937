"""The Train tab: train an AAE on this machine's device and watch q(z) become the prior."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import gradio as gr
import numpy as np
import torch

from aae.checkpoints import Checkpoint
from aae.config import PRESETS, Dataset, ModelConfig, TrainConfig, preset
from aae.data import ImageData
from aae.errors import TrainingError
from aae.figures import latent_figure, losses_figure
from aae.latent import axis_projection, held_out_indices, with_held_out
from aae.priors import GaussianPrior
from aae.reconstruction import reconstruction_l1
from aae.training import Progress, Trainer, train
from aae.ui import runtime
from aae.ui.components import figure_box, figure_value, packed_points, status_box
from aae.ui.explore import MAX_LATENT_DIM, Explore, told
from aae.ui.faults import explain
from aae.ui.own import build_own, dataset_choices, images_of, loading
from aae.ui.runtime import Limits
from aae.ui.session import YOUR_MODEL, Shelf, Visitor
from aae.ui.slots import Place, Turn

PROBES = 1000
"""Held-out images whose codes are drawn while training."""
CURVE_SECONDS = 2.0
DEFAULT_PRESET = "fast"
STOP_PATIENCE_SECONDS = 10.0


@dataclass(frozen=True)
class View:
    """What the tab shows; None leaves a part as it is."""

    status: dict[str, Any] | None = None
    plane: dict[str, Any] | None = None
    curves: dict[str, Any] | None = None

    def updates(self) -> tuple[Any, Any, Any]:
        parts = (self.status, self.plane, self.curves)
        status, plane, curves = (gr.skip() if part is None else part for part in parts)
        return status, plane, curves


def said(text: str, state: str = "running", share: float | None = None) -> dict[str, Any]:
    """The value of the status box."""
    return {"text": text, "state": state, "share": share}


def run(
    visitor: Visitor, shelf: Shelf, dataset: Dataset, preset_name: str, epochs: float, latent_dim: float, seed: float
) -> Iterator[View]:
    """One visitor's training run, as what to show. Whatever way it ends, what was learned becomes the visitor's model.

    Never raises for what a user can cause: the last view then says what to do.
    """
    if not visitor.begin():
        yield View(said("A run of yours is under way; stop it first.", "error"))
        return
    trainer: Trainer | None = None
    held_out: ImageData | None = None
    model_config: ModelConfig | None = None
    config: TrainConfig | None = None
    try:
        recipe = preset(preset_name)
        config = dataclasses.replace(recipe.train, dataset=dataset, epochs=whole("Epochs", epochs), seed=whole("Seed", seed))
        model_config = dataclasses.replace(recipe.model, latent_dim=whole("Latent dimensions", latent_dim))
        shelf.limits.check(model_config, config)
        yield View(said(loading(config.dataset)))
        data, held_out = images_of(visitor, config.dataset)
        shelf.limits.check_images(data)
        with shelf.slots.turn() as turn:
            for place in shelf.slots.line(turn):
                yield View(said(waiting(place)))
            trainer = Trainer(data, model_config, config, runtime.training_device())
            visitor.stopped = True
            yield from show(trainer, held_out, data.notice, turn, shelf.limits)
            visitor.stopped = False
    except Exception as error:  # noqa: BLE001 (whatever it is, it ends this run alone, and the visitor is told)
        yield View(said(explain(error, model_config, config), "error"))
    finally:
        # Also reached when the visitor presses Stop or goes away: then nothing can be shown any more, only kept.
        try:
            if trainer is not None and held_out is not None and trainer.step_count:
                visitor.keep(shelf.own(finished(trainer, held_out), held_out))
        finally:
            visitor.running = False


def whole(name: str, value: float | None) -> int:
    """A whole number from a number field, which may be empty or hold a fraction; raises `AAEError`."""
    if not isinstance(value, int | float) or not math.isfinite(value) or value != int(value):
        raise TrainingError(f"{name} must be a whole number.")
    return int(value)


def waiting(place: Place) -> str:
    """What a run in line is told."""
    wait = "the wait is not known yet" if place.seconds is None else f"about {clock(place.seconds)} to wait"
    return f"All training slots are busy: you are number {place.position} of {place.waiting} in line, {wait}. Stop leaves it."


def show(trainer: Trainer, held_out: ImageData, notice: str, turn: Turn, limits: Limits) -> Iterator[View]:
    """Train, and draw held-out codes in a fixed view, moving."""
    chosen = held_out_indices(len(held_out), PROBES)
    labels = held_out.labels[chosen].numpy()
    by_class = np.argsort(labels, kind="stable")  # the order of the figure's traces
    chosen, labels = chosen[by_class], labels[by_class]
    projection = axis_projection(trainer.model.config.latent_dim)
    draws = GaussianPrior(trainer.model.config.latent_dim).sample(len(chosen), torch.Generator().manual_seed(0)).numpy()
    yield View(said(f"Starting on {trainer.device} …"))
    history: list[dict[str, float]] = []
    curves_at, drawn = 0.0, False
    revision = f"{id(trainer)}"
    for event in turn.within(train(trainer, held_out.images[chosen]), limits.run_seconds):
        if not isinstance(event, Progress) or event.codes is None:
            continue
        points = projection(event.codes)
        history.append({"epoch": event.epoch, **dataclasses.asdict(event.losses)})
        view = View(progress(event, trainer, notice), {"points": packed_points(points)})
        if not drawn:
            names = held_out.class_names
            figure = latent_figure(points, labels, names, projection(draws), projection.labels, revision=revision)
            view, drawn = dataclasses.replace(view, plane=figure_value(figure)), True
        ended = event.step == event.total_steps
        if ended or time.monotonic() - curves_at > CURVE_SECONDS:
            curves = figure_value(losses_figure(thinned(history), revision=revision))
            view, curves_at = dataclasses.replace(view, curves=curves), time.monotonic()
        yield view
    if trainer.step_count < trainer.total_steps:
        summary = f"This is the longest that a run may take {limits.where} ({clock(limits.run_seconds)}): it ended after "
        yield View(said(f"{summary}{trainer.epoch:.2f} epochs. Your model is in the Explore tab.", "done"))
        return
    summary = f"Done: {trainer.config.epochs} epochs in {trainer.seconds:.0f} s. Your model is in the Explore tab."
    yield View(said(f"{notice} {summary}".strip(), "done", 1.0))


def progress(event: Progress, trainer: Trainer, notice: str) -> dict[str, Any]:
    losses = event.losses
    text = (
        f"Epoch {event.epoch:.1f} of {event.epochs} · {clock(event.eta_seconds)} left · "
        f"reconstruction L1 {losses.reconstruction:.4f} · discriminator {losses.discriminator_accuracy:.0%} right · "
        f"{event.images_per_second:,.0f} images/s on {trainer.device}"
    )
    return said(f"{notice} {text}".strip(), "running", event.step / event.total_steps)


def clock(seconds: float) -> str:
    minutes, rest = divmod(max(round(seconds), 0), 60)
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"


def thinned(history: list[dict[str, float]], most: int = 300) -> list[dict[str, float]]:
    """At most about `most` rows, the last always among them."""
    step = -(-len(history) // most)
    return [*history[:-1:step], history[-1]]


def finished(trainer: Trainer, held_out: ImageData) -> Checkpoint:
    """The trainer's model with its test loss and the codes of held-out images."""
    model = trainer.checkpoint().model(trainer.device)
    checkpoint = trainer.checkpoint({"test_l1": round(reconstruction_l1(model, held_out), 5)})
    return with_held_out(checkpoint, held_out)


def stopped(visitor: Visitor) -> dict[str, Any]:
    """Wait until a cancelled run has let go, and say what there is."""
    deadline = time.monotonic() + STOP_PATIENCE_SECONDS
    while visitor.running and time.monotonic() < deadline:
        time.sleep(0.05)
    if visitor.own is None or visitor.own.checkpoint.record is None:
        return said("Nothing is running, and there is no model of yours to keep.", "idle")
    epochs = visitor.own.checkpoint.record.epochs
    if not visitor.stopped:
        return said("Nothing is running. Your model is in the Explore tab.", "idle")
    return said(f"Stopped after {epochs:.2f} epochs. Your model, as it stands, is in the Explore tab.", "done")


def build_train(shelf: Shelf, visitor: gr.State, explore: Explore) -> None:
    """Lay out the tab and wire it."""
    opening = PRESETS[DEFAULT_PRESET].train
    with gr.Row(equal_height=False):
        with gr.Column(scale=3, min_width=280):
            dataset = gr.Dropdown(dataset_choices(), value=opening.dataset, label="Data set", elem_id="dataset")
            build_own(shelf, visitor, dataset)
            recipe = gr.Radio(list(PRESETS), value=DEFAULT_PRESET, label="Preset", elem_id="preset")
            about = gr.Markdown(PRESETS[DEFAULT_PRESET].about, elem_id="about-preset", elem_classes="hint")
            epochs = gr.Number(opening.epochs, label="Epochs", minimum=1, maximum=10_000, precision=0, elem_id="epochs")
            latent_dim = gr.Slider(2, MAX_LATENT_DIM, value=10, step=1, label="Latent dimensions", elem_id="latent-dim")
            seed = gr.Number(0, label="Seed", minimum=0, maximum=2**31 - 1, precision=0, elem_id="seed")
            with gr.Row():
                start = gr.Button("Train", variant="primary", elem_id="btn-train", min_width=100)
                stop = gr.Button("Stop", variant="stop", elem_id="btn-stop", min_width=100)
        with gr.Column(scale=8, min_width=320):
            box = status_box(said("Choose what to train on and press Train.", "idle"), "train-status")
            plane = figure_box(
                None,
                "Two scatter plots on the same axes: codes of test images while training, and draws of the prior",
                "train-plane",
            )
            curves = figure_box(None, "Curves of the losses over the epochs", "train-curves")

    def handle(visitor: Visitor, *choices: Any) -> Iterator[tuple[Any, ...]]:  # noqa: ANN401 (as the browser sends them)
        views = run(visitor, shelf, *choices)
        try:
            for view in views:
                yield view.updates()
        finally:
            views.close()  # type: ignore[attr-defined]

    def reveal(visitor: Visitor) -> list[Any]:
        if visitor.own is None:
            return [gr.skip()] * len(explore.outputs)
        return explore.show(YOUR_MODEL, visitor)

    private: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
    run_event = start.click(
        handle,
        [visitor, dataset, recipe, epochs, latent_dim, seed],
        [box, plane, curves],
        concurrency_id="train",
        concurrency_limit=None,  # runs line up in shelf.slots
        show_progress_on=box,
        **{**private, "show_progress": "minimal"},
    )
    run_event.success(reveal, visitor, explore.outputs, **private)
    stop.click(None, cancels=[run_event], queue=False, **private).then(stopped, visitor, box, queue=False, **private).then(
        reveal, visitor, explore.outputs, queue=False, **private
    )
    recipe.input(take_preset, recipe, [about, epochs], queue=False, **private)


def take_preset(name: str) -> tuple[str, int]:
    """What a preset is for, and how many epochs it takes."""
    with told():
        recipe = preset(name)
    return recipe.about, recipe.train.epochs
