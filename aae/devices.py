"""Where tensors live: picking a device, and naming it."""

from __future__ import annotations

import functools
from pathlib import Path

import torch

from aae.errors import TrainingError


def pick_device(name: str = "auto") -> torch.device:
    """The device of that name; "auto" takes cuda, else mps, else cpu. Raises `TrainingError` if it is not there."""
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(name)
        if device.type not in ("cuda", "mps", "cpu"):
            raise RuntimeError("not a device that this app knows")
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError, ImportError) as error:
        raise TrainingError(f"There is no device {name!r} here; leave it out to use {pick_device()}.") from error
    return device


def describe(device: torch.device) -> str:
    """A device in words, for records: its name where it has one."""
    return f"cuda ({torch.cuda.get_device_name(device)})" if device.type == "cuda" else device.type


@functools.cache
def fast_bfloat16() -> bool:
    """Whether this processor multiplies bfloat16 in hardware: AVX-512-BF16 or AMX, as Linux lists them.

    Without either, torch's bfloat16 products are several times slower than its float32 ones (measured on AVX2); False where
    there is no such list.
    """
    try:
        flags = next(line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("flags"))
    except (OSError, StopIteration):
        return False
    return not {"avx512_bf16", "amx_bf16"}.isdisjoint(flags.split())
