"""A zip of one's own images becomes training data; whatever is wrong with it is told in one sentence."""

from __future__ import annotations

import struct
import zipfile
import zlib

import numpy as np
import pytest
import torch
from PIL import Image

from aae.errors import DataError
from aae.own_data import PAGE_LIMITS, ZipLimits, read_zip
from tests.zips import digits, image_file, zipped

MIB = 1024 * 1024


@pytest.fixture(scope="module")
def some(take):
    return take(60)


@pytest.fixture(scope="module")
def files(some) -> dict[str, bytes]:
    return digits(some)


@pytest.fixture(scope="module")
def png(some) -> bytes:
    return image_file(some.images[0, 0].numpy())


def refusal(content: bytes, limits: ZipLimits = PAGE_LIMITS) -> str:
    with pytest.raises(DataError) as caught:
        read_zip(content, limits)
    sentence = str(caught.value)
    assert len(sentence.splitlines()) == 1
    assert sentence.endswith(".")
    assert len(sentence) < 300
    return sentence


def rows(own) -> dict[bytes, str]:
    """Each image's class, by its pixels."""
    parts = (own.train, own.held_out)
    return {
        image.numpy().tobytes(): part.class_names[label]
        for part in parts
        for image, label in zip(part.images, part.labels, strict=True)
    }


def test_folders_are_classes_and_images_of_32_pixels_arrive_untouched(files, some):
    own = read_zip(zipped(files))
    assert own.train.class_names == own.held_out.class_names == tuple("0123456789")
    assert own.train.images.shape[1:] == (1, 32, 32)
    assert (own.train.images.dtype, own.train.labels.dtype) == (torch.uint8, torch.int64)
    assert (own.train.dataset, own.train.split, own.held_out.split) == ("own", "train", "test")
    given = {image.numpy().tobytes(): str(int(label)) for image, label in zip(some.images, some.labels, strict=True)}
    assert rows(own) == given
    assert own.about == f"60 images in 10 classes: {len(own.train)} to train on, {len(own.held_out)} held out."


def test_a_tenth_of_each_class_is_held_out_the_same_every_time(train_data):
    keep = torch.cat([torch.nonzero(train_data.labels == digit)[:30, 0] for digit in (3, 8)])
    content = zipped({f"{train_data.labels[i]}/{i}.png": image_file(train_data.images[i, 0].numpy()) for i in keep.tolist()})
    first, again = read_zip(content), read_zip(content)
    assert torch.bincount(first.held_out.labels).tolist() == [3, 3]
    assert torch.bincount(first.train.labels).tolist() == [27, 27]
    assert torch.equal(first.held_out.images, again.held_out.images)
    assert torch.equal(first.train.images, again.train.images)
    assert not {i.numpy().tobytes() for i in first.train.images} & {i.numpy().tobytes() for i in first.held_out.images}


def test_the_innermost_folder_is_the_class_wherever_it_lies(png):
    nested = {f"all/{part}/{name}/{i}.png": png for part in ("train", "test") for name in ("10", "2") for i in range(4)}
    own = read_zip(zipped(nested))
    assert own.train.class_names == ("2", "10")
    assert len(own) == 16


def test_without_folders_all_are_one_class(some):
    own = read_zip(zipped({f"{i}.png": image_file(image[0].numpy()) for i, image in enumerate(some.images)}))
    assert own.train.class_names == ("no folder",)
    assert own.about.startswith("60 images of one class: 54 to train on, 6 held out.")


def test_windows_folders_and_what_a_mac_adds(png):
    windows = {f"images\\cats\\{i}.PNG": png for i in range(10)}
    mac = {"__MACOSX/cats/._0.png": b"\0" * 100, "cats/.DS_Store": b"\0" * 100, "cats/": b"", "cats/._1.png": b"x"}
    own = read_zip(zipped({**windows, **mac}))
    assert own.train.class_names == ("cats",)
    assert own.about.endswith("held out."), "nothing that a user would miss was left out"


@pytest.mark.parametrize("kind", ["PNG", "BMP", "GIF", "PPM", "WEBP", "JPEG"])
def test_each_kind_of_file_is_read(kind, some):
    options = {"WEBP": {"lossless": True}, "JPEG": {"quality": 100}}.get(kind, {})
    suffix = {"PPM": "pgm", "JPEG": "jpg"}.get(kind, kind.lower())
    images = some.images[:12, 0].numpy()
    own = read_zip(zipped({f"{i:02d}.{suffix}": image_file(image, kind, **options) for i, image in enumerate(images)}))
    found = torch.cat([own.train.images, own.held_out.images])[:, 0].int()
    far = [min(int((found[j] - torch.from_numpy(image).int()).abs().max()) for j in range(12)) for image in images]
    assert max(far) <= (4 if kind == "JPEG" else 0)


