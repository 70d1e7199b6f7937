from __future__ import annotations

import gc
import logging
import weakref

import pytest
import torch

from aae.config import ModelConfig, TrainConfig
from aae.errors import TrainingError
from aae.ui.faults import explain, is_out_of_memory


def refused_allocation() -> Exception:
    """What PyTorch really says when the machine has not enough memory."""
    try:
        torch.empty(2**60, dtype=torch.uint8)
    except RuntimeError as error:
        return error
    raise AssertionError("an exbibyte was allocated")


@pytest.mark.parametrize(
    "error", [MemoryError(), torch.OutOfMemoryError("CUDA out of memory"), RuntimeError("MPS backend out of memory")]
)
def test_running_out_of_memory_says_what_to_lower(error):
    assert is_out_of_memory(error)
    text = explain(error, ModelConfig(hidden_dim=2048), TrainConfig(batch_size=8192))
    assert "batch size (now 8,192)" in text
    assert "hidden units (now 2,048)" in text


def test_a_refused_allocation_is_out_of_memory():
    assert is_out_of_memory(refused_allocation())
    assert "memory" in explain(refused_allocation())


def test_other_errors_are_not():
    assert not is_out_of_memory(RuntimeError("mat1 and mat2 shapes cannot be multiplied"))
    assert not is_out_of_memory(ValueError("out of memory"))


def test_what_the_failed_run_held_is_free_once_it_is_explained():
    class Held:
        pass

    held = []

    def run() -> None:
        trainer = Held()
        held.append(weakref.ref(trainer))
        raise MemoryError

    gc.disable()
    try:
        run()
    except MemoryError as error:
        assert held[0]() is not None
        explain(error)
        assert held[0]() is None
    finally:
        gc.enable()


def test_errors_of_the_users_are_told_and_ours_are_logged(caplog):
    assert explain(TrainingError("Lower it.")) == "Lower it."
    with caplog.at_level(logging.ERROR):
        assert not caplog.records
        text = explain(ZeroDivisionError("secret path"))
    assert "ZeroDivisionError" in text
    assert "secret" not in text
    assert "secret path" in caplog.text
