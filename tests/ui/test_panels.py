from __future__ import annotations

import base64
import dataclasses
import json

import numpy as np
import pytest
import torch

from aae.data import load_images
from aae.errors import DataError
from aae.latent import held_out_indices
from aae.ui import panels
from aae.ui.panels import AXES, LDA, PCA, WORST, describe, digit_value


def test_decoding_on_the_server_is_the_models_own(shelf):
    shown = shelf.first()
    z = [0.1 * i for i in range(10)]
    grey = panels.decode_pixels(shown, z)
    with torch.no_grad():
        x = shown.checkpoint.model().decode(torch.tensor([z]))
    assert grey.dtype == np.uint8
    assert np.abs(grey - (x[0, 0].numpy() + 1) * 127.5).max() <= 0.5


@pytest.mark.parametrize("view", [PCA, LDA, WORST, AXES])
def test_plane_shows_codes_and_as_many_draws_in_one_orthonormal_view(shelf, view):
    value = panels.plane_value(shelf.first(), view, 2, 5)
    axes = np.array(value["axes"])
    assert np.allclose(axes @ axes.T, np.eye(2), atol=1e-6)
    traces = json.loads(value["figure"])["data"]
    counts = [len(base64.b64decode(trace["x"]["bdata"])) // 4 for trace in traces]
    assert sum(counts[:-1]) == counts[-1] == 5000


@pytest.mark.parametrize("view", [PCA, LDA, AXES])
def test_another_view_puts_every_point_where_its_whole_figure_would(shelf, view):
    changed, value = (make(shelf.first(), view, 2, 5) for make in (panels.view_value, panels.plane_value))
    figure = json.loads(value["figure"])
    drawn = [[np.frombuffer(base64.b64decode(trace[key]["bdata"]), "<f4") for key in "xy"] for trace in figure["data"]]
    points = np.frombuffer(base64.b64decode(changed["points"]), "<f4").reshape(-1, 2)
    np.testing.assert_allclose(points, np.concatenate([np.stack(trace, axis=1) for trace in drawn]), atol=1e-5)
    for axis, text in changed["titles"].items():
        assert figure["layout"][axis]["title"]["text"] == text
    assert changed["axes"] == value["axes"]
    assert changed["codes"] == value["codes"]


def test_encoding_a_random_image_gives_its_original_and_its_code(shelf):
    value, z = panels.encode_random(shelf.first())
    assert len(base64.b64decode(value["original"])) == 1024
    assert len(z) == 10
    assert all(-3.5 <= v <= 3.5 for v in z)
    assert "L1" in value["note"]


def test_without_images_a_stored_code_stands_in(shelf, monkeypatch):
    monkeypatch.setattr(panels, "originals", lambda dataset: None)
    value, z = panels.encode_random(shelf.first())
    assert value["original"] is None
    assert "not on this machine" in value["note"]
    assert np.abs(shelf.first().codes.round(2) - np.array(z)).max(1).min() < 0.02


def test_offline_digits_stand_in_for_digit_sets_only(monkeypatch):
    def missing(dataset, split="train", data_dir=None, download=True):
        if dataset != "digits-sample":
            raise DataError("not here")
        return load(dataset, split)

    load = panels.load_images
    monkeypatch.setattr(panels, "load_images", missing)
    assert panels.originals("mnist").dataset == "digits-sample"
    assert panels.originals("fashion-mnist") is None


def test_slider_values_stay_within_the_sliders():
    assert panels.slider_values(np.array([-9.0, 0.123, 9.0])) == [-3.5, 0.12, 3.5]


def test_image_behind_a_code_is_the_one_it_was_encoded_from(sample_images):
    place = 7
    packed = panels.held_out_image(["digits-sample", place])
    where = held_out_indices(len(sample_images))[place]
    assert base64.b64decode(packed) == sample_images.images[where].numpy().tobytes()


@pytest.mark.parametrize(
    "request_",
    [None, [], ["digits-sample"], ["digits-sample", 500], ["digits-sample", -1], ["../etc", 1], ["digits-sample", "1"], {}],
)
def test_request_for_an_image_that_is_not_there_gets_none(request_):
    assert panels.held_out_image(request_) is None


def test_images_behind_several_codes_come_in_order_and_those_that_are_missing_are_none(sample_images):
    several = panels.held_out_images(["digits-sample", [3, 500, 7]])
    assert several == [panels.held_out_image(["digits-sample", 3]), None, panels.held_out_image(["digits-sample", 7])]


@pytest.mark.parametrize("request_", [None, [], ["digits-sample"], ["digits-sample", 3], ["digits-sample", [0] * 11], [1, [0]]])
def test_request_for_images_that_is_none_gets_none(request_):
    assert panels.held_out_images(request_) is None


def test_plane_says_whether_the_images_behind_its_codes_are_at_hand(shelf, monkeypatch, sample_images):
    monkeypatch.setattr(panels, "held_out", lambda dataset: None)
    assert panels.plane_value(shelf.first(), PCA, 0, 1)["originals"] is False
    monkeypatch.setattr(panels, "held_out", lambda dataset: sample_images)  # other images than it has codes of
    assert panels.plane_value(shelf.first(), PCA, 0, 1)["originals"] is False


@pytest.fixture(scope="module")
def sample_images():
    return load_images("digits-sample", "test")


@pytest.mark.parametrize(("objective", "kind"), [("ae", "Autoencoder"), ("vae", "Variational autoencoder")])
def test_a_model_without_a_discriminator_says_what_it_is_and_gives_the_browser_none(shelf, checkpoint, objective, kind):
    config = dataclasses.replace(checkpoint.train_config, objective=objective)
    shown = shelf.own(dataclasses.replace(checkpoint, train_config=config))
    assert describe(shown).startswith(f"{kind}, for comparison: it has no discriminator.")
    assert digit_value(shown, [])["discriminator"] is None
    assert digit_value(shelf.first(), [])["discriminator"]
