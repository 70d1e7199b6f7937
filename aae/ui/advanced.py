"""Every setting of a run as a control with its sentence, what differs from the preset, and the command that does the same."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args, get_origin, get_type_hints

import gradio as gr

from aae.config import PRESETS, ModelConfig, TrainConfig
from aae.errors import AAEError
from aae.settings import ABOUT, titled, train_command
from aae.ui.training_run import begun

BASIC = ("dataset", "preset_name", "epochs", "latent_dim", "seed")
"""Settings that stand outside the panel, as `training_run.run` calls them."""


def specs() -> dict[str, tuple[dataclasses.Field[Any], Any]]:
    """Every setting of model and run by name: its field and its type."""
    return {
        spec.name: (spec, get_type_hints(config)[spec.name])
        for config in (ModelConfig, TrainConfig)
        for spec in dataclasses.fields(config)
    }


NAMES = tuple(name for name in specs() if name not in (*BASIC, "preset"))
"""The settings of the panel."""


def preset_values(preset_name: str) -> dict[str, Any]:
    """What a preset says of every setting."""
    recipe = PRESETS[preset_name]
    return {**dataclasses.asdict(recipe.model), **dataclasses.asdict(recipe.train)}


def label(name: str, changed_from: object = None) -> str:
    """A control's label, which marks a value that is not the preset's."""
    return titled(name) if changed_from is None else f"● {titled(name)} (preset: {written(changed_from)})"


def written(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


@dataclass
class Advanced:
    """The panel's components, in the order of `NAMES`."""

    controls: list[gr.Component]
    reset: gr.Button
    command: gr.Textbox

    @property
    def outputs(self) -> list[gr.Component]:
        """What `marks` gives values for."""
        return [*self.controls, self.command]


def build_advanced(preset_name: str) -> Advanced:
    """Lay out the panel; the caller wires it."""
    values = preset_values(preset_name)
    with gr.Accordion("Advanced: every setting, and what it does", open=False, elem_id="advanced"):
        reset = gr.Button("Reset to preset", size="sm", elem_id="btn-reset")
        controls = [control(name, values[name]) for name in NAMES]
    recipe = PRESETS[preset_name]
    command = gr.Textbox(
        train_command(recipe.model, recipe.train),
        label="The same on the command line",
        lines=2,
        interactive=False,
        buttons=["copy"],
        elem_id="train-command",
    )
    return Advanced(controls, reset, command)


def control(name: str, value: str | float) -> gr.Component:
    """One setting: a choice, or a number within its limits."""
    spec, kind = specs()[name]
    elem_id = f"set-{name.replace('_', '-')}"
    if get_origin(kind) is Literal:
        return gr.Dropdown(list(get_args(kind)), value=value, label=label(name), info=ABOUT[name], elem_id=elem_id)
    low, high = spec.metadata["limits"]
    return gr.Number(
        float(value),
        label=label(name),
        info=f"{ABOUT[name]} From {low:g} to {high:g}.",
        precision=0 if kind is int else None,
        step=1 if kind is int else 0.0001,
        elem_id=elem_id,
    )


def marks(preset_name: str, basic: Sequence[object], values: Sequence[object]) -> list[Any]:
    """Labels that say what is not the preset's, and the command; `basic` is what stands outside, without the preset."""
    usual = preset_values(preset_name)
    changed = {name: usual[name] for name, value in zip(NAMES, values, strict=True) if value != usual[name]}
    updates: list[Any] = [gr.update(label=label(name, changed.get(name))) for name in NAMES]
    try:
        dataset, epochs, latent_dim, seed = basic
        plan = begun(str(dataset), preset_name, epochs, latent_dim, seed, dict(zip(NAMES, values, strict=True)))
        command = train_command(plan.model, plan.train)
    except AAEError as error:
        command = str(error)
    return [*updates, command]


def reset_values(preset_name: str) -> list[Any]:
    """The preset's values for the controls, unmarked."""
    usual = preset_values(preset_name)
    return [gr.update(value=usual[name], label=label(name)) for name in NAMES]
