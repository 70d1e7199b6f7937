"""Every source gives the same kind of images; a download that fails falls back on real digits and says so."""

from __future__ import annotations

import bz2
import struct
import threading
import time
import urllib.error
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.transforms import Compose, InterpolationMode, Normalize, Resize, ToTensor
from torchvision.transforms.functional import pil_to_tensor

from aae import data
from aae.data import SOURCES, class_names, class_title, default_data_dir, load_images, mean_image, to_model_range
from aae.errors import DataError

COUNT = 6


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    """Downloads fail at once, as without a network."""

    def refuse(*args, **kwargs):
        raise urllib.error.URLError("no network in tests")

    monkeypatch.setattr("urllib.request.urlopen", refuse)


@pytest.fixture(scope="module")
def small_digits(take):
    """Real digits as a 28x28 source has them, uint8 `(COUNT, 28, 28)`."""
    return np.stack([np.asarray(Image.fromarray(image).resize((28, 28))) for image in take(COUNT).images[:, 0].numpy()])


def write_idx(path: Path, values: np.ndarray) -> None:
    """The file format of MNIST and its relatives: type, number of dimensions, sizes, big-endian values."""
    kind = {1: 8, 4: 12}[values.itemsize]
    path.parent.mkdir(parents=True, exist_ok=True)
    header = struct.pack(f">BBBB{values.ndim}I", 0, 0, kind, values.ndim, *values.shape)
    path.write_bytes(header + values.astype(values.dtype.newbyteorder(">")).tobytes())


def place(root: Path, name: str, images: np.ndarray, labels: np.ndarray) -> None:
    """Write both splits of a small data set as torchvision expects it; `labels` count from 0, whatever the source does."""
    folder = {"mnist": "MNIST", "fashion-mnist": "FashionMNIST", "kmnist": "KMNIST", "qmnist": "QMNIST"}.get(name, "EMNIST")
    raw = root / folder / "raw"
    for split in ("train", "test"):
        if name == "usps":
            rows = [
                " ".join([str(label + 1), *(f"{i}:{value / 127.5 - 1:.6f}" for i, value in enumerate(image.flat, 1))])
                for image, label in zip(images, labels, strict=True)
            ]
            (root / {"train": "usps.bz2", "test": "usps.t.bz2"}[split]).write_bytes(bz2.compress("\n".join(rows).encode()))
        elif name == "qmnist":
            write_idx(raw / f"qmnist-{split}-images-idx3-ubyte", images)
            about = np.full((len(labels), 8), 77, np.int32)  # writer, form, ...
            about[:, 0] = labels
            write_idx(raw / f"qmnist-{split}-labels-idx2-int", about)
        elif name.startswith("emnist"):
            first = 1 if name == "emnist-letters" else 0
            write_idx(raw / f"{name}-{split}-images-idx3-ubyte", np.ascontiguousarray(images.transpose(0, 2, 1)))
            write_idx(raw / f"{name}-{split}-labels-idx1-ubyte", (labels + first).astype(np.uint8))
        else:
            prefix = {"train": "train", "test": "t10k"}[split]
            write_idx(raw / f"{prefix}-images-idx3-ubyte", images)
            write_idx(raw / f"{prefix}-labels-idx1-ubyte", labels.astype(np.uint8))


@pytest.mark.parametrize("split", ["train", "test"])
@pytest.mark.parametrize("name", SOURCES)
def test_each_source_reads_its_own_files_upright_with_labels_from_zero(name, split, small_digits, tmp_path):
    labels = np.array([0, 3, 9, 1, 25 if name == "emnist-letters" else 9, 0])
    images = small_digits[:, 6:22, 6:22] if name == "usps" else small_digits
    place(tmp_path, name, images, labels)
    found = load_images(name, split, tmp_path, download=False)
    assert (found.dataset, found.split, found.notice) == (name, split, "")
    assert found.images.dtype == torch.uint8
    assert found.images.shape == (COUNT, 1, 32, 32)
    assert found.labels.dtype == torch.int64
    assert found.labels.tolist() == labels.tolist()
    assert len(found.class_names) == (26 if name == "emnist-letters" else 10)
    upright = np.stack([np.asarray(Image.fromarray(image).resize((32, 32), Image.Resampling.BILINEAR)) for image in images])
    tolerance = 1 if name == "usps" else 0  # its files hold decimal numbers in [-1, 1]
    assert (found.images[:, 0].int() - torch.from_numpy(upright).int()).abs().max() <= tolerance


