"""Images worth looking at: what a model rebuilds best and worst, and samples beside the training images they are nearest to.

Both pass over whole data sets, so they are generators: they yield the share that is done after each chunk (a fraction of a
second), and return what they found.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass

import torch
from torch import Tensor

from aae import samples
from aae.data import ImageData, to_model_range
from aae.models import AAE
from aae.reconstruction import reconstruction_errors

CHUNK = 1000
"""Images at a time."""


@dataclass(frozen=True)
class Rebuilt:
    """Images of a data set beside their reconstructions from posterior means."""

    places: list[int]
    """Where they stand in the data set."""
    errors: list[float]
    """Mean absolute error over pixels in [-1, 1]."""
    originals: Tensor
    """uint8 `(n, 1, 32, 32)`."""
    reconstructions: Tensor
    """uint8 `(n, 1, 32, 32)`."""


@dataclass(frozen=True)
class Nearest:
    """Samples beside the training images at the smallest distance; the closest pair first."""

    samples: Tensor
    """uint8 `(n, 1, 32, 32)`: decoded draws of the prior."""
    images: Tensor
    """uint8 `(n, 1, 32, 32)`: the nearest training image of each."""
    distances: list[float]
    """Root mean square difference over pixels in [-1, 1]."""
    held_out_distances: list[float]
    """Of as many held-out images to their nearest training images, ascending: what is near without having been copied."""


def to_pixels(x: Tensor) -> Tensor:
    """Images in [-1, 1] to uint8, any shape."""
    return ((x + 1) * 127.5).round().clamp_(0, 255).to(torch.uint8)


@torch.no_grad()
def rebuilt(model: AAE, data: ImageData, each: int = 6) -> Generator[float, None, dict[str, Rebuilt]]:
    """The `each` images that a model in eval mode rebuilds best, those around the median error, and the worst."""
    errors = []
    for part in data.images.split(CHUNK):
        errors.append(reconstruction_errors(model, part).l1)
        yield min(len(errors) * CHUNK / len(data), 1.0)
    found = torch.cat(errors)
    order = found.argsort(stable=True)
    each = min(each, len(order))
    start = (len(order) - each) // 2
    groups = {"best": order[:each], "median": order[start : start + each], "worst": order[-each:].flip(0)}

    def shown(places: Tensor) -> Rebuilt:
        images = data.images[places]
        x_rec = model.decode(model.encode(to_model_range(images), sample=False))
        return Rebuilt(places.tolist(), found[places].tolist(), images, to_pixels(x_rec))

    return {name: shown(places) for name, places in groups.items()}


@torch.no_grad()
def nearest(model: AAE, z: Tensor, train: ImageData, held_out: ImageData) -> Generator[float, None, Nearest]:
    """Decode z `(n, latent_dim)` and find the training image nearest to each sample, in Euclidean distance of pixels.

    A copy of a training image lies much closer to it than an image that the model has never seen does, so the first n held-out
    images are looked up too. The model must be in eval mode.
    """
    x = model.decode(z)
    asked = torch.cat([x, to_model_range(held_out.images[: len(z)])]).flatten(1)  # (m, 1024)
    least = torch.full((len(asked),), float("inf"))
    where = torch.zeros(len(asked), dtype=torch.int64)
    for start in range(0, len(train), CHUNK):
        chunk = to_model_range(train.images[start : start + CHUNK]).flatten(1)  # (CHUNK, 1024)
        distances, indices = (found[:, 0] for found in samples.nearest(asked, chunk))
        where = torch.where(distances < least, indices + start, where)
        least = torch.minimum(least, distances)
        yield min((start + CHUNK) / len(train), 1.0)
    distances = least / asked.shape[1] ** 0.5
    order = distances[: len(z)].argsort(stable=True)
    images = train.images[where[: len(z)][order]]
    return Nearest(to_pixels(x[order]), images, distances[order].tolist(), distances[len(z) :].sort().values.tolist())
