"""What a visitor sees of a training run: codes on the move, the same draws sharpening, curves, and where the run stands."""

from __future__ import annotations

import dataclasses
import secrets
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from aae.config import Objective
from aae.data import ImageData
from aae.devices import describe
from aae.figures import curve_rows, curves_figure, latent_figure
from aae.latent import axis_projection
from aae.probes import Look, Probe
from aae.training import EpochEnd, Event, Losses, Progress, Trainer
from aae.ui.packing import figure_value, packed, packed_points

MOST_ROWS = 400
"""Rows of the curves that are kept and drawn; beyond, every second one goes."""

FRAME_SHARE = 0.08
"""Share of a run's time that frames may take: where one takes longer, they come less often."""
FRAME_SECONDS = 0.25
"""Longest time that a frame is put off, whatever the one before took."""
TOLD_SECONDS = 0.35
"""Longest time between two events of a run: enough for two frames a second where three runs share a core."""


@dataclass(frozen=True)
class View:
    """What the tab shows, as plain text and numbers; None leaves a part as it is."""

    status: dict[str, Any] | None = None
    plane: dict[str, Any] | None = None
    curves: dict[str, Any] | None = None
    film: dict[str, Any] | None = None
    step: dict[str, Any] | None = None
    left: float | None = None
    """Seconds that the run expects to need; for those who wait in line, not for the page."""

    @property
    def parts(self) -> tuple[dict[str, Any] | None, ...]:
        return self.status, self.plane, self.curves, self.film, self.step


def said(text: str, state: str = "running", share: float | None = None) -> dict[str, Any]:
    """The value of the status box."""
    return {"text": text, "state": state, "share": share}


class Story:
    """The curves of one run, through all its pauses, in bounded memory."""

    def __init__(self) -> None:
        self.run = secrets.token_hex(8)
        """What the page knows the run by."""
        self.step = 0
        """Where the run stood when it was last seen."""
        self.rows: list[dict[str, float]] = []
        self._seen, self._every = 0, 1

    def add(self, step: int, row: dict[str, float]) -> None:
        """Keep a row, the latest always; evenly spaced ones go where there are too many."""
        self.step = step
        if self._seen % self._every:
            self.rows[-1] = row
        else:
            self.rows.append(row)
        self._seen += 1
        if len(self.rows) > MOST_ROWS:
            self.rows, self._every = [*self.rows[1:-1:2], self.rows[-1]], 2 * self._every


class Show:
    """The views of one run on its held-out images; `story` is what was seen of it before."""

    def __init__(self, trainer: Trainer, held_out: ImageData, story: Story, notice: str = "") -> None:
        self.trainer, self.story, self.notice = trainer, story, notice
        self.class_names = held_out.class_names
        latent_dim = trainer.model.config.latent_dim
        self.probe = Probe(held_out, latent_dim, trainer.device)
        self.projection = axis_projection(latent_dim)
        self.device = describe(trainer.device)

    def opening(self) -> View:
        """The model as it stands, with axes that stay where they are until the run ends."""
        look = self.probe.look(self.trainer.model)
        revision = f"{self.story.run} {self.trainer.config.epochs}"
        points, draws = self.projection(look.codes), self.projection(self.probe.prior.numpy())
        labels = self.projection.labels
        plane = latent_figure(points, self.probe.labels, self.class_names, draws, labels, revision=self.story.run)
        curves = curves_figure(
            self.story.rows,
            self.trainer.config.epochs,
            self.probe.floor,
            objective=self.trainer.config.objective,
            revision=revision,
        )
        status = said(f"{self.notice} Starting on {self.device} …".strip(), share=self.share)
        return View(status, figure_value(plane), figure_value(curves), self.film(look))

    def training(self, events: Iterable[Event], only_epoch: bool = False) -> Iterator[View]:
        """Follow the trainer's events to their end, or to that of an epoch, and show it at each of them."""
        due = 0.0
        for event in events:
            if isinstance(event, EpochEnd):
                if only_epoch:
                    return
                continue
            started = time.perf_counter()
            ends_epoch = event.step % self.trainer.steps_per_epoch == 0
            if started < due and not (ends_epoch and (only_epoch or event.step == event.total_steps)):
                yield View(status=self.progress(event))
                continue
            look = self.probe.look(self.trainer.model)
            self.note(event.losses, look)
            view = View(status=self.progress(event), film=self.film(look))
            due = started + min((time.perf_counter() - started) / FRAME_SHARE, FRAME_SECONDS)
            yield view

    def note(self, losses: Losses, look: Look) -> None:
        """Add to the curves."""
        row = {"epoch": self.trainer.epoch, **dataclasses.asdict(losses), "distance": look.distance}
        if self.trainer.config.objective != "aae":  # no discriminator takes part
            del row["discriminator"], row["discriminator_accuracy"]
        if self.trainer.config.objective == "ae":
            del row["adversarial"]
        self.story.add(self.trainer.step_count, row)

    @property
    def share(self) -> float:
        return self.trainer.step_count / self.trainer.total_steps

    def film(self, look: Look) -> dict[str, Any]:
        """One frame, packed: where the points stand, the decoded draws and the reconstructions, and the curves so far."""
        return {
            "run": self.story.run,
            "step": self.trainer.step_count,
            "epoch": self.trainer.epoch,
            "epochs": self.trainer.config.epochs,
            "points": packed_points(self.projection(look.codes)),
            "samples": packed(look.samples),
            "originals": packed(self.probe.originals),
            "reconstructions": packed(look.reconstructions),
            "rows": packed(curve_rows(self.story.rows)),
        }

    def progress(self, event: Progress) -> dict[str, Any]:
        parts = [
            f"Epoch {event.epoch:.1f} of {event.epochs}",
            f"{clock(event.eta_seconds)} left",
            *loss_texts(event.losses, self.trainer.config.objective),
            f"{event.images_per_second:,.0f} images/s on {self.device}",
        ]
        return said(f"{self.notice} {' · '.join(parts)}".strip(), "running", self.share)


def loss_texts(losses: Losses, objective: Objective) -> list[str]:
    """What a run's losses are, in words; other objectives than the adversarial one have no discriminator."""
    texts = [f"reconstruction L1 {losses.reconstruction:.4f}"]
    if objective == "aae":
        texts.append(f"discriminator {losses.discriminator_accuracy:.0%} right")
    if objective == "vae":
        texts.append(f"KL {losses.adversarial:.1f} nats")
    return texts


def clock(seconds: float) -> str:
    minutes, rest = divmod(max(round(seconds), 0), 60)
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"


def joined(sentences: Sequence[str]) -> str:
    """Sentences after each other, without those that are empty."""
    return " ".join(filter(None, sentences))
