from __future__ import annotations

import dataclasses
import subprocess

import gradio as gr
import numpy as np
import pytest

from aae.checkpoints import save_checkpoint
from aae.config import ModelConfig
from aae.evaluate import main
from aae.evaluation import Evaluation, store
from aae.measures import MEASURES, Measure, Stage
from aae.reconstruction import reconstruction_l1
from aae.training import Trainer
from aae.ui import diagnose as tab
from aae.ui.demo import build_demo
from aae.ui.diagnosis import codes_parts, identity, measured_parts, share, table_value
from aae.ui.measuring import measured
from aae.ui.pictures import at_hand, not_at_hand
from aae.ui.session import YOUR_MODEL, Shelf, Visitor
from tests.runs import settings


@pytest.fixture(scope="module")
def small(tmp_path_factory, train_data):
    """A shelf with one small model, trained for one step on the offline sample."""
    folder = tmp_path_factory.mktemp("small")
    trainer = Trainer(train_data, ModelConfig(latent_dim=3, hidden_dim=32), settings())
    trainer.step()
    save_checkpoint(folder / "small.safetensors", trainer.checkpoint())
    return Shelf(folder)


@pytest.fixture(scope="module")
def steps(small):
    """What measuring it tells; as long as the real command takes."""
    return list(measured(small.first(), small.checkpoints / "small.safetensors"))


def test_the_numbers_are_those_of_the_command_for_the_same_model_and_data(small, steps, held_out, capsys):
    path, evaluation = small.checkpoints / "small.safetensors", steps[-1]
    assert isinstance(evaluation, Evaluation)
    l1 = evaluation.quality.measures["l1_of_means"].value
    assert l1 == pytest.approx(reconstruction_l1(small.first().model, held_out), rel=1e-5)
    store(path, evaluation)
    assert main([str(path), "--stored"]) == 0
    printed = capsys.readouterr().out
    lines = [line.split("|") for line in printed.splitlines() if line.startswith("|")]
    rows = {line[1].strip(): [cell.strip() or "–" for cell in line[2:5]] for line in lines}
    shown = [row for group in table_value(evaluation)["groups"] for row in group["rows"]]
    assert [row["name"] for row in shown] == [about.title for about in MEASURES.values()]
    for row in shown:
        assert rows[row["name"]] == row["values"]
        assert row["about"].endswith(".")
    assert "500 test images of Offline sample" in measured_parts(evaluation)["about_table"]


def test_measuring_tells_where_it_stands_and_goes_forward(steps):
    stages = steps[:-1]
    assert all(isinstance(stage, Stage) for stage in stages)
    assert len({stage.share for stage in stages}) >= 5
    assert [stage.share for stage in stages] == sorted(stage.share for stage in stages)


def test_closing_ends_the_process_and_leaves_no_file(small, monkeypatch, tmp_path):
    started = []
    popen = subprocess.Popen

    def noted(*arguments, **options):
        started.append(popen(*arguments, **options))
        return started[-1]

    monkeypatch.setattr("aae.ui.measuring.subprocess.Popen", noted)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    work = tab.measuring(dataclasses.replace(small.first(), key=YOUR_MODEL), small)
    views = [next(work), next(work)]
    assert [view.status["state"] for view in views] == ["running", "running"]
    assert any(tmp_path.rglob("*.safetensors"))
    work.close()
    assert started[0].poll() is not None
    assert not list(tmp_path.iterdir())


def test_a_failed_command_is_told_in_its_own_words(small, tmp_path):
    gone = Shelf(tmp_path)
    *_, last = tab.measuring(small.first(), gone)
    assert last.status == tab.said(f"There is no checkpoint at {tmp_path / 'small.safetensors'}.", "error")


def test_a_stored_evaluation_gives_verdict_and_table_at_once(small, steps):
    view = tab.at_once(small.first(), steps[-1])
    assert view.verdict.startswith("### q(z) is ")
    assert "500 codes z ~ q(z|x)" in view.verdict
    assert view.table["groups"]
    assert all(getattr(view, part)["figure"] for part in ("marginals", "quantiles", "correlation"))
    assert view.status["state"] == "running"  # pictures follow


def test_a_model_without_codes_whose_images_are_here_gets_its_figures_from_them(small):
    parts = codes_parts(small.first())
    assert "500 codes z ~ q(z|x) of test images of Offline sample" in parts["about_codes"]
    assert "z[2]: mean" in parts["marginals"]["description"]


