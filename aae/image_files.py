"""Image files from outside as grey images of 32x32 pixels, read in memory and bounded.

PNG, JPEG, WebP, GIF (its first frame), BMP and PGM/PPM. The longer side becomes 32 pixels, antialiased as in `data`; the
shorter one is filled with the median grey of the image's border, so that nothing is cut off and nothing is stretched.
Transparent parts are white. Brightness is kept as it is: dark strokes on a light ground stay dark.
"""

from __future__ import annotations

import io

import numpy as np
from PIL import Image, ImageOps

from aae.config import IMAGE_SIZE, quoted
from aae.errors import DataError

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "PPM")
EXTENSIONS = {".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".pgm", ".ppm", ".pbm"}


def decode_image(content: bytes, name: str, most_pixels: int) -> tuple[int, np.ndarray | None]:
    """An image file's number of pixels, and the image as uint8 `(32, 32)`, or None if it cannot be read.

    Raises `DataError` if it has more than `most_pixels`: that is found out before anything is unpacked.
    """
    area = 0
    try:
        with Image.open(io.BytesIO(content), formats=FORMATS) as image:
            area = image.width * image.height
            if area > most_pixels:
                raise Image.DecompressionBombError
            return area, _grey_square(image)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise DataError(
            f"{quoted(name)} is larger than the {most_pixels / 1e6:,.0f} megapixels that an image may have; make it smaller."
        ) from error
    except Exception:  # noqa: BLE001 (Pillow's readers raise nearly anything for a damaged file)
        return area, None


def _grey_square(image: Image.Image) -> np.ndarray:
    """Any image as uint8 `(32, 32)`, its sides' ratio kept."""
    ImageOps.exif_transpose(image, in_place=True)  # as a camera was held
    longest = max(image.size)
    size = (max(1, round(IMAGE_SIZE * image.width / longest)), max(1, round(IMAGE_SIZE * image.height / longest)))
    if image.mode.startswith("I"):  # 16 bits a pixel, which Pillow would clip rather than scale
        image = Image.fromarray((np.asarray(image).astype(np.float32) / 257).round().clip(0, 255).astype(np.uint8))
    if image.has_transparency_data:
        layer = image.convert("RGBA").resize(size, Image.Resampling.BILINEAR)
        image = Image.alpha_composite(Image.new("RGBA", size, "white"), layer).convert("L")
    else:
        image = image.convert("L").resize(size, Image.Resampling.BILINEAR)
    grey = np.asarray(image)
    border = np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])
    square = np.full((IMAGE_SIZE, IMAGE_SIZE), np.uint8(np.median(border)))
    top, left = (IMAGE_SIZE - size[1]) // 2, (IMAGE_SIZE - size[0]) // 2
    square[top : top + size[1], left : left + size[0]] = grey
    return square
