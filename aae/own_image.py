"""A picture of a visitor's own, from a file or drawn, made like the images that a model was trained on.

Digits get the treatment that made MNIST of NIST's scans (LeCun et al. 1998, "Gradient-based learning applied to document
recognition", section III.A): the strokes are fitted into a box of 20x20 pixels, aspect kept and antialiased, and their centre
of mass is put in the middle of 28x28 pixels. Clothes get Fashion-MNIST's (Xiao et al., arXiv 1708.07747, section 2). Both then
take the resize to 32x32 that all images here take (`aae.data.resized`).
"""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image, ImageOps
from torch import Tensor

from aae.data import resized
from aae.errors import DataError

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF")
LARGEST_SIDE, MOST_PIXELS, MOST_BYTES = 20_000, 50_000_000, 32_000_000
WORKING_SIDE = 512
"""Pixels of the longer side to which a picture is reduced before anything is looked for in it."""
SMALLEST_SIDE = 8
FIELD, BOX, CENTRE = 28, 20, 14
"""MNIST's field and box in pixels; its digits' centres of mass lie half a pixel around index 14 (measured)."""
FAINTEST = 0.06
"""Least distance of a stroke from its background, of the range from black to white."""
NOISE_FLOOR = 3
"""Standard deviations of the border's noise that count as background."""
EDGE = 0.2
"""Ink that still belongs to the box around the strokes."""
BLACK_TO_WHITE = float(np.sqrt(3))  # in RGB
SPECK = 0.04
"""What has less ink than this share of the largest connected part is dirt."""


@dataclass(frozen=True)
class OwnImage:
    """What a picture became."""

    image: Tensor
    """uint8 `(1, 1, 32, 32)`, light on black like MNIST's."""
    steps: str
    """What was done to the picture, in one sentence for its owner."""


class Picture(NamedTuple):
    """An opened picture: RGB in [0, 1] float32 `(H, W, 3)`, and what had to be done to open it."""

    rgb: np.ndarray
    steps: tuple[str, ...]


def own_image(content: bytes, dataset: str) -> OwnImage:
    """The bytes of an image file as an image like those of `dataset`; raises `DataError` if that makes no sense."""
    picture = open_picture(content)
    if dataset == "fashion-mnist":
        field, steps = as_garment(picture.rgb)
    else:
        field, steps = as_digit(picture.rgb)
    image = resized((field * 255).round().to(torch.uint8)[None])
    return OwnImage(image, f"{', '.join([*picture.steps, *steps, 'enlarged to 32×32'])}.".capitalize())


