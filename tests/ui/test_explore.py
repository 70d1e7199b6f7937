from __future__ import annotations

import base64
import json

import gradio as gr
import numpy as np
import pytest
import torch

from aae.errors import AAEError, DataError
from aae.ui import explore
from aae.ui.explore import AXES, MAX_LATENT_DIM, PCA


def test_decoding_on_the_server_is_the_models_own(shelf):
    shown = shelf.first()
    z = [0.1 * i for i in range(10)]
    grey = explore.decode_pixels(shown, z)
    with torch.no_grad():
        x = shown.checkpoint.model().decode(torch.tensor([z]))
    assert grey.dtype == np.uint8
    assert np.abs(grey - (x[0, 0].numpy() + 1) * 127.5).max() <= 0.5


@pytest.mark.parametrize("view", [PCA, AXES])
def test_plane_shows_codes_and_as_many_draws_in_one_orthonormal_view(shelf, view):
    value = explore.plane_value(shelf.first(), view, 2, 5)
    axes = np.array(value["axes"])
    assert np.allclose(axes @ axes.T, np.eye(2), atol=1e-6)
    traces = json.loads(value["figure"])["data"]
    counts = [len(base64.b64decode(trace["x"]["bdata"])) // 4 for trace in traces]
    assert sum(counts[:-1]) == counts[-1] == 5000


def test_encoding_a_random_image_gives_its_original_and_its_code(shelf):
    value, z = explore.encode_random(shelf.first())
    assert len(base64.b64decode(value["original"])) == 1024
    assert len(z) == 10
    assert all(-3.5 <= v <= 3.5 for v in z)
    assert "L1" in value["note"]


def test_without_images_a_stored_code_stands_in(shelf, monkeypatch):
    monkeypatch.setattr(explore, "originals", lambda dataset: None)
    value, z = explore.encode_random(shelf.first())
    assert value["original"] is None
    assert "not on this machine" in value["note"]
    assert np.abs(shelf.first().codes.round(2) - np.array(z)).max(1).min() < 0.02


def test_offline_digits_stand_in_for_digit_sets_only(monkeypatch):
    def missing(dataset, split="train", data_dir=None, download=True):
        if dataset != "digits-sample":
            raise DataError("not here")
        return load(dataset, split)

    load = explore.load_images
    monkeypatch.setattr(explore, "load_images", missing)
    assert explore.originals("mnist").dataset == "digits-sample"
    assert explore.originals("fashion-mnist") is None


def test_slider_values_stay_within_the_sliders():
    assert explore.slider_values(np.array([-9.0, 0.123, 9.0])) == [-3.5, 0.12, 3.5]


def test_there_is_a_slider_for_every_dimension_a_model_may_have():
    from aae.config import ModelConfig

    high = ModelConfig.__dataclass_fields__["latent_dim"].metadata["limits"][1]
    assert high == MAX_LATENT_DIM


def test_an_error_of_the_users_reaches_the_page_as_its_sentence():
    with pytest.raises(gr.Error, match="Choose another"), explore.told():
        raise AAEError("Choose another.")
    with pytest.raises(ZeroDivisionError), explore.told():
        _ = 1 / 0
