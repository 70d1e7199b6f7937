"""Small training runs and coroutines, and what it means that two of them are the same."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch

from aae.config import ModelConfig, TrainConfig
from aae.training import EpochEnd, Progress, Trainer, train

SMALL = ModelConfig(hidden_dim=16)
T = TypeVar("T")


def in_a_loop(coroutine: Coroutine[object, object, T]) -> T:
    """Run a coroutine in a thread of its own: Playwright leaves a loop running in that of the tests."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, coroutine).result()


def settings(**changes) -> TrainConfig:
    """One epoch of small batches of the offline sample, with `changes`."""
    return TrainConfig(**{"dataset": "digits-sample", "batch_size": 16, "epochs": 1, **changes})


def finish(trainer: Trainer, **options) -> list[Progress | EpochEnd]:
    """Train to the end; all events."""
    return list(train(trainer, **options))


def state(trainer: Trainer) -> dict[str, torch.Tensor]:
    """Everything that decides how a run goes on."""
    checkpoint = trainer.checkpoint()
    live = {f"live.{name}": tensor.clone() for name, tensor in trainer.model.state_dict().items()}
    return {**live, **checkpoint.weights, **{f"training.{name}": tensor for name, tensor in checkpoint.training.items()}}


def assert_same_state(one: Trainer, other: Trainer) -> None:
    mine, theirs = state(one), state(other)
    assert mine.keys() == theirs.keys()
    for name, tensor in mine.items():
        assert torch.equal(tensor, theirs[name]), name