def open_picture(content: bytes) -> Picture:
    """The first frame of an image file, upright and without transparency; raises `DataError` with what is wrong with it."""
    if not content:
        raise DataError("The file is empty; choose a picture.")
    if len(content) > MOST_BYTES:
        raise DataError(f"The file has more than {MOST_BYTES // 1_000_000} MB; choose a smaller one.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's doubts about a file that it reads all the same
            image = Image.open(io.BytesIO(content), formats=FORMATS)
    except Image.DecompressionBombError as error:
        raise DataError(_too_large()) from error
    except Exception as error:  # whatever a reader makes of a damaged or foreign file
        raise DataError("This file is no picture that can be read; choose a PNG, JPEG, WebP, GIF, BMP or TIFF.") from error
    if max(image.size) > LARGEST_SIDE or image.width * image.height > MOST_PIXELS:
        raise DataError(_too_large(image.size))
    steps = [f"{image.width}×{image.height} pixels"]
    try:
        if getattr(image, "n_frames", 1) > 1:
            steps.append("first frame")
        image.draft("RGB", (WORKING_SIDE, WORKING_SIDE))  # a JPEG is decoded no larger than it is used
        upright = ImageOps.exif_transpose(image)
        if upright.size != image.size or image.getexif().get(0x0112, 1) != 1:
            steps.append("turned upright")
        if upright.mode in ("L", "RGB", "RGBA", "CMYK"):  # reduced first, converted after: a tenth of the time and memory
            upright.thumbnail((WORKING_SIDE, WORKING_SIDE), Image.Resampling.BOX)
        rgba = _eight_bits(upright)
        rgba.thumbnail((WORKING_SIDE, WORKING_SIDE), Image.Resampling.BOX)
    except Exception as error:
        raise DataError("The picture is damaged; save it anew or choose another.") from error
    if min(rgba.size) < SMALLEST_SIDE:
        raise DataError(f"The picture is too small or too narrow; it takes at least {SMALLEST_SIDE} pixels each way.")
    values = np.asarray(rgba, np.float32) / 255
    rgb, alpha = values[..., :3], values[..., 3:]
    if float(alpha.min()) > 0.99:
        return Picture(rgb, tuple(steps))
    if float(alpha.max()) < 0.01:
        raise DataError("The picture is transparent everywhere; there is nothing to encode.")
    light = float((rgb.mean(2, keepdims=True) * alpha).sum() / alpha.sum())
    paper = "black" if light > 0.5 else "white"  # whichever shows what is there
    return Picture(rgb * alpha + (paper == "white") * (1 - alpha), (*steps, f"laid on {paper}"))


def _too_large(size: tuple[int, int] | None = None) -> str:
    given = f"The picture has {size[0]:,}×{size[1]:,} pixels" if size else "The picture is too large"
    return f"{given}; at most {LARGEST_SIDE:,} each way and {MOST_PIXELS // 1_000_000} million in all can be read."


def _eight_bits(image: Image.Image) -> Image.Image:
    """Any mode as RGBA. Pillow would cut off, not scale, greys of more than eight bits."""
    if image.mode.startswith(("I", "F")):
        values = np.nan_to_num(np.asarray(image, np.float64), posinf=0, neginf=0)
        low, high = (0.0, 65535.0) if image.mode.startswith("I;16") else (float(values.min()), float(values.max()))
        scaled = (values - low) / max(high - low, 1e-9) * 255
        return Image.fromarray(scaled.round().clip(0, 255).astype(np.uint8)).convert("RGBA")
    return image.convert("RGBA")


def as_digit(rgb: np.ndarray) -> tuple[Tensor, list[str]]:
    """The strokes of a picture `(H, W, 3)` as MNIST shows them: float32 `(28, 28)` in [0, 1], and what was done.

    Raises `DataError` where nothing stands out from the background.
    """
    ink, steps = strokes(rgb)
    ink = _without_specks(ink)
    rows, columns = (torch.nonzero(ink.amax(side) > EDGE)[:, 0] for side in (1, 0))
    ink = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    height, width = ink.shape
    scale = BOX / max(height, width)
    size = (max(1, round(height * scale)), max(1, round(width * scale)))
    # Means over areas are what antialiased a bilevel scan; there is nothing to average in a picture smaller than the box.
    fitted = F.interpolate(ink[None, None], size, mode="area" if scale < 1 else "bilinear")[0, 0]
    fitted = fitted / fitted.max()
    field = torch.zeros(FIELD, FIELD)
    top, left = (_offset(fitted.sum(side)) for side in (1, 0))
    field[top : top + size[0], left : left + size[1]] = fitted
    return field, [*steps, "fitted into 20×20 pixels", "its centre of mass put in the middle of 28×28"]


def _offset(profile: Tensor) -> int:
    """Where a profile `(n,)` begins in the field so that its centre of mass comes to the middle, as far as it fits in."""
    centre = float((profile * torch.arange(len(profile))).sum() / profile.sum())
    return min(max(round(CENTRE - centre), 0), FIELD - len(profile))


def strokes(rgb: np.ndarray) -> tuple[Tensor, list[str]]:
    """How much of each pixel is stroke, float32 `(H, W)` in [0, 1], and how it was told.

    The background is a plane in each colour (paper under a lamp is lighter on one side), fitted to the border. A pixel that is
    half stroke, half background has the colour in the middle between the two, so the share is the projection of the pixel's
    difference from the background on the stroke's; light on dark, dark on light and colours of one lightness are alike to it.
    """
    difference, border = _from_background(rgb)
    distance = np.linalg.norm(difference, axis=2)
    few = max(4, distance.size // 5000)
    peak = float(np.partition(distance, -few, axis=None)[-few])
    if peak < FAINTEST * BLACK_TO_WHITE:
        raise DataError("There is nothing on the picture: it is all one colour; draw or choose a digit.")
    towards = difference[distance > 0.6 * peak].mean(0)
    direction = towards / max(float(np.linalg.norm(towards)), 1e-6)
    along = difference @ direction
    level = float(np.partition(along, -few, axis=None)[-few])
    noise = 1.4826 * float(np.median(np.abs(border @ direction)))  # σ, if the border has no strokes on most of it
    floor = NOISE_FLOOR * noise / max(level, 1e-6) if noise > 1e-3 else 0.0
    if level < FAINTEST * BLACK_TO_WHITE or floor > 0.8:
        raise DataError("Nothing stands out from the background of the picture; choose one of a single digit.")
    ink = ((along / level - floor) / (1 - floor)).clip(0, 1)
    if _neighbours_agree(ink) < 0.25:
        raise DataError("The picture looks like noise; choose one of a single digit.")
    dark = float(towards.mean()) < 0
    return torch.from_numpy(ink.astype(np.float32)), [f"{'dark' if dark else 'light'} strokes taken from their background"]


def _from_background(rgb: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The picture's difference from its background `(H, W, 3)`, and the border's `(N, 3)`."""
    height, width, _ = rgb.shape
    y, x = np.meshgrid(np.linspace(-1, 1, height), np.linspace(-1, 1, width), indexing="ij")
    place = np.stack([np.ones_like(x), x, y], axis=2).astype(np.float32)  # (H, W, 3)
    depth = max(1, min(height, width) // 50)
    frame = np.zeros((height, width), bool)
    frame[:depth] = frame[-depth:] = frame[:, :depth] = frame[:, -depth:] = True
    where, colours = place[frame], rgb[frame]
    plane = np.zeros((3, 3), np.float32)
    plane[0] = np.median(colours, axis=0)
    for _ in range(4):  # strokes that touch the border drop out
        away = np.linalg.norm(colours - where @ plane, axis=1)
        near = away <= max(0.02, 2.5 * float(np.median(away)))
        plane = np.linalg.lstsq(where[near], colours[near], rcond=None)[0]
    return rgb - place @ plane, colours - where @ plane


def _neighbours_agree(ink: np.ndarray) -> float:
    """Correlation of horizontal neighbours: above 0.32 for every test image of MNIST, about 0 for noise."""
    left, right = ink[:, :-1].ravel(), ink[:, 1:].ravel()
    return float(np.corrcoef(left, right)[0, 1]) if left.std() and right.std() else 1.0


def _without_specks(ink: Tensor) -> Tensor:
    """The ink without connected parts that hold almost nothing of it: dust, and what a camera adds."""
    coarse = F.adaptive_max_pool2d(ink[None, None], (min(64, ink.shape[0]), min(64, ink.shape[1])))
    solid = (coarse > 0.2).float()
    label = torch.arange(1, coarse.numel() + 1, dtype=torch.float32).view_as(coarse) * solid
    for _ in range(coarse.numel()):  # the largest label of each part spreads over it
        spread = F.max_pool2d(label, 3, stride=1, padding=1) * solid
        if torch.equal(spread, label):
            break
        label = spread
    names, part = label.unique(return_inverse=True)
    weight = torch.zeros(len(names)).index_add_(0, part.flatten(), coarse.flatten())
    weight[names == 0] = 0
    kept = (weight >= SPECK * weight.max())[part].float()
    # A pixel belongs to a part if its cell or one beside it does: faint edges lie outside of the solid cells.
    near = F.max_pool2d(kept, 3, stride=1, padding=1)
    return ink * F.interpolate(near, ink.shape)[0, 0]


def as_garment(rgb: np.ndarray) -> tuple[Tensor, list[str]]:
    """A picture `(H, W, 3)` treated as Fashion-MNIST's were: float32 `(28, 28)` in [0, 1], and what was done.

    Edges of the corner's colour are trimmed, the longer side is fitted to 28 pixels, the result is sharpened, put in the
    middle, turned negative and grey. A picture on a dark background is not turned negative: its background is dark already.
    """
    corners = np.stack([rgb[0, 0], rgb[0, -1], rgb[-1, 0], rgb[-1, -1]])
    corner = np.median(corners, axis=0)
    content = np.linalg.norm(rgb - corner, axis=2) > 0.05 * BLACK_TO_WHITE  # 5 % of the longest distance in RGB
    if content.sum() < 4:
        raise DataError("There is nothing on the picture: it is all one colour; draw or choose a piece of clothing.")
    rows, columns = np.flatnonzero(content.any(1)), np.flatnonzero(content.any(0))
    grey = torch.from_numpy(np.ascontiguousarray(rgb @ np.array([0.299, 0.587, 0.114], np.float32)))  # ITU-R BT.601
    paper = float(corner @ np.array([0.299, 0.587, 0.114]))
    shade = (paper - grey if paper > 0.5 else grey - paper).clamp(0, 1)
    shade = shade[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    if _neighbours_agree(shade.numpy()) < 0.25:
        raise DataError("The picture looks like noise; choose one of a piece of clothing.")
    height, width = shade.shape
    scale = FIELD / max(height, width)
    size = (max(1, round(height * scale)), max(1, round(width * scale)))
    fitted = F.interpolate(shade[None, None], size, mode="area" if scale < 1 else "bilinear")
    kernel = torch.tensor([0.25, 0.5, 0.25])
    soft = F.conv2d(F.pad(fitted, (1, 1, 1, 1), mode="replicate"), (kernel[:, None] * kernel)[None, None])
    fitted = (2 * fitted - soft).clamp(0, 1)[0, 0]
    field = torch.zeros(FIELD, FIELD)
    top, left = (FIELD - size[0]) // 2, (FIELD - size[1]) // 2
    field[top : top + size[0], left : left + size[1]] = fitted
    negative = ["turned negative"] if paper > 0.5 else []
    return field, [*negative, "edges trimmed", "the whole fitted into 28×28 pixels", "sharpened"]