def test_the_sample_is_5000_digits_split_by_class_without_overlap(train_data, held_out):
    assert torch.bincount(train_data.labels).tolist() == [450] * 10
    assert torch.bincount(held_out.labels).tolist() == [50] * 10
    train, test = ({image.numpy().tobytes() for image in part.images} for part in (train_data, held_out))
    assert len(train) + len(test) == 5000
    assert not train & test
    assert train_data.notice == held_out.notice == ""


def test_images_use_the_whole_range_and_scale_to_minus_one_to_one(train_data):
    assert (train_data.images.min(), train_data.images.max()) == (0, 255)
    x = to_model_range(train_data.images)
    assert x.dtype == torch.float32
    assert (x.min(), x.max()) == (-1, 1)
    assert train_data.images.dtype == torch.uint8  # and the data stay as they are


def test_the_mean_image_is_the_mean_of_the_scaled_images(train_data):
    wanted = to_model_range(train_data.images).double().mean(0)
    torch.testing.assert_close(mean_image(train_data.images).double(), wanted, rtol=0, atol=1e-6)


def test_images_equal_the_published_pipeline_on_real_digits(small_digits, tmp_path):
    place(tmp_path, "mnist", small_digits, np.arange(COUNT))
    pipeline = Compose([Resize(32, InterpolationMode.BILINEAR, antialias=True), ToTensor(), Normalize([0.5], [0.5])])
    published = torch.stack([pipeline(Image.fromarray(image)) for image in small_digits])
    found = load_images("mnist", "train", tmp_path, download=False)
    resized = torch.stack([pil_to_tensor(Resize(32, antialias=True)(Image.fromarray(image))) for image in small_digits])
    assert torch.equal(found.images, resized)
    torch.testing.assert_close(to_model_range(found.images), published, rtol=0, atol=1e-6)


def test_labels_of_the_sample_belong_to_their_images(train_data, held_out):
    means = torch.stack([to_model_range(train_data.images[train_data.labels == digit]).mean(0) for digit in range(10)])
    nearest = torch.cdist(to_model_range(held_out.images).flatten(1), means.flatten(1)).argmin(1)
    assert (nearest == held_out.labels).float().mean() > 0.75


@pytest.mark.parametrize("name", SOURCES)
def test_without_download_missing_files_are_an_error_that_names_set_and_folder(name, tmp_path):
    with pytest.raises(DataError) as caught:
        load_images(name, "train", tmp_path, download=False)
    assert SOURCES[name].title in str(caught.value)
    assert str(tmp_path) in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize("name", ["mnist", "emnist-letters", "usps"])
def test_a_failed_download_gives_the_offline_sample_and_says_so(name, tmp_path, train_data):
    found = load_images(name, "train", tmp_path)
    assert found.dataset == "digits-sample"
    assert torch.equal(found.images, train_data.images)
    assert found.class_names == train_data.class_names
    assert found.notice.startswith(f"{SOURCES[name].title} could not be downloaded")
    assert "offline sample" in found.notice
    assert len(found.notice.splitlines()) == 1


@pytest.mark.parametrize(
    "error", [ConnectionResetError(104, "Connection reset by peer"), TimeoutError("timed out"), EOFError(), ValueError("?")]
)
def test_whatever_the_network_does_the_notice_speaks_of_the_download(error, tmp_path, monkeypatch):
    def fail(*args, **kwargs):
        raise error

    monkeypatch.setattr("urllib.request.urlopen", fail)
    assert "could not be downloaded" in load_images("mnist", "train", tmp_path).notice


def test_a_download_that_hangs_is_given_up(tmp_path, monkeypatch):
    release = threading.Event()
    monkeypatch.setattr("urllib.request.urlopen", lambda *args, **kwargs: release.wait(30))
    monkeypatch.setattr(data, "DOWNLOAD_PATIENCE_SECONDS", 0.02)
    try:
        assert "could not be downloaded" in load_images("mnist", "train", tmp_path).notice
    finally:
        release.set()


