"""Images of one's own: a zip of them, read in memory, checked and bounded, as training and held-out data.

An image's class is the innermost folder that it lies in; without folders all are of one class. `image_files` says which files
are read, and how they become 32x32 grey pixels.

A tenth of each class is held out, the same images whenever the same zip is read. Nothing is ever written to disk.
"""

from __future__ import annotations

import io
import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path, PurePosixPath
from typing import BinaryIO

import numpy as np
import torch

from aae.config import IMAGE_SIZE, quoted
from aae.data import OWN, ImageData, class_title
from aae.errors import DataError
from aae.image_files import EXTENSIONS, decode_image

ARCHIVES = {".zip", ".7z", ".rar", ".tar", ".gz", ".tgz"}
MIB = 1024 * 1024
HELD_OUT_SHARE = 0.1


@dataclass(frozen=True)
class ZipLimits:
    """How much one zip may hold. The defaults are for a page that strangers share: at most 20 MB of tensors."""

    zip_bytes: int = 32 * MIB
    least_images: int = 10
    images: int = 20_000
    classes: int = 64
    entries: int = 60_000
    """Files and folders of any kind; a Mac adds a hidden file for each."""
    file_bytes: int = 16 * MIB
    """One image, unpacked."""
    total_bytes: int = 256 * MIB
    """All images, unpacked."""
    ratio: float = 200.0
    """All images unpacked over the zip itself, where they unpack to more than 8 MiB."""
    image_pixels: int = 25_000_000
    total_pixels: int = 500_000_000
    """Of all images together: what bounds the time to decode them."""

    @classmethod
    def for_uploads(cls, mebibytes: float) -> ZipLimits:
        """Limits that fit a page which takes uploads of this size."""
        share = mebibytes * MIB / cls.zip_bytes
        images = min(round(cls.images * share), 100_000)
        return cls(
            zip_bytes=round(mebibytes * MIB),
            images=images,
            entries=3 * images,
            total_bytes=round(cls.total_bytes * share),
            total_pixels=round(cls.total_pixels * share),
        )


PAGE_LIMITS = ZipLimits()
OWN_MACHINE_LIMITS = ZipLimits(
    zip_bytes=4096 * MIB,
    images=500_000,
    classes=256,  # a checkpoint keeps labels as uint8
    entries=2_000_000,
    file_bytes=64 * MIB,
    total_bytes=16_384 * MIB,
    image_pixels=100_000_000,
    total_pixels=10**12,
)
"""For the command line, where one only keeps oneself waiting."""


@dataclass(frozen=True)
class OwnImages:
    """What a zip holds, ready to train on."""

    train: ImageData
    held_out: ImageData
    about: str
    """Sentences for the user: how many images and classes there are, and what was left out."""

    def __len__(self) -> int:
        return len(self.train) + len(self.held_out)

    @property
    def nbytes(self) -> int:
        """Memory that the images take."""
        return self.train.images.nbytes + self.held_out.images.nbytes


def read_zip(file: bytes | str | PathLike[str], limits: ZipLimits = PAGE_LIMITS) -> OwnImages:
    """Read a zip of images, given as its bytes or its path.

    Damaged images and files of other kinds are left out, and counted in `about`; whatever else is wrong refuses the zip.

    Raises:
        DataError: it is no zip, is locked or damaged, exceeds a limit, has links or paths that lead out of it, or holds too
            few images.
    """
    try:
        with io.BytesIO(file) if isinstance(file, bytes) else Path(file).open("rb") as opened:
            return _read(opened, limits)
    except FileNotFoundError as error:
        raise DataError(f"There is no zip at {file!s}.") from error
    except OSError as error:
        raise DataError(f"The zip cannot be read ({error.strerror or error}).") from error


def _read(file: BinaryIO, limits: ZipLimits) -> OwnImages:
    size = _check_size(file, limits)
    try:
        with zipfile.ZipFile(file) as archive:
            found, others = _images_among(archive.infolist(), size, limits)
            paths, images, damaged = _decode_all(archive, found, limits)
    except (zipfile.BadZipFile, ValueError, IndexError, EOFError, struct.error, NotImplementedError) as error:
        raise DataError("The file is damaged or not a zip; make it anew, as an ordinary zip of images.") from error
    if len(images) < limits.least_images:
        count = f"{len(images)} image" + "s" * (len(images) != 1)
        left_out = f" and {damaged} that could not be read" * bool(damaged)
        raise DataError(
            f"The zip has {count}{left_out}; training needs at least {limits.least_images}, and some thousands do better."
        )
    folders = [PurePosixPath(path).parent.name for path in paths]
    names = sorted(set(folders), key=_natural)
    if len(names) > limits.classes:
        raise DataError(
            f"The zip has images in {len(names):,} folders, each of them a class; at most {limits.classes} classes fit. "
            "Without folders all images are one class."
        )
    labels = torch.tensor([names.index(folder) for folder in folders])
    held_out = _held_out(labels)
    stack = torch.from_numpy(np.stack(images))[:, None]  # (N, 1, 32, 32)
    titles = tuple(class_title(name) or "no folder" for name in names)
    return OwnImages(
        ImageData(OWN, "train", stack[~held_out], labels[~held_out], titles),
        ImageData(OWN, "test", stack[held_out], labels[held_out], titles),
        _about(len(images), int(held_out.sum()), len(names), others, damaged),
    )