def only(content: bytes, name: str = "a.png") -> torch.Tensor:
    """What a zip of ten times this image file makes of it, `(32, 32)`."""
    return read_zip(zipped({f"{i}{name}": content for i in range(10)})).train.images[0, 0]


def test_images_of_another_size_are_resized_as_those_of_the_data_sets_are(some):
    large = Image.fromarray(some.images[0, 0].numpy()).resize((28, 28))
    assert np.array_equal(only(image_file(large)), np.asarray(large.resize((32, 32), Image.Resampling.BILINEAR)))


@pytest.mark.parametrize("ground", [0, 255])
def test_oblong_images_are_neither_cut_nor_stretched_and_brightness_is_kept(ground):
    oblong = np.full((64, 32), ground, np.uint8)
    oblong[[0, -1]] = 128  # would be gone if it were cut
    small = only(image_file(oblong))
    assert (small[:, :8] == ground).all()
    assert (small[:, -8:] == ground).all()
    assert small[0, 15] != ground
    assert small[-1, 15] != ground


def test_colour_palette_transparency_16_bits_and_a_cameras_turn_are_understood():
    ramp = np.tile(np.linspace(0, 255, 32).astype(np.uint8), (32, 1))
    grey = Image.fromarray(ramp)
    colour = only(image_file(Image.merge("RGB", [grey] * 3)))
    assert torch.equal(colour, torch.from_numpy(ramp))
    assert torch.equal(only(image_file(grey.convert("P"))), torch.from_numpy(ramp))
    deep = Image.fromarray(ramp.astype(np.uint16) * 257)
    assert torch.equal(only(image_file(deep)), torch.from_numpy(ramp))
    clear = Image.new("RGBA", (32, 32), (0, 0, 0, 0))
    clear.paste((0, 0, 0, 255), (8, 8, 24, 24))
    assert (only(image_file(clear))[0, 0], only(image_file(clear))[16, 16]) == (255, 0)
    exif = Image.Exif()
    exif[0x0112] = 3  # held upside down
    turned = only(image_file(grey, "JPEG", quality=100, exif=exif), "a.jpg")
    assert turned[0, 0] > 250 > 5 > turned[0, -1]


def test_damaged_images_and_other_files_are_left_out_and_counted(files, png):
    damage = {"3/a.png": png[:60], "3/b.png": b"", "3/c.jpg": b"<svg onload='alert(1)'>", "notes.txt": b"x", "a.svg": b"<svg/>"}
    own = read_zip(zipped({**files, **damage}))
    assert len(own) == 60
    assert own.about.endswith("Left out: 3 that could not be read and 2 of other kinds.")


def test_an_image_whose_checksum_is_wrong_is_left_out(files, png):
    content = bytearray(zipped({"bad.png": png, **files}, zipfile.ZIP_STORED))
    content[content.index(png) + 50] ^= 0xFF
    own = read_zip(bytes(content))
    assert len(own) == 60
    assert "1 that could not be read" in own.about


@pytest.mark.parametrize("content", [b"", b"PK", b"\x89PNG\r\n", b"PK\x05\x06" + b"\xff" * 18])
def test_what_is_no_zip_is_refused(content):
    assert "not a zip" in refusal(content)


