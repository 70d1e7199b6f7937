from __future__ import annotations

import dataclasses
import gc
import shutil
from pathlib import Path

import pytest
import torch

from aae.errors import AAEError
from aae.ui import panels
from aae.ui.session import YOUR_MODEL, Shelf, Visitor, as_code

CHECKPOINTS = Path(__file__).parents[2] / "checkpoints"


def test_page_opens_on_mnist_in_ten_dimensions(shelf):
    assert shelf.first().key == "mnist-10d"
    assert shelf.first().codes.shape == (5000, 10)
    assert not shelf.notices


def test_broken_checkpoint_is_named_and_the_others_work(tmp_path):
    shutil.copy(CHECKPOINTS / "mnist-10d.safetensors", tmp_path)
    (tmp_path / "broken.safetensors").write_bytes(b"not a checkpoint")
    shelf = Shelf(tmp_path)
    assert list(shelf.shipped) == ["mnist-10d"]
    assert len(shelf.notices) == 1
    assert "broken.safetensors" in shelf.notices[0]


def test_empty_folder_has_no_model(tmp_path):
    shelf = Shelf(tmp_path)
    assert shelf.first() is None
    with pytest.raises(AAEError, match="train one"):
        shelf.pick("mnist-10d")


def test_visitors_model_is_that_visitors_only(shelf, checkpoint):
    one, other = Visitor(shelf.kept), Visitor(shelf.kept)
    one.keep(shelf.own(checkpoint))
    assert shelf.pick(YOUR_MODEL, one) is one.own
    assert ("Your model", YOUR_MODEL) in shelf.choices(one)
    assert ("Your model", YOUR_MODEL) not in shelf.choices(other)
    for stranger in (other, None):
        with pytest.raises(AAEError):
            shelf.pick(YOUR_MODEL, stranger)


def test_two_visitors_decoders_have_names_of_their_own_even_for_equal_weights(shelf, checkpoint):
    first, second = shelf.own(checkpoint), shelf.own(checkpoint)
    assert first.weights != second.weights
    first.weights.unlink()
    second.weights.unlink()


def test_decoder_file_goes_with_the_visitor_or_a_newer_model(shelf, checkpoint):
    visitor = Visitor()
    visitor.keep(shelf.own(checkpoint))
    before = visitor.own.weights
    visitor.keep(shelf.own(checkpoint))
    assert not before.exists()
    after = visitor.own.weights
    visitor.close()
    assert not after.exists()


def test_held_out_images_of_a_zip_are_found_by_that_visitors_model_alone_and_go_with_it(shelf, checkpoint, held_out):
    visitor = Visitor()
    images = dataclasses.replace(held_out, dataset="own")
    visitor.keep(shelf.own(checkpoint, images))
    name = visitor.own.dataset
    assert panels.held_out(name) is panels.originals(name) is images
    assert panels.held_out("own") is None
    assert panels.originals("own:") is None
    assert "image of yours" in panels.encode_random(visitor.own)[0]["note"]
    visitor.close()
    del images
    gc.collect()
    assert panels.held_out(name) is None


@pytest.mark.parametrize(
    "values",
    [
        None,
        "abc",
        3,
        [],
        [0.0] * 9,
        [0.0] * 11,
        ["1"] * 10,
        [float("nan")] * 10,
        [float("inf")] * 10,
        [True] * 10,
        [1e400] * 10,
    ],
)
def test_what_is_no_code_is_refused_with_a_sentence(values):
    with pytest.raises(AAEError, match="z must"):
        as_code(values, 10)


def test_code_becomes_one_row():
    assert torch.equal(as_code([1, 2.5], 2), torch.tensor([[1, 2.5]]))
