"""Where tensors live: picking a device, and naming it."""

from __future__ import annotations

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
