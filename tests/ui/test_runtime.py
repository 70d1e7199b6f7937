from __future__ import annotations

import os

import pytest
import torch

from aae.config import PRESETS, ModelConfig, TrainConfig
from aae.errors import TrainingError
from aae.ui import runtime


@pytest.mark.parametrize(("cores", "threads"), [(None, 1), (1, 1), (2, 1), (4, 2), (64, 4)])
def test_training_leaves_half_of_the_cores_to_the_page(monkeypatch, cores, threads):
    chosen = []
    monkeypatch.setattr(os, "cpu_count", lambda: cores)
    monkeypatch.setattr(torch, "set_num_threads", chosen.append)
    runtime.leave_room_for_the_page()
    assert chosen == [threads]


@pytest.mark.parametrize(
    ("environment", "cuda", "host"),
    [
        ({}, False, "local"),
        ({}, True, "local"),
        ({"SPACE_ID": "a/b"}, False, "cpu-space"),
        ({"SPACE_ID": "a/b"}, True, "gpu-space"),
        ({"SPACE_ID": "a/b", "SPACES_ZERO_GPU": "true"}, True, "zero-gpu"),
    ],
)
def test_host_is_told_by_the_environment(monkeypatch, environment, cuda, host):
    for name in ("SPACE_ID", "SPACES_ZERO_GPU"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    assert runtime.host() == host
    assert runtime.limits() is runtime.LIMITS[host]


@pytest.mark.parametrize("name", ["fast", "best", "reference"])
@pytest.mark.parametrize("host", runtime.LIMITS)
def test_every_preset_may_run_everywhere(host, name):
    recipe = PRESETS[name]
    runtime.LIMITS[host].check(recipe.model, recipe.train)


@pytest.mark.parametrize(
    ("changes", "hidden_dim", "text"),
    [
        ({"epochs": 201}, 512, "201 epochs are more than the 200"),
        ({"batch_size": 2048}, 512, "2,048 images a batch"),
        ({}, 2048, "2,048 units in a hidden layer"),
    ],
)
def test_limits_refuse_with_the_limit(changes, hidden_dim, text):
    limits = runtime.LIMITS["cpu-space"]
    with pytest.raises(TrainingError, match=text):
        limits.check(ModelConfig(hidden_dim=hidden_dim), TrainConfig(**changes))
    assert "10 minutes" in limits.told()
    assert "200 epochs" in limits.told()


def test_too_many_images_are_refused(take):
    limits = runtime.Limits(where="here", images=69)
    limits.check_images(take(69))
    with pytest.raises(TrainingError, match="70 images"):
        limits.check_images(take(70))


def test_this_computer_has_no_limits_of_its_own():
    largest = ModelConfig(hidden_dim=2048), TrainConfig(epochs=10_000, batch_size=8192)
    runtime.LIMITS["local"].check(*largest)
    assert "No limits" in runtime.LIMITS["local"].told()
