"""Where the app runs, and what follows from it."""

from __future__ import annotations

import os

import torch

from aae.training import pick_device

TRAINING_SLOTS = 2
"""Training runs at a time; further visitors wait in the queue, which shows them their place."""
SESSIONS = 100
"""Visitors whose state is kept at a time; the one that was quiet longest is forgotten first."""


def leave_room_for_the_page() -> None:
    """Let torch use half of the cores, at most four: its threads wait for each other by spinning.

    Measured on two cores with a busy process beside it, a step of preset `reference` takes 57 ms with two threads and 21.5 ms
    with one (checkpoints/recipes.md).
    """
    torch.set_num_threads(max(1, min(4, (os.cpu_count() or 1) // 2)))


def training_device() -> torch.device:
    """The device that a visitor's run uses."""
    if os.environ.get("SPACES_ZERO_GPU"):
        # A ZeroGPU web process says that it has CUDA, and has none outside specially decorated functions.
        return torch.device("cpu")
    return pick_device()