def test_a_slow_download_that_still_grows_is_waited_for(tmp_path, monkeypatch, small_digits):
    monkeypatch.setattr(data, "DOWNLOAD_PATIENCE_SECONDS", 0.3)
    at_once = data.Source.open

    def slowly(source, folder, split, download):
        if download:
            for size in range(1, 50):  # about a second in all, more than three times the patience
                (folder / "part").write_bytes(b"x" * size)
                time.sleep(0.02)
            place(folder, "mnist", small_digits, np.arange(COUNT))
        return at_once(source, folder, split, False)

    monkeypatch.setattr(data.Source, "open", slowly)
    found = load_images("mnist", "train", tmp_path)
    assert found.notice == ""
    assert (found.dataset, len(found)) == ("mnist", COUNT)


def test_a_folder_that_cannot_be_written_to_is_named(tmp_path):
    (tmp_path / "file").touch()
    folder = tmp_path / "file" / "data"
    notice = load_images("mnist", "train", folder).notice
    assert notice.startswith(f"MNIST cannot be stored in {folder} (Not a directory)")
    assert "offline sample" in notice


@pytest.mark.parametrize("damage", ["truncated", "empty"])
def test_damaged_files_are_an_error_and_not_a_crash(damage, small_digits, tmp_path):
    place(tmp_path, "mnist", small_digits, np.arange(COUNT))
    path = tmp_path / "MNIST/raw/train-images-idx3-ubyte"
    path.write_bytes(path.read_bytes()[: {"truncated": 1000, "empty": 0}[damage]])
    with pytest.raises(DataError):
        load_images("mnist", "train", tmp_path, download=False)


def test_files_with_fewer_labels_than_images_are_an_error(small_digits, tmp_path):
    place(tmp_path, "mnist", small_digits, np.arange(COUNT))
    write_idx(tmp_path / "MNIST/raw/train-labels-idx1-ubyte", np.zeros(COUNT - 1, np.uint8))
    with pytest.raises(DataError):
        load_images("mnist", "train", tmp_path, download=False)


def test_the_folder_is_the_one_named_by_the_environment(monkeypatch, small_digits, tmp_path):
    place(tmp_path, "kmnist", small_digits, np.arange(COUNT))
    monkeypatch.setenv("AAE_DATA_DIR", str(tmp_path))
    assert default_data_dir() == tmp_path
    assert len(load_images("kmnist", "test", download=False)) == COUNT


@pytest.mark.parametrize("value", [None, ""])
def test_without_one_it_is_the_users_cache_and_asking_creates_nothing(value, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("AAE_DATA_DIR", raising=False)
    if value is not None:
        monkeypatch.setenv("AAE_DATA_DIR", value)
    assert default_data_dir().name == "aae-playground"
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["imagenet", "MNIST", "", "../mnist"])
def test_an_unknown_data_set_is_an_error_that_names_the_known_ones(name):
    for call in (load_images, class_names):
        with pytest.raises(DataError, match=r"choose one of mnist, .*digits-sample"):
            call(name)


def test_every_data_set_has_as_many_class_names_as_classes():
    assert {name: len(class_names(name)) for name in (*SOURCES, "digits-sample")} == {
        "mnist": 10,
        "fashion-mnist": 10,
        "kmnist": 10,
        "emnist-digits": 10,
        "emnist-letters": 26,
        "qmnist": 10,
        "usps": 10,
        "digits-sample": 10,
    }


@pytest.mark.parametrize(
    ("folder", "title"),
    [
        ("猫 🐈", "猫 🐈"),
        ("👩‍🔬", "👩‍🔬"),
        ("<b>bold</b>", "<b>bold</b>"),
        ("a\nb\tc\x00d", "a b c d"),
        ("gpj.\u202eexe", "gpj. exe"),
        ("\ud800", ""),
        ("", ""),
        ("x" * 500, "x" * 59 + "…"),
    ],
)
def test_class_titles_are_one_line_of_text(folder, title):
    assert class_title(folder) == title
