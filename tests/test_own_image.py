from __future__ import annotations

import dataclasses
import io

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

from aae.errors import DataError
from aae.own_image import MOST_BYTES, as_digit, own_image
from tests.round_trip import round_trip

RNG = np.random.default_rng(0)


def file_of(image: Image.Image, kind: str = "PNG", **options) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def seven(size: tuple[int, int] = (140, 140)) -> Image.Image:
    image = Image.new("L", size)
    w, h = size
    ImageDraw.Draw(image).line([(w // 4, h // 5), (3 * w // 4, h // 5), (w // 2, 4 * h // 5)], fill=255, width=max(w, h) // 12)
    return image


def l1(one: torch.Tensor, other: torch.Tensor) -> float:
    return float((one.float() - other.float()).abs().mean()) / 127.5


SEVEN = own_image(file_of(seven()), "mnist").image


@pytest.mark.parametrize(("sides", "noise", "bound"), [((40, 80), 0, 0.09), ((80, 160), 0.05, 0.09)])
def test_digits_of_any_size_colour_and_place_come_back_and_are_read_as_often(held_out, sides, noise, bound):
    some = dataclasses.replace(held_out, images=held_out.images[::8], labels=held_out.labels[::8])
    l1, right, before = round_trip(some, sides, noise)
    assert float(l1.mean()) < bound  # the models' own reconstructions are at about 0.07
    assert right >= before - 0.035  # two of 63


def test_strokes_are_fitted_into_20_pixels_and_their_centre_of_mass_stands_in_the_middle():
    for size in ((90, 300), (300, 90), (200, 200)):
        field, _ = as_digit(np.repeat(np.asarray(seven(size), np.float32)[..., None] / 255, 3, 2))
        rows, columns = torch.nonzero(field.sum(1))[:, 0], torch.nonzero(field.sum(0))[:, 0]
        assert max(rows[-1] - rows[0], columns[-1] - columns[0]) + 1 == 20
        for side in (0, 1):
            profile = field.sum(1 - side)
            assert abs(float((profile * torch.arange(28)).sum() / profile.sum()) - 14) <= 0.51


def transparent(grey: int) -> Image.Image:
    values = np.full((140, 140, 4), grey, np.uint8)
    values[..., 3] = np.asarray(seven())
    return Image.fromarray(values)


def red_on_green() -> Image.Image:
    share = np.asarray(seven(), np.float32)[..., None] / 255
    return Image.fromarray((np.array([0, 100, 0]) * (1 - share) + np.array([196, 0, 0]) * share).astype(np.uint8))


def lamp_lit_paper() -> Image.Image:
    paper = np.linspace(120, 230, 140)[None, :] * np.ones((140, 1))
    return Image.fromarray((paper * (1 - 0.8 * np.asarray(seven()) / 255)).astype(np.uint8))


def with_dust() -> Image.Image:
    image = seven()
    ImageDraw.Draw(image).point([(3, 130), (135, 4), (136, 135)], fill=255)
    return image


def sixteen_bits() -> Image.Image:
    return Image.fromarray(np.asarray(seven()).astype(np.uint16) * 40)


def turned() -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise by a quarter
    return exif


DISGUISES = {
    "dark on light": file_of(Image.eval(seven(), lambda value: 255 - value)),
    "red on green of one lightness": file_of(red_on_green()),
    "black on nothing": file_of(transparent(0)),
    "white on nothing": file_of(transparent(255)),
    "paper under a lamp": file_of(lamp_lit_paper()),
    "dust": file_of(with_dust()),
    "16 bits": file_of(sixteen_bits()),
    "floats": file_of(Image.fromarray(np.asarray(seven(), np.float32)), "TIFF"),
    "palette": file_of(seven().convert("P")),
    "one bit": file_of(seven().convert("1")),
    "CMYK": file_of(seven().convert("CMYK"), "JPEG", quality=95),
    "turned by EXIF": file_of(seven().transpose(Image.Transpose.ROTATE_90), exif=turned()),
    "animated": file_of(seven(), "GIF", save_all=True, append_images=[Image.new("L", (140, 140))]),
    "large": file_of(seven().resize((4000, 4000)), "JPEG"),
}


@pytest.mark.parametrize("name", DISGUISES)
def test_one_digit_is_the_same_whatever_it_comes_as(name):
    assert l1(own_image(DISGUISES[name], "mnist").image, SEVEN) < 0.05


def noise(kind: str, side: int) -> Image.Image:
    match kind:
        case "normal":
            values = RNG.normal(128, 40, (side, side, 3))
        case "uniform":
            values = RNG.uniform(0, 256, (side, side))
        case _:
            values = 255 * (RNG.random((side, side)) < (0.5 if kind == "black and white" else 0.02))
    return Image.fromarray(values.clip(0, 255).astype(np.uint8))


ABSURD = {
    "white": (file_of(Image.new("RGB", (99, 99), "white")), "all one colour"),
    "transparent": (file_of(Image.new("RGBA", (99, 99))), "transparent everywhere"),
    "one pixel": (file_of(Image.new("L", (1, 1))), "too small"),
    "a thread": (file_of(seven().resize((20_000, 60))), "too narrow"),
    "huge": (file_of(Image.new("1", (20_000, 20_000))), "too large|20,000×20,000"),
    "wider than anything": (file_of(Image.new("1", (20_001, 10))), "20,001×10 pixels"),
    "cut off": (DISGUISES["large"][:2000], "damaged"),
    "nothing": (b"", "empty"),
    "too many bytes": (bytes(MOST_BYTES + 1), "smaller"),
    "text": (b"seven", "no picture"),
    "SVG": (b'<svg xmlns="http://www.w3.org/2000/svg"/>', "no picture"),
    "PDF": (b"%PDF-1.7", "no picture"),
    "PostScript": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "no picture"),
    "not a number": (file_of(Image.fromarray(np.full((20, 20), np.nan, np.float32)), "TIFF"), "one colour"),
}


@pytest.mark.parametrize("dataset", ["mnist", "fashion-mnist"])
@pytest.mark.parametrize("name", ABSURD)
def test_absurd_pictures_get_one_sentence(name, dataset):
    content, sentence = ABSURD[name]
    with pytest.raises(DataError, match=sentence) as caught:
        own_image(content, dataset)
    assert str(caught.value).count(".") == 1


@pytest.mark.parametrize("dataset", ["mnist", "fashion-mnist"])
@pytest.mark.parametrize("kind", ["normal", "uniform", "black and white", "sparse"])
@pytest.mark.parametrize("side", [28, 200])
def test_noise_is_no_digit(kind, side, dataset):
    with pytest.raises(DataError, match=r"noise|Nothing stands out"):
        own_image(file_of(noise(kind, side)), dataset)


@pytest.mark.parametrize("paper", [255, 0])
def test_clothes_fill_the_field_and_keep_their_shades(paper):
    image = Image.new("L", (300, 200), paper)
    drawing = ImageDraw.Draw(image)
    drawing.rectangle((100, 20, 199, 179), fill=255 - paper)
    drawing.rectangle((100, 100, 199, 179), fill=abs(paper - 128))
    own = own_image(file_of(image), "fashion-mnist")
    grey = own.image[0, 0].float()
    assert ("negative" in own.steps) is (paper == 255)
    assert float(grey[8, 16]) == pytest.approx(255, abs=2)
    assert float(grey[24, 16]) == pytest.approx(128, abs=3)
    assert float(grey[0].max()) > 60  # the longer side reaches from edge to edge
    assert float(grey[:, :5].max()) == 0
