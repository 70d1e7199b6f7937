"""Images of public data sets are one file for all processes; a visitor's own are never written."""

from __future__ import annotations

import dataclasses

import torch

from aae.data import OWN
from aae.ui import lent as tab
from aae.ui.crossing import arrived, crossing
from aae.ui.lent import folder, lent


def test_images_cross_as_a_file_that_goes_with_them(take):
    data = dataclasses.replace(take(70), notice="As told.")
    content = crossing(lent(data))
    assert len(content) < data.images.nbytes / 10
    (path,) = [path for path in folder().iterdir() if path.stem == str(id(data.images))]
    arriving, again = arrived(content), arrived(content)
    for name in ("dataset", "split", "class_names", "notice"):
        assert getattr(arriving, name) == getattr(data, name)
    assert torch.equal(arriving.images, data.images)
    assert torch.equal(arriving.labels, data.labels)
    arriving.images.zero_()
    assert torch.equal(again.images, data.images), "nobody writes to what the others have"
    del arriving, again
    images = data.images
    del data
    assert path.exists()
    del images
    assert not path.exists()


def test_a_visitors_own_images_are_not_written_to_disk(take, monkeypatch):
    monkeypatch.setattr(tab, "lend", None)
    data = dataclasses.replace(take(70), dataset=OWN)
    assert torch.equal(arrived(crossing(lent(data))).images, data.images)
