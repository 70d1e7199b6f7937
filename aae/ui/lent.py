"""Images of the data sets that everybody may use, lent to the processes of runs as files to map: in memory once for all."""

from __future__ import annotations

import atexit
import contextlib
import shutil
import tempfile
import threading
import weakref
from functools import cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from aae.config import Dataset
from aae.data import OWN, ImageData, Split

_lock = threading.Lock()


class Lent(ImageData):
    """Images that cross to another process as the name of a file there."""

    def __reduce__(self) -> tuple[object, ...]:
        return borrowed, (lend(self.images), self.dataset, self.split, self.labels, self.class_names, self.notice)


def lent(data: ImageData) -> ImageData:
    """The same images; those of a visitor's own cross as they are, and are never written to disk."""
    if data.dataset == OWN:
        return data
    return Lent(data.dataset, data.split, data.images, data.labels, data.class_names, data.notice)


def lend(images: Tensor) -> Path:
    """The file that holds these images; it goes when they do."""
    with _lock:
        path = folder() / f"{id(images)}.npy"
        if not path.exists():
            np.save(path, images.numpy())
            weakref.finalize(images, take_back, path)
        return path


def take_back(path: Path) -> None:
    with contextlib.suppress(OSError):  # some systems keep a file that a process has mapped: it goes with the folder
        path.unlink()


def borrowed(
    path: Path, dataset: Dataset, split: Split, labels: Tensor, class_names: tuple[str, ...], notice: str
) -> ImageData:
    """Images from a file of `lend`, mapped."""
    images = torch.from_numpy(np.load(path, mmap_mode="c"))
    return ImageData(dataset, split, images, labels, class_names, notice)


@cache
def folder() -> Path:
    """A folder of this process, which goes with it."""
    made = Path(tempfile.mkdtemp(prefix="aae-images-")).resolve()
    atexit.register(shutil.rmtree, made, ignore_errors=True)
    return made
