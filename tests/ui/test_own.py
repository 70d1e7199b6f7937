"""A visitor's zip becomes a data set for that visitor alone."""

from __future__ import annotations

import base64
import gc

import pytest

from aae.data import TITLES
from aae.errors import DataError
from aae.own_data import ZipLimits
from aae.ui import diagnosis, own, pictures
from aae.ui import training_run as tab
from aae.ui.own import dataset_choices, images_of, sheet, take_zip
from aae.ui.session import Visitor
from tests.ui.tab import finish
from tests.zips import digits, zipped


@pytest.fixture(scope="module")
def content(take) -> bytes:
    return zipped(digits(take(60)))


def test_zip_is_a_choice_for_its_owner_alone(content):
    owner, stranger = Visitor(), Visitor()
    named = [(title, name) for name, title in TITLES.items()]
    assert dataset_choices() == dataset_choices(owner) == named
    take_zip(owner, content, ZipLimits())
    assert dataset_choices(owner) == [*named, ("Your images (60)", "own")]
    assert dataset_choices(stranger) == named
    with pytest.raises(DataError, match="Upload a zip"):
        images_of(stranger, "own")
    train, held_out = images_of(owner, "own")
    assert len(train) + len(held_out) == 60
    assert [len(part) for part in images_of(owner, "digits-sample")] == [4500, 500]


@pytest.mark.parametrize("bad", [None, "a path", b"", b"PK\x03\x04"])
def test_bad_zip_leaves_the_images_as_they_were(bad, content):
    visitor = Visitor()
    images = take_zip(visitor, content, ZipLimits())
    with pytest.raises(DataError):
        take_zip(visitor, bad, ZipLimits())
    assert visitor.images is images


def test_memory_of_all_visitors_zips_is_bounded_and_free_again_when_a_page_closes(content, monkeypatch):
    monkeypatch.setattr(own, "MOST_BYTES", own_bytes() + 130 * 1024)
    first, second, third = (Visitor() for _ in range(3))
    for visitor in (first, second, second):  # a second zip of one's own takes the place of the first
        take_zip(visitor, content, ZipLimits())
    with pytest.raises(DataError, match="try again later"):
        take_zip(third, content, ZipLimits())
    first.leave()
    take_zip(third, content, ZipLimits())


def own_bytes() -> int:
    gc.collect()
    return sum(images.nbytes for images in own._held.values())


def test_limits_follow_those_of_uploads_and_are_told():
    assert ZipLimits.for_uploads(32) == ZipLimits()
    assert ZipLimits.for_uploads(64).images == 40_000
    assert ZipLimits.for_uploads(512).images == 100_000
    assert "at most 64 MB and 40,000 images" in own.about(ZipLimits.for_uploads(64))


def test_sheet_shows_images_of_every_class(content, take):
    images = take_zip(Visitor(), content, ZipLimits())
    value = sheet(images)
    shown = base64.b64decode(value["images"])
    assert len(shown) == 24 * 1024
    given = {image.numpy().tobytes(): int(label) for image, label in zip(take(60).images, take(60).labels, strict=True)}
    assert {given[shown[i : i + 1024]] for i in range(0, len(shown), 1024)} == set(range(10))


def test_run_on_own_images_ends_with_a_model_that_finds_them(shelf, content):
    visitor = Visitor()
    take_zip(visitor, content, ZipLimits())
    settings = {"dataset": "own", "preset_name": "reference", "epochs": 1, "latent_dim": 2, "seed": 0}
    views = finish(tab.run(visitor, shelf, **settings))
    assert views[-1].status["state"] == "done", views[-1].status["text"]
    record = visitor.own.checkpoint.record
    assert (record.dataset, record.class_names) == ("own", list("0123456789"))
    assert visitor.own.held_out is visitor.images.held_out
    assert "of test images of your own" in diagnosis.sampled_codes(visitor.own)[1]
    assert "not kept with a model" in pictures.not_at_hand(visitor.own.dataset)["note"]
    assert pictures.at_hand(visitor.own.dataset) is None
    visitor.close()
    refused = list(tab.run(Visitor(), shelf, **settings))
    assert refused[-1].status == {
        "text": "Upload a zip of your images first, or choose another data set.",
        "state": "error",
        "share": None,
    }
