"""Small runs as the Train tab begins them."""

from __future__ import annotations

from aae.ui import training_run
from aae.ui.training_show import View

SMALL = {"hidden_dim": 16, "batch_size": 512}


def finish(views) -> list:
    """Follow a run to its end; all that it showed (a view of nothing is a process that takes its time)."""
    return [view for view in views if view != View()]


def advance(views, until: str) -> None:
    """Follow a run until its status says `until`."""
    while until not in (next(views).status or {}).get("text", ""):
        pass


def run(visitor, shelf, **changes):
    settings = {"dataset": "digits-sample", "preset_name": "reference", "epochs": 1, "latent_dim": 2, "seed": 0}
    return training_run.run(visitor, shelf, **{**settings, "advanced": SMALL, **changes})
