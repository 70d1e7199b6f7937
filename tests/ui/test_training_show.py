"""What a run shows: frames that hold the model's own output, curves in bounded memory, words."""

from __future__ import annotations

import base64
import json
import time

import numpy as np
import pytest
import torch

from aae.config import ModelConfig, TrainConfig
from aae.figures import CURVES
from aae.training import Trainer, train
from aae.ui.training_show import MOST_ROWS, Show, Story, clock
from tests.runs import SMALL, settings


def unpacked(text: str, kind: str) -> np.ndarray:
    return np.frombuffer(base64.b64decode(text), kind)


@pytest.fixture
def show(take, held_out) -> Show:
    return Show(Trainer(take(70), SMALL, settings(epochs=2)), held_out, Story())


def test_frames_hold_what_the_model_gives(show):
    show.opening()
    views = list(show.training(train(show.trainer)))
    film = views[-1].film
    look = show.probe.look(show.trainer.model)
    assert np.array_equal(unpacked(film["points"], "<f4").reshape(-1, 2), look.codes[:, :2])
    assert np.array_equal(unpacked(film["samples"], "u1").reshape(64, 32, 32), look.samples)
    assert np.array_equal(unpacked(film["reconstructions"], "u1").reshape(8, 32, 32), look.reconstructions)
    assert np.array_equal(unpacked(film["originals"], "u1").reshape(8, 32, 32), show.probe.originals)
    assert (film["step"], film["epoch"], film["epochs"]) == (10, 2, 2)
    rows = unpacked(film["rows"], "<f4").reshape(-1, 1 + len(CURVES))
    assert rows[:, 0].tolist() == pytest.approx([1, 2])
    assert np.isfinite(rows).all()
    assert rows[-1, -1] == pytest.approx(look.distance)


def test_a_frame_stays_small(show):
    assert len(json.dumps(show.opening().film)) < 150_000


def test_one_epoch_ends_with_it(show):
    list(show.training(train(show.trainer), only_epoch=True))
    assert show.trainer.epoch == 1
    list(show.training(train(show.trainer), only_epoch=True))
    assert show.trainer.epoch == 2


def test_the_opening_has_axes_for_the_whole_run_and_says_where(show):
    view = show.opening()
    assert json.loads(view.curves["figure"])["layout"]["xaxis"]["range"] == [0, 2]
    points = [len(trace["x"]["bdata"]) for trace in json.loads(view.plane["figure"])["data"]]
    assert sum(points) > 0
    assert "cpu" in view.status["text"]


def test_status_names_epoch_time_speed_and_device(show):
    text = next(show.training(train(show.trainer))).status["text"]
    for part in ("Epoch", "left", "reconstruction L1", "% right", "images/s on cpu"):
        assert part in text


@pytest.mark.parametrize(("objective", "posterior"), [("ae", "deterministic"), ("vae", "gaussian")])
def test_a_run_without_a_discriminator_says_nothing_of_one(objective, posterior, take, held_out):
    config = TrainConfig(dataset="digits-sample", batch_size=16, epochs=1, objective=objective)
    show = Show(Trainer(take(70), ModelConfig(hidden_dim=16, posterior=posterior), config), held_out, Story())
    show.opening()
    (view,) = show.training(train(show.trainer))
    assert "discriminator" not in view.status["text"]
    row = unpacked(view.film["rows"], "<f4")
    assert np.isnan(row[[3, 4]]).all()
    assert np.isfinite(row[[0, 1, 5]]).all()


def test_a_long_story_stays_bounded_evenly_spaced_and_keeps_the_latest():
    story = Story()
    for step in range(10 * MOST_ROWS):
        story.add(step, {"epoch": float(step)})
        assert len(story.rows) <= MOST_ROWS
        assert story.rows[-1]["epoch"] == step
    gaps = np.diff([row["epoch"] for row in story.rows])
    assert len(story.rows) > MOST_ROWS / 3
    assert len(set(gaps[:-1])) == 1
    assert 0 < gaps[-1] <= gaps[0]


def test_showing_leaves_the_run_as_it_would_have_been(take, held_out):
    plain, shown = (Trainer(take(70), SMALL, settings(epochs=2)) for _ in range(2))
    while plain.step_count < plain.total_steps:
        plain.step()
    show = Show(shown, held_out, Story())
    show.opening()
    list(show.training(train(show.trainer)))
    for name, tensor in plain.model.state_dict().items():
        assert torch.equal(tensor, shown.model.state_dict()[name])


@pytest.mark.parametrize(("seconds", "text"), [(0.2, "0 s"), (59, "59 s"), (61, "1 min 01 s"), (-1, "0 s")])
def test_times_are_readable(seconds, text):
    assert clock(seconds) == text


def test_frames_that_take_long_come_less_often_and_the_last_always(show, monkeypatch):
    look = show.probe.look

    def slow(model):
        time.sleep(0.05)
        return look(model)

    monkeypatch.setattr(show.probe, "look", slow)
    views = list(show.training(train(show.trainer, report_seconds=0)))
    assert len(views) == 10
    assert all(view.status for view in views)
    framed = [view.film["step"] for view in views if view.film]
    assert framed[0] == 1
    assert framed[-1] == 10
    assert len(framed) < 5