def test_a_truncated_zip_is_refused(files):
    content = zipped(files)
    for end in (len(content) // 2, len(content) - 10):
        assert "damaged" in refusal(content[:end])


@pytest.mark.parametrize(
    "path", ["../../etc/cron.d/a.png", "a/../../b.png", "/etc/a.png", "C:\\a.png", "..\\a.png", "\\\\s\\a.png"]
)
def test_paths_that_lead_out_are_refused(path, files, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert "leads out of it" in refusal(zipped({**files, path: b"x"}))
    assert list(tmp_path.iterdir()) == []


def test_links_are_refused(files):
    link = zipfile.ZipInfo("0/link.png")
    link.create_system, link.external_attr = 3, 0o120777 << 16
    assert "a link" in refusal(zipped({**files, link: b"/etc/passwd"}))


def test_a_locked_zip_is_refused(files):
    content = bytearray(zipped(files))
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(signature) + offset] |= 1
    assert "locked by a password" in refusal(bytes(content))


@pytest.mark.parametrize("compression", [zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2])
def test_unusual_compression_is_refused_since_its_memory_is_not_bounded(compression, files):
    assert "ordinary compression" in refusal(zipped(files, compression))


def test_a_zip_in_a_zip_is_not_opened(files):
    assert "other archives and no images" in refusal(zipped({"inner.zip": zipped(files)}))
    own = read_zip(zipped({**files, "inner.zip": zipped(files)}))
    assert len(own) == 60
    assert "1 of other kinds" in own.about


@pytest.mark.parametrize("content", [{}, {"a.txt": b"x"}, {"empty/": b""}])
def test_a_zip_without_images_is_refused(content):
    assert "has no images" in refusal(zipped(content))


def test_one_image_or_too_few_are_refused(png):
    assert "has 1 image; training needs at least 10" in refusal(zipped({"a.png": png}))
    assert "has 9 images" in refusal(zipped({f"{i}.png": png for i in range(9)}))
    assert "0 images and 20 that could not be read" in refusal(zipped({f"{i}.png": b"no" for i in range(20)}))


def test_too_many_classes_are_refused(png):
    assert "in 65 folders" in refusal(zipped({f"{i}/a.png": png for i in range(65)}))
    own = read_zip(zipped({f"{i}/a.png": png for i in range(64)}))
    assert len(own.held_out) == 6, "where each class has one image, a tenth of all is held out"


def test_every_limit_of_size_and_number_is_told(files, png):
    content = zipped(files)
    assert "at most 0 MB" in refusal(content, ZipLimits(zip_bytes=len(content) - 1))
    assert "60 images; at most 59" in refusal(content, ZipLimits(images=59))
    assert "lists 60 files and folders; at most 50" in refusal(content, ZipLimits(entries=50))
    assert "unpacked; an image may have" in refusal(content, ZipLimits(file_bytes=100))
    assert "at most 0 MB can be read" in refusal(content, ZipLimits(total_bytes=10_000))
    assert "megapixels together" in refusal(content, ZipLimits(total_pixels=59 * 32 * 32))


def test_a_zip_bomb_is_not_unpacked(files):
    bomb = zipped({**files, **{f"{i}.bmp": bytes(3 * MIB) for i in range(3)}})
    assert len(bomb) < MIB
    assert "times its size" in refusal(bomb)


def test_a_file_larger_than_the_zip_says_is_not_unpacked(files):
    # The list says 100 bytes, the data are 8 MiB of zeros: only what was declared is read.
    content = bytearray(zipped({"0/a.bmp": bytes(8 * MIB), **files}))
    for signature, offset in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        at = content.index(signature) + offset
        content[at : at + 4] = struct.pack("<I", 100)
    own = read_zip(bytes(content))
    assert len(own) == 60
    assert "1 that could not be read" in own.about


def png_of_size(width: int, height: int) -> bytes:
    """A PNG that says it is this large, and is a few bytes long."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b"")


@pytest.mark.parametrize("size", [(6000, 5000), (12_000, 10_000), (50_000, 50_000), (2**31 - 1, 1)])
def test_an_image_of_too_many_pixels_is_not_unpacked(size, files):
    assert "larger than the 25 megapixels" in refusal(zipped({**files, "0/bomb.png": png_of_size(*size)}))


def test_damaged_images_count_among_the_pixels(files):
    claims = {f"{i}.png": png_of_size(4000, 4000) for i in range(40)}
    assert "megapixels together" in refusal(zipped({**files, **claims}))


def test_a_path_is_read_as_bytes_are_and_a_missing_one_is_told(files, tmp_path):
    path = tmp_path / "digits.zip"
    path.write_bytes(zipped(files))
    assert torch.equal(read_zip(path).train.images, read_zip(path.read_bytes()).train.images)
    assert [entry.name for entry in tmp_path.iterdir()] == ["digits.zip"]
    for missing in (tmp_path / "none.zip", tmp_path):
        with pytest.raises(DataError):
            read_zip(missing)


def test_random_damage_never_ends_in_anything_but_a_sentence(files):
    content = zipped(files)
    random = np.random.default_rng(0)
    for _ in range(60):
        broken = bytearray(content)
        start = 0 if random.random() < 0.5 else len(content) - 6000  # half of them in the list at the end
        for place in random.integers(start, len(content), 12):
            broken[place] = random.integers(256)
        try:
            assert len(read_zip(bytes(broken))) >= PAGE_LIMITS.least_images
        except DataError as error:
            assert str(error).endswith(".")  # noqa: PT017 (some are read all the same)
