"""Diagnose's pictures of one model: what it rebuilds best and worst, its samples, and the training images nearest to them."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from aae.data import OWN, SAMPLE, TITLES, ImageData, load_images
from aae.errors import DataError
from aae.examples import Nearest, Rebuilt, nearest, rebuilt, to_pixels
from aae.ui.components import grid, pairs
from aae.ui.panels import DIGIT_SETS
from aae.ui.session import ShownModel

SAMPLES = 64
LOOKED_UP = 100
"""Samples whose nearest training image is looked for."""
SHOWN = 12


@dataclass(frozen=True)
class AtHand:
    """Images that a model can be looked at with, and one sentence where they are not those it was made for."""

    train: ImageData
    test: ImageData
    note: str


def at_hand(dataset: str) -> AtHand | None:
    """A data set's images if they are there without a download; the offline digits stand in for other digits."""
    try:
        return AtHand(load_images(dataset, "train", download=False), load_images(dataset, "test", download=False), "")
    except DataError:
        if dataset not in DIGIT_SETS:
            return None
    note = (
        f"{TITLES[dataset]} is not on this machine; the offline sample stands in for it. "
        "Its 5,000 digits are part of MNIST's training set, so a model of MNIST has seen them all."
    )
    return AtHand(load_images(SAMPLE, "train"), load_images(SAMPLE, "test"), note)


def not_at_hand(dataset: str) -> dict[str, Any]:
    if dataset.partition(":")[0] == OWN:
        return {"note": "Images from a zip of one's own are not kept with a model, so this cannot be drawn of it."}
    title = TITLES.get(dataset, "The data set this model was trained on")  # type: ignore[call-overload]
    return {"note": f"{title} is not on this machine; train on it once in the Train tab, which downloads it, and come back."}


@torch.no_grad()
def decoded_draws(shown: ShownModel, count: int) -> np.ndarray:
    """Decoded draws of the prior, unselected, uint8 `(count, 32, 32)`; the same ones every time."""
    return to_pixels(shown.model.decode(torch.from_numpy(shown.draws[:count])))[:, 0].numpy()


def samples(shown: ShownModel) -> dict[str, Any]:
    """A grid of samples."""
    images = decoded_draws(shown, SAMPLES)
    about = f"A grid of {len(images)} images decoded from draws of the prior"
    return {"note": "", "groups": [grid(f"{len(images)} decoded draws of N(0, I), unselected", images, 16, about)]}


def reconstructions(shown: ShownModel, images: AtHand) -> Generator[float, None, dict[str, Any]]:
    """Original beside reconstruction for the best, median and worst test images; yields the share that is done."""
    found = yield from rebuilt(shown.model, images.test)
    titles = {"best": "Rebuilt best", "median": "In the middle", "worst": "Rebuilt worst"}
    groups = [rebuilt_group(titles[name], group, images.test) for name, group in found.items()]
    note = f"{images.note} " if images.note else ""
    note += (
        f"{len(images.test):,} test images, each rebuilt from its posterior mean. L1 is the mean absolute error over pixels "
        f"in [−1, 1]; half of the images are below {found['median'].errors[0]:.3f}."
    )
    return {"note": note, "groups": groups}


def rebuilt_group(title: str, group: Rebuilt, data: ImageData) -> dict[str, Any]:
    captions = [
        f"{data.class_names[int(data.labels[place])]}, L1 {error:.3f}"
        for place, error in zip(group.places, group.errors, strict=True)
    ]
    images = zip(group.originals[:, 0].numpy(), group.reconstructions[:, 0].numpy(), captions, strict=True)
    return pairs(title, ("original", "reconstruction"), images)


def memories(shown: ShownModel, images: AtHand) -> Generator[float, None, dict[str, Any]]:
    """The samples that lie nearest to training images, beside these; yields the share that is done."""
    z = torch.from_numpy(shown.draws[:LOOKED_UP])
    found = yield from nearest(shown.model, z, images.train, images.test)
    captions = [f"distance {distance:.3f}" for distance in found.distances[:SHOWN]]
    shown_pairs = zip(found.samples[:SHOWN, 0].numpy(), found.images[:SHOWN, 0].numpy(), captions, strict=True)
    title = f"The {len(captions)} of {len(z)} samples that are nearest to any of {len(images.train):,} training images"
    note = f"{images.note} " if images.note else ""
    return {"note": note + memory_note(found), "groups": [pairs(title, ("sample", "training image"), shown_pairs)]}


def memory_note(found: Nearest) -> str:
    """Whether samples are copies, in words: they are if they lie closer to training images than unseen images do."""
    own, unseen = np.array(found.distances), np.array(found.held_out_distances)
    if own.min() < 0.25 * unseen.min():
        answer = "Some samples are all but copies of training images"
    elif np.median(own) < 0.5 * np.median(unseen):
        answer = "Samples lie much closer to training images than unseen images do: it may have memorised some"
    else:
        answer = "No sign that it has memorised images"
    return (
        f"{answer}. Root mean square distance to the nearest training image: {np.median(own):.3f} for half of the samples "
        f"({own.min():.3f} at least), {np.median(unseen):.3f} for test images ({unseen.min():.3f} at least); a copy is at 0. "
        "Blurred images lie nearer to everything."
    )
