"""Digits put on other backgrounds and brought back: how much of them the normalisation of a visitor's picture keeps.

``python -m tests.round_trip --data-dir DIR`` measures it on 1,000 test images of MNIST.
"""

from __future__ import annotations

import argparse
import io
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image

from aae.classifier import classifier_path, load_classifier
from aae.data import ImageData, load_images, to_model_range
from aae.own_image import own_image


class RoundTrip(NamedTuple):
    l1: torch.Tensor  # (N,), between images in [-1, 1]
    right: float  # share that the classifier reads right
    right_before: float  # the same of the images as they were


def pasted(digit: np.ndarray, rng: np.random.Generator, sides: tuple[int, int], noise: float) -> bytes:
    """A digit `(32, 32)` enlarged to a random side, in a random colour and place on a random colour, as a PNG."""
    side = int(rng.integers(*sides))
    width, height = (int(side * rng.uniform(1.1, 2)) for _ in range(2))
    share = np.asarray(Image.fromarray(digit).resize((side, side), Image.Resampling.BILINEAR), np.float32)[..., None] / 255
    paper, stroke = rng.uniform(0, 1, (2, 3))
    while np.linalg.norm(paper - stroke) < 0.35:
        paper, stroke = rng.uniform(0, 1, (2, 3))
    canvas = np.tile(paper, (height, width, 1))
    x, y = int(rng.integers(0, width - side + 1)), int(rng.integers(0, height - side + 1))
    canvas[y : y + side, x : x + side] = paper + (stroke - paper) * share
    canvas += rng.normal(0, noise, canvas.shape) if noise else 0
    file = io.BytesIO()
    Image.fromarray((canvas.clip(0, 1) * 255).round().astype(np.uint8)).save(file, "PNG")
    return file.getvalue()


def round_trip(data: ImageData, sides: tuple[int, int], noise: float = 0.0, seed: int = 0) -> RoundTrip:
    """Paste each image of `data`, normalise what comes of it, and compare with the image."""
    rng = np.random.default_rng(seed)
    found = torch.cat([own_image(pasted(image[0].numpy(), rng, sides, noise), "mnist").image for image in data.images])
    before, after = to_model_range(data.images), to_model_range(found)
    classifier = load_classifier(classifier_path("mnist"))
    with torch.no_grad():
        right, right_before = (float((classifier(x).argmax(1) == data.labels).float().mean()) for x in (after, before))
    return RoundTrip((after - before).abs().mean((1, 2, 3)), right, right_before)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data-dir", type=Path)
    data = load_images("mnist", "test", parser.parse_args().data_dir)
    chosen = torch.randperm(len(data), generator=torch.Generator().manual_seed(0))[:1000]
    data = ImageData(data.dataset, data.split, data.images[chosen], data.labels[chosen], data.class_names)
    print(f"1,000 test images of {data.dataset}, seed 0; L1 between images in [-1, 1]")
    print("pixels a side   noise   L1 mean   L1 p95   read right   before")
    for sides, noise in (((40, 80), 0.0), ((100, 400), 0.0), ((400, 900), 0.0), ((100, 400), 0.05)):
        l1, right, before = round_trip(data, sides, noise)
        row = f"{sides[0]:4} to {sides[1]:4}   {noise:7.2f} {l1.mean():9.3f} {l1.quantile(0.95):8.3f}"
        print(f"{row} {right:12.1%} {before:8.1%}", flush=True)


if __name__ == "__main__":
    main()