def test_a_model_without_codes_and_images_says_what_to_do(small):
    shown = small.first()
    foreign = dataclasses.replace(shown.checkpoint.record, dataset="somebody's own")
    shown = dataclasses.replace(shown, checkpoint=dataclasses.replace(shown.checkpoint, record=foreign))
    view = tab.at_once(shown, None)
    assert "press Measure" in view.verdict
    assert view.marginals == {"figure": None}
    (said,) = tab.pictures(shown)
    assert said.rebuilt == not_at_hand("somebody's own")
    assert "is not on this machine" in said.status["text"]


def test_pictures_show_progress_then_reconstructions_then_nearest_images(small):
    views = list(tab.pictures(small.first()))
    rebuilt = [view.rebuilt for view in views if view.rebuilt]
    assert [group["title"] for group in rebuilt[0]["groups"]] == ["Rebuilt best", "In the middle", "Rebuilt worst"]
    assert [view.nearest is None for view in views] == [True] * (len(views) - 1) + [False]
    assert len(views[-1].nearest["groups"][0]["tiles"]) == 12
    assert views[-1].status["state"] == "idle"


def test_the_offline_digits_stand_in_for_digits_only_and_say_so(monkeypatch, tmp_path):
    monkeypatch.setenv("AAE_DATA_DIR", str(tmp_path))
    assert "stands in" in at_hand("mnist").note
    assert len(at_hand("mnist").test) == 500
    assert at_hand("fashion-mnist") is None
    assert at_hand("no such data set") is None


@pytest.mark.parametrize(
    ("value", "floor", "ceiling", "expected"),
    [
        (0.3, 0.1, 0.5, 0.5),
        (0.05, 0.1, 0.5, 0.0),
        (0.9, 0.1, 0.5, 1.0),
        (3, 4, 2, 0.5),
        (0.3, None, 0.5, None),
        (0.3, 0.5, 0.5, None),
    ],
)
def test_a_value_lies_between_floor_and_ceiling(value, floor, ceiling, expected):
    found = share(Measure(value, floor=floor, ceiling=ceiling))
    assert found == (None if expected is None else pytest.approx(expected))


def test_a_value_as_far_on_the_other_side_of_its_floor_is_no_nearer_to_it():
    flat = Measure(-0.4, floor=0.0, ceiling=0.5)
    assert share(flat, "floor") == pytest.approx(0.8)
    assert share(flat, "low") == 0.0


@pytest.fixture
def handlers(small) -> dict:
    """What the tab's events call, by name."""
    demo = build_demo(small.checkpoints)
    functions = [block.fn for block in demo.fns.values() if block.fn is not None]
    return {function.__name__: function for function in functions if getattr(function, "__module__", "") == tab.__name__}


def test_making_pictures_does_not_cover_what_measuring_says(handlers, small):
    key, visitor, now = small.first().key, Visitor(small.kept), {}
    handlers["pick"](key, now, {}, visitor)
    assert handlers["wait"](now) == tab.said(tab.WAITING, "running")
    for updates in handlers["picture"](key, now, visitor):
        assert updates[0] == gr.skip()
    handlers["stopped"](now)
    (again,) = handlers["picture"](key, now, visitor)
    assert again[0] == tab.said(tab.READY)


def test_a_measurement_that_ends_after_the_tab_has_turned_to_another_model_is_kept_and_not_shown(
    handlers, small, steps, monkeypatch
):
    monkeypatch.setattr(tab, "measured", lambda shown, file: (step for step in steps[-1:]))
    key, visitor, now = small.first().key, Visitor(small.kept), {}
    handlers["pick"](key, now, {}, visitor)
    *_, here = handlers["measure_it"](key, now, {}, visitor)
    now["drawn"] = "another"
    *_, elsewhere = handlers["measure_it"](key, now, {}, visitor)
    assert here[0] == elsewhere[0] == {identity(small.first()): steps[-1].to_json()}
    assert here[1]["text"] == "Measured just now."
    assert "choose it above" in elsewhere[1]["text"]
    assert elsewhere[2:] == [gr.skip()] * (len(elsewhere) - 2)
    assert now["measuring"] is False


def test_a_view_over_another_keeps_what_it_does_not_show():
    earlier = tab.View(verdict="close", table={"groups": []})
    later = tab.View(verdict="far").over(earlier)
    assert (later.verdict, later.table, later.rebuilt) == ("far", {"groups": []}, None)
    assert np.sum([update == {"__type__": "update"} for update in later.updates()]) == 9
