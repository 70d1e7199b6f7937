"""The panel has every setting, marks what was changed, and its command is the run."""

from __future__ import annotations

import dataclasses

import gradio as gr
import pytest

from aae.config import PRESETS, ModelConfig, TrainConfig
from aae.ui.advanced import BASIC, NAMES, build_advanced, marks, preset_values, reset_values
from tests.test_settings import parsed

OUTSIDE = ["mnist", 10, 10, 0]  # data set, epochs, latent dimensions, seed


def values(**changes) -> list:
    return [{**preset_values("fast"), **changes}[name] for name in NAMES]


def test_no_setting_is_missing_from_the_page():
    every = {spec.name for config in (ModelConfig, TrainConfig) for spec in dataclasses.fields(config)}
    outside = {"preset" if name == "preset_name" else name for name in BASIC}
    assert outside | set(NAMES) == every
    assert not outside & set(NAMES)


def test_each_control_holds_the_presets_value_and_its_sentence():
    with gr.Blocks():
        panel = build_advanced("fast")
    for name, control in zip(NAMES, panel.controls, strict=True):
        assert control.value == preset_values("fast")[name]
        assert control.info
    assert parsed(panel.command.value) == (PRESETS["fast"].model, PRESETS["fast"].train)


def test_changed_settings_are_marked_with_the_presets_value_and_are_in_the_command():
    *labels, command = marks("fast", OUTSIDE, values(learning_rate=0.5, schedule="constant"))
    marked = {name: update["label"] for name, update in zip(NAMES, labels, strict=True) if update["label"].startswith("●")}
    assert marked.keys() == {"learning_rate", "schedule"}
    assert f"{PRESETS['fast'].train.learning_rate:g}" in marked["learning_rate"]
    model, train = parsed(command)
    assert (train.learning_rate, train.schedule, model) == (0.5, "constant", PRESETS["fast"].model)


def test_the_command_follows_what_stands_outside_too():
    *_, command = marks("reference", ["usps", 7, 2, 5], [preset_values("reference")[name] for name in NAMES])
    model, train = parsed(command)
    assert (train.dataset, train.epochs, train.seed, model.latent_dim) == ("usps", 7, 5, 2)


@pytest.mark.parametrize("changes", [{"beta1": None}, {"beta1": 3}, {"hidden_dim": 1}, {"batch_size": 2.5}])
def test_where_there_is_no_such_run_the_command_says_why(changes):
    *_, command = marks("fast", OUTSIDE, values(**changes))
    assert command.endswith(".")
    assert "python" not in command


def test_reset_takes_the_presets_values_and_the_marks_away():
    for update, name in zip(reset_values("best"), NAMES, strict=True):
        assert update["value"] == preset_values("best")[name]
        assert "●" not in update["label"]
