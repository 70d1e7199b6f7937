"""Zips of real digits, as a visitor would bring them, and worse ones."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping

import numpy as np
from PIL import Image

from aae.data import ImageData


def image_file(pixels: np.ndarray | Image.Image, kind: str = "PNG", **options) -> bytes:
    """An image, or its pixels, as a file's bytes."""
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def zipped(files: Mapping[str | zipfile.ZipInfo, bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A zip of these files."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", compression) as archive:
        for name, part in files.items():
            archive.writestr(name, part)
    return content.getvalue()


def digits(data: ImageData, names: Mapping[int, str] | None = None) -> dict[str, bytes]:
    """PNG files of digits in a folder for each class (its name from `names`), in the order of `data`."""
    return {
        f"{names[int(label)] if names else int(label)}/{place:04d}.png": image_file(image[0].numpy())
        for place, (image, label) in enumerate(zip(data.images, data.labels, strict=True))
    }
