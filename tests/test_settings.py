"""Every setting is told of in a sentence, and the command that is shown trains with exactly these settings."""

from __future__ import annotations

import dataclasses
import shlex

import pytest

from aae.__main__ import configs, parser
from aae.config import PRESETS, ModelConfig, TrainConfig
from aae.settings import ABOUT, titled, train_command


def parsed(command: str) -> tuple[ModelConfig, TrainConfig]:
    """What the command line makes of a command."""
    words = shlex.split(command)
    assert words[:3] == ["python", "-m", "aae"]
    return configs(parser().parse_args(words[3:]), None)


def test_every_setting_has_its_sentence():
    assert set(ABOUT) == {spec.name for config in (ModelConfig, TrainConfig) for spec in dataclasses.fields(config)}
    assert all(sentence.endswith(".") and 20 < len(sentence) <= 130 for sentence in ABOUT.values())


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_is_its_name(name):
    recipe = PRESETS[name]
    command = train_command(recipe.model, recipe.train)
    assert command == f"python -m aae train --dataset mnist --preset {name}"
    assert parsed(command) == (recipe.model, recipe.train)


CHANGES = {
    "hidden_dim": 64, "latent_dim": 2, "posterior": "deterministic", "dataset": "digits-sample", "epochs": 3, "batch_size": 100,
    "seed": 2**31 - 1, "learning_rate": 3.3e-5, "discriminator_learning_rate": 1e-7, "schedule": "linear",
    "finish": "standardise", "beta1": 0.0, "beta2": 0.99, "adversarial_weight": 0.123456789, "objective": "vae",
    "precision": "auto", "inputs": "centred",
}  # fmt: skip


def changed(names: set[str], preset: str) -> tuple[ModelConfig, TrainConfig]:
    recipe = PRESETS[preset]
    parts = []
    for config in (recipe.model, recipe.train):
        own = {spec.name for spec in dataclasses.fields(config)} & names
        parts.append(dataclasses.replace(config, **{name: CHANGES[name] for name in own}))
    return parts[0], parts[1]


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("name", [*sorted(set(ABOUT) - {"preset"}), "all"])
def test_whatever_is_changed_the_command_parses_to_the_same_settings(name, preset):
    model_config, config = changed(set(ABOUT) - {"preset"} if name == "all" else {name}, preset)
    assert parsed(train_command(model_config, config)) == (model_config, config)


def test_labels_are_words():
    assert titled("discriminator_learning_rate") == "Discriminator learning rate"
    assert titled("latent_dim") == "Latent dimensions"
