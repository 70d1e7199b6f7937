"""Which device, and what it multiplies fast."""

from __future__ import annotations

from pathlib import Path

import pytest

from aae import devices
from aae.errors import TrainingError


@pytest.mark.parametrize(
    ("listed", "fast"),
    [
        ("processor: 0\nflags\t\t: fpu avx2 avx512f avx512_bf16 sha\n", True),
        ("flags\t\t: fpu avx512f amx_bf16\n", True),
        ("flags\t\t: fpu avx2 avx512f\n", False),
        ("Features\t: asimd bf16\n", False),
    ],
)
def test_bfloat16_is_fast_where_the_processor_lists_it(monkeypatch, listed, fast):
    monkeypatch.setattr(Path, "read_text", lambda path: listed)
    assert devices.fast_bfloat16.__wrapped__() is fast


def test_without_a_list_it_is_not_counted_on(monkeypatch):
    def missing(path):
        raise FileNotFoundError(path)

    monkeypatch.setattr(Path, "read_text", missing)
    assert devices.fast_bfloat16.__wrapped__() is False


def test_a_device_that_is_not_here_is_one_sentence():
    with pytest.raises(TrainingError, match="There is no device 'abacus' here"):
        devices.pick_device("abacus")