def _check_size(file: BinaryIO, limits: ZipLimits) -> int:
    """The zip's bytes; refuses one that is too large, or lists more entries than we want `zipfile` to hold in memory."""
    size = file.seek(0, io.SEEK_END)
    if size > limits.zip_bytes:
        raise DataError(
            f"The zip is {size / MIB:,.0f} MB; at most {limits.zip_bytes / MIB:,.0f} MB can be read. Make the images smaller: "
            f"they are resized to {IMAGE_SIZE}×{IMAGE_SIZE} pixels anyway."
        )
    file.seek(0)
    entries, tail = 0, b""
    while part := file.read(16 * MIB):
        entries += (tail + part).count(b"PK\x01\x02")  # an entry of the list at a zip's end begins so
        tail = part[-3:]
    if entries > limits.entries:
        raise DataError(f"The zip lists {entries:,} files and folders; at most {limits.entries:,} can be read.")
    file.seek(0)
    return size


def _images_among(members: Sequence[zipfile.ZipInfo], size: int, limits: ZipLimits) -> tuple[list[zipfile.ZipInfo], int]:
    """The members that are named like images, sorted by path, and how many files of other kinds there are."""
    found, others, archives = [], 0, 0
    for member in members:
        path = member.filename = member.filename.replace("\\", "/")  # as some Windows programs write them
        parts = path.split("/")
        if path.startswith("/") or ".." in parts or re.match(r"[A-Za-z]:", path):
            raise DataError(f"The zip has a path that leads out of it ({quoted(path)}); make it anew from a folder of images.")
        if stat.S_ISLNK(member.external_attr >> 16):
            raise DataError(f"The zip has a link ({quoted(path)}) where a file should be; put the images themselves into it.")
        if member.is_dir() or "__MACOSX" in parts or parts[-1].startswith("."):  # .DS_Store and the like
            continue
        suffix = PurePosixPath(path).suffix.lower()
        if suffix not in EXTENSIONS:
            others, archives = others + 1, archives + (suffix in ARCHIVES)
            continue
        if member.flag_bits & 0x1:
            raise DataError("The zip is locked by a password; make one without.")
        if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise DataError("The zip is packed in an unusual way; make it anew with the ordinary compression (deflate).")
        if member.file_size > limits.file_bytes:
            raise DataError(
                f"{quoted(path)} is {member.file_size / MIB:,.0f} MB unpacked; an image may have "
                f"{limits.file_bytes / MIB:,.0f} MB."
            )
        found.append(member)
    if not found and archives:
        raise DataError("The zip holds other archives and no images; unpack them first, and zip the images themselves.")
    if not found:
        raise DataError("The zip has no images; put PNG, JPEG, WebP, GIF, BMP or PGM files into it.")
    if len(found) > limits.images:
        raise DataError(f"The zip has {len(found):,} images; at most {limits.images:,} can be taken. Leave some out.")
    unpacked = sum(member.file_size for member in found)
    if unpacked > 8 * MIB and unpacked > limits.ratio * size:
        raise DataError(f"The zip unpacks to {unpacked / size:,.0f} times its size, as no zip of images does; it was not read.")
    if unpacked > limits.total_bytes:
        raise DataError(
            f"The images are {unpacked / MIB:,.0f} MB unpacked; at most {limits.total_bytes / MIB:,.0f} MB can be read. "
            "Make them smaller or leave some out."
        )
    return sorted(found, key=lambda member: member.filename), others


def _decode_all(
    archive: zipfile.ZipFile, members: Sequence[zipfile.ZipInfo], limits: ZipLimits
) -> tuple[list[str], list[np.ndarray], int]:
    """Paths and pixels of the images that can be read, and how many cannot."""
    paths: list[str] = []
    images: list[np.ndarray] = []
    pixels = damaged = 0
    for member in members:
        try:
            with archive.open(member) as opened:
                content = opened.read(limits.file_bytes + 1)
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError):
            damaged += 1
            continue
        area, image = decode_image(content, member.filename, limits.image_pixels)
        pixels += area
        if pixels > limits.total_pixels:
            raise DataError(
                f"The images have more than {limits.total_pixels / 1e6:,.0f} megapixels together; make them smaller, "
                f"they are resized to {IMAGE_SIZE}×{IMAGE_SIZE} pixels anyway."
            )
        if image is None:
            damaged += 1
        else:
            paths.append(member.filename)
            images.append(image)
    return paths, images, damaged


def _held_out(labels: torch.Tensor) -> torch.Tensor:
    """Which images `(N,)` are held out: a tenth of each class of two or more, drawn by a fixed seed."""
    generator = torch.Generator().manual_seed(0)
    chosen = torch.zeros(len(labels), dtype=torch.bool)
    for label in labels.unique():
        own = torch.nonzero(labels == label)[:, 0]
        count = max(1, round(HELD_OUT_SHARE * len(own))) if len(own) > 1 else 0
        chosen[own[torch.randperm(len(own), generator=generator)[:count]]] = True
    if not chosen.any():  # each image is a class of its own
        chosen[torch.randperm(len(labels), generator=generator)[: max(1, round(HELD_OUT_SHARE * len(labels)))]] = True
    return chosen


def _natural(name: str) -> list[tuple[int, int, str]]:
    """Sorts "2" before "10"."""
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in re.split(r"(\d{1,18})", name)]


def _about(count: int, held_out: int, classes: int, others: int, damaged: int) -> str:
    parts = [f"{count:,} images in {classes} classes" if classes > 1 else f"{count:,} images of one class"]
    parts.append(f"{count - held_out:,} to train on, {held_out:,} held out.")
    left_out = [f"{damaged:,} that could not be read"] * bool(damaged) + [f"{others:,} of other kinds"] * bool(others)
    return ": ".join(parts) + f" Left out: {' and '.join(left_out)}." * bool(left_out)
