"""The Train tab: train an AAE on this machine's device and watch q(z) become the prior."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from functools import partial
from typing import Any

import gradio as gr

from aae.config import PRESETS, preset
from aae.ui.advanced import BASIC, NAMES, build_advanced, marks, reset_values
from aae.ui.components import figure_box, film_box, status_box, step_box
from aae.ui.explore import MAX_LATENT_DIM, QUIET, Explore, told
from aae.ui.own import build_own, dataset_choices
from aae.ui.session import YOUR_MODEL, Shelf, Visitor
from aae.ui.streams import closed_aside
from aae.ui.training_apart import apart
from aae.ui.training_run import resumable, run, stopped
from aae.ui.training_show import View, said
from aae.ui.training_work import Action

DEFAULT_PRESET = "fast"
MORE_EPOCHS = 3


def build_train(shelf: Shelf, visitor: gr.State, explore: Explore) -> list[gr.Button]:
    """Lay out the tab and wire it; the buttons that `resting_buttons` gives values for."""
    apart()  # for ZeroGPU, which wants to know by now what needs its device
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
            with gr.Row(elem_classes="run-buttons"):
                start = gr.Button("Train", variant="primary", elem_id="btn-train", min_width=90)
                pause = gr.Button("Pause", elem_id="btn-pause", min_width=90, interactive=False)
                resume = gr.Button("Resume", elem_id="btn-resume", min_width=90, interactive=False)
                stop = gr.Button("Stop", variant="stop", elem_id="btn-stop", min_width=90)
            with gr.Row(elem_classes="run-buttons"):
                step = gr.Button("One step", size="sm", elem_id="btn-step", min_width=90)
                epoch = gr.Button("One epoch", size="sm", elem_id="btn-epoch", min_width=90)
                more = gr.Button(
                    f"Train {MORE_EPOCHS} more epochs", size="sm", elem_id="btn-more", min_width=150, interactive=False
                )
            gr.Markdown(ABOUT_CONTROLS, elem_classes="hint")
            advanced = build_advanced(DEFAULT_PRESET)
        with gr.Column(scale=9, min_width=320):
            box = status_box(said("Choose what to train on and press Train.", "idle"), "train-status")
            with gr.Row(equal_height=False):
                with gr.Column(scale=7, min_width=320):
                    plane = figure_box(
                        None,
                        "Two scatter plots on the same axes: codes of test images while training, and draws of the prior",
                        "train-plane",
                    )
                with gr.Column(scale=3, min_width=240):
                    film = film_box("train-film")
            curves = figure_box(
                None,
                "Curves over the epochs: reconstruction, adversarial losses, discriminator accuracy, distance to the prior",
                "train-curves",
            )
            stepper = step_box("train-step")

    basic = [dataset, recipe, epochs, latent_dim, seed]
    shown = [box, plane, curves, film, stepper]
    buttons = [start, pause, resume, step, epoch, more]

    def handle(action: Action, visitor: Visitor, *values: Any) -> Iterator[tuple[Any, ...]]:  # noqa: ANN401 (from the browser)
        basics, rest = dict(zip(BASIC, values, strict=False)), values[len(BASIC) :]
        settings = dict(zip(NAMES, rest, strict=True))
        views = run(visitor, shelf, **basics, advanced=settings, action=action, more=MORE_EPOCHS)
        lights = running_buttons()
        with closing(closed_aside(views)) as stream:
            for view in stream:
                yield (*updates(view), *lights)
                lights = [gr.skip()] * len(buttons)

    def reveal(action: Action, visitor: Visitor, picked: str) -> list[Any]:
        if visitor.own is None or (action == "step" and picked != YOUR_MODEL):
            return [gr.skip()] * len(explore.outputs)
        return explore.show(YOUR_MODEL, visitor)

    private: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}

    def begins(event: Any, action: Action) -> Any:  # noqa: ANN401 (Gradio's events have no common type)
        """Let an event begin a run, and tidy up when it has ended."""
        begun = event(
            partial(handle, action),
            [visitor, *basic, *advanced.controls],
            [*shown, *buttons],
            concurrency_id="train",
            concurrency_limit=None,  # runs line up in shelf.slots
            show_progress_on=box,
            **{**private, "show_progress": "minimal"},
        )
        begun.then(resting_buttons, visitor, buttons, **QUIET)
        begun.success(partial(reveal, action), [visitor, explore.picker], explore.outputs, **private)
        return begun

    actions: list[tuple[Any, Action]] = [
        (start.click, "train"),
        (resume.click, "resume"),
        (step.click, "step"),
        (epoch.click, "epoch"),
        (more.click, "more"),
    ]
    runs = [begins(event, action) for event, action in actions]
    for button, paused in ((stop, False), (pause, True)):
        ended = button.click(None, cancels=runs, queue=False, **private).then(
            partial(stopped, paused=paused), visitor, box, **QUIET
        )
        ended.then(resting_buttons, visitor, buttons, **QUIET).then(
            partial(reveal, "train"), [visitor, explore.picker], explore.outputs, **QUIET
        )

    settings = [recipe, dataset, epochs, latent_dim, seed, *advanced.controls]

    def mark(preset_name: str, *values: Any) -> list[Any]:  # noqa: ANN401 (from the browser)
        with told():
            preset(preset_name)
            return marks(preset_name, values[:4], values[4:])

    recipe.input(take_preset, recipe, [about, epochs, *advanced.controls], **QUIET)
    advanced.reset.click(take_preset, recipe, [about, epochs, *advanced.controls], **QUIET)
    gr.on(
        [control.change for control in settings],  # type: ignore[attr-defined]
        mark,
        settings,
        advanced.outputs,
        trigger_mode="always_last",
        **QUIET,
    )
    return buttons


def updates(view: View) -> tuple[Any, ...]:
    """A view as values of the tab's parts."""
    return tuple(gr.skip() if part is None else part for part in view.parts)


def running_buttons() -> list[Any]:
    """What can be pressed while a run is under way, in the order start, pause, resume, step, epoch, more."""
    return [gr.update(interactive=name == "pause") for name in ("start", "pause", "resume", "step", "epoch", "more")]


def resting_buttons(visitor: Visitor) -> list[Any]:
    """What can be pressed while no run is under way: a paused run can go on, a finished one can be made longer."""
    held = resumable(visitor)
    unfinished = held is not None and held.record is not None and held.train_config is not None
    unfinished = unfinished and held.record.epochs < held.train_config.epochs  # type: ignore[union-attr]
    return [gr.update(interactive=can) for can in (True, False, unfinished, True, True, held is not None)]


def take_preset(name: str) -> list[Any]:
    """What a preset is for, how many epochs it takes, and its values for the panel."""
    with told():
        recipe = preset(name)
    return [recipe.about, recipe.train.epochs, *reset_values(name)]


ABOUT_CONTROLS = (
    "*Pause* keeps the run as it is and frees the device; *Resume* goes on exactly there. *One step* shows a step phase by "
    "phase. *Train 3 more epochs* makes the run longer: step sizes that fall then reach 0 at the new end, so that after e of E "
    "epochs the step sizes are 1 - e/E of the first ones, whatever they had fallen to."
)
