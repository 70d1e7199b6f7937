from __future__ import annotations

import base64
import io

import pytest
import torch
from PIL import Image

from aae.data import to_model_range
from aae.errors import AAEError
from aae.own_image import own_image
from aae.ui import own_digit


def drawing() -> bytes:
    image = Image.new("L", (140, 140))
    image.paste(255, (65, 20, 80, 120))
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def test_a_picture_gives_its_image_its_code_and_what_was_done(shelf):
    shown = shelf.first()
    value = own_digit.value_of(shown, drawing)
    x = to_model_range(own_image(drawing(), "mnist").image)
    with torch.no_grad():
        z = shown.checkpoint.model().encode(x, sample=False)[0]
    assert value["z"] == pytest.approx(z.tolist(), abs=1e-4)
    assert len(base64.b64decode(value["image"])) == 1024
    assert "20×20" in value["steps"]
    assert "reads 1" in value["steps"]
    assert value["weights"] == shown.weights.name


def test_a_picture_that_makes_no_sense_gives_its_sentence(shelf, tmp_path):
    assert "no picture" in own_digit.value_of(shelf.first(), lambda: b"seven")["problem"]
    assert "gone" in own_digit.value_of(shelf.first(), (tmp_path / "gone.png").read_bytes)["problem"]


def test_a_drawing_arrives_as_it_was_sent():
    url = "data:image/png;base64," + base64.b64encode(drawing()).decode()
    assert own_digit.from_data_url(url) == drawing()


@pytest.mark.parametrize("url", [None, 3, "", "data:image/png;base64,***", "file:///etc/passwd", f"data:image/png;base64,{20}"])
def test_anything_else_than_a_drawing_is_refused(url):
    with pytest.raises(AAEError, match="draw it again"):
        own_digit.from_data_url(url)


def test_data_sets_without_a_classifier_are_not_read(shelf):
    assert own_digit._classifier("usps") is None
