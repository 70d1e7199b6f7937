"""Configs accept what is in range and nothing else, as Python values and as JSON."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from aae.checkpoints import load_checkpoint
from aae.config import PRESETS, ModelConfig, TrainConfig, preset
from aae.errors import AAEError, ConfigError

CONFIGS = [ModelConfig(), TrainConfig(), ModelConfig(latent_dim=2, hidden_dim=64, posterior="deterministic")]
ROOT = Path(__file__).parents[1]
HUGE = 10**400  # no float can hold it


@pytest.mark.parametrize("config", CONFIGS + [part for recipe in PRESETS.values() for part in (recipe.model, recipe.train)])
def test_json_reads_back_to_an_equal_config(config):
    assert type(config).from_json(config.to_json()) == config


def test_defaults_are_the_reference_recipe():
    model = ModelConfig()
    assert (model.latent_dim, model.hidden_dim, model.posterior) == (10, 512, "gaussian")
    config = TrainConfig()
    assert (config.epochs, config.batch_size, config.adversarial_weight) == (100, 64, 0.001)
    assert (config.learning_rate, config.discriminator_learning_rate) == (2e-4, 2e-4)
    assert (config.beta1, config.beta2) == (0.5, 0.999)
    assert preset("reference").model == ModelConfig()
    assert preset("reference").train == config


BAD_VALUES = [
    (ModelConfig, "latent_dim", 1),
    (ModelConfig, "latent_dim", 65),
    (ModelConfig, "latent_dim", 10.0),
    (ModelConfig, "latent_dim", True),
    (ModelConfig, "latent_dim", "10"),
    (ModelConfig, "latent_dim", None),
    (ModelConfig, "latent_dim", [10]),
    (ModelConfig, "hidden_dim", 15),
    (ModelConfig, "posterior", "laplace"),
    (ModelConfig, "posterior", ["gaussian"]),
    (ModelConfig, "posterior", None),
    (TrainConfig, "preset", 3),
    (TrainConfig, "dataset", "imagenet"),
    (TrainConfig, "epochs", 0),
    (TrainConfig, "epochs", 1.5),
    (TrainConfig, "batch_size", 1),
    (TrainConfig, "seed", -1),
    (TrainConfig, "seed", False),
    (TrainConfig, "learning_rate", 0),
    (TrainConfig, "learning_rate", -1e-4),
    (TrainConfig, "learning_rate", float("nan")),
    (TrainConfig, "learning_rate", float("inf")),
    (TrainConfig, "learning_rate", True),
    (TrainConfig, "learning_rate", "0.1"),
    (TrainConfig, "beta1", 1.0),
    (TrainConfig, "adversarial_weight", 1.1),
    (TrainConfig, "adversarial_weight", float("nan")),
    (TrainConfig, "objective", "gan"),
]
HUGE_SETTINGS = [(ModelConfig, "latent_dim"), (TrainConfig, "epochs"), (TrainConfig, "learning_rate")]


@pytest.mark.parametrize(("kind", "name", "value"), BAD_VALUES)
def test_a_bad_value_is_refused_by_name_in_one_line(kind, name, value):
    with pytest.raises(ConfigError, match=name) as caught:
        kind(**{name: value})
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize(("kind", "name", "value"), BAD_VALUES)
def test_a_bad_value_is_refused_in_json(kind, name, value):
    with pytest.raises(ConfigError, match=name):
        kind.from_json(json.dumps({**dataclasses.asdict(kind()), name: value}))


@pytest.mark.parametrize(("kind", "name"), HUGE_SETTINGS)
def test_an_integer_that_no_float_holds_is_refused(kind, name):
    with pytest.raises(ConfigError, match=name):
        kind.from_json(json.dumps({**dataclasses.asdict(kind()), name: HUGE}))


@pytest.mark.parametrize("low_or_high", [2, 64])
def test_limits_are_inclusive(low_or_high):
    assert ModelConfig(latent_dim=low_or_high).latent_dim == low_or_high


def test_a_whole_number_is_a_float_where_a_float_is_wanted():
    config = TrainConfig(learning_rate=1, adversarial_weight=0)
    assert type(config.learning_rate) is float
    assert type(config.adversarial_weight) is float


@pytest.mark.parametrize("kind", [ModelConfig, TrainConfig])
def test_an_unknown_or_missing_setting_is_refused_by_name(kind):
    values = dataclasses.asdict(kind())
    first = next(iter(values))
    with pytest.raises(ConfigError, match=r"unknown.*colour"):
        kind.from_json(json.dumps({**values, "colour": "red"}))
    del values[first]
    with pytest.raises(ConfigError, match=f"lacks.*{first}"):
        kind.from_json(json.dumps(values))


def test_a_setting_that_was_added_later_may_be_missing_and_is_then_what_it_was_before():
    values = dataclasses.asdict(TrainConfig(objective="vae"))
    del values["objective"]
    assert TrainConfig.from_json(json.dumps(values)).objective == "aae"
    with pytest.raises(ConfigError, match=r"unknown.*objectives"):
        TrainConfig.from_json(json.dumps({**values, "objectives": "vae"}))


def test_a_setting_that_was_added_later_is_what_models_from_before_were_trained_with():
    for path in sorted((ROOT / "checkpoints").glob("*-*d.safetensors")):
        config = load_checkpoint(path).train_config
        assert config.objective == "aae", path.name


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "3", '"mnist"', "{'a': 1}", "[" * 100_000])
def test_text_that_is_no_json_object_is_refused(text):
    with pytest.raises(ConfigError, match="JSON"):
        ModelConfig.from_json(text)


def test_json_with_more_digits_than_python_reads_is_refused():
    with pytest.raises(ConfigError):
        ModelConfig.from_json('{"latent_dim": ' + "9" * 5000 + "}")


def test_configs_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        ModelConfig().latent_dim = 3


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_is_named_after_itself_and_described(name):
    assert preset(name) is PRESETS[name]
    assert PRESETS[name].train.preset == name
    assert PRESETS[name].about


def test_an_unknown_preset_is_an_error_that_names_the_known_ones():
    with pytest.raises(ConfigError, match=r"'imagenet'.*reference"):
        preset("imagenet")
    assert issubclass(ConfigError, AAEError)
