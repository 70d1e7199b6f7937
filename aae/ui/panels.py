"""What Explore's parts show of a model: the values of its components, from the core's functions."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from aae.config import Dataset
from aae.data import OWN, ImageData, load_images, to_model_range
from aae.errors import AAEError, DataError
from aae.figures import latent_figure
from aae.latent import Projection, axis_projection, held_out_indices, lda_projection, pca_projection
from aae.losses import reconstruction_loss
from aae.objectives import TITLES
from aae.ui.components import static_url
from aae.ui.packing import figure_value, packed_image, packed_points
from aae.ui.session import ShownModel, as_code, own_held_out

SLIDER_LIMIT = 3.5
DIGIT_SETS: tuple[Dataset, ...] = ("mnist", "qmnist", "emnist-digits", "usps", "digits-sample")
PCA, LDA, WORST, AXES = "PCA", "LDA", "Worst view", "Two axes"


def opening_code(shown: ShownModel) -> list[float]:
    """Where the sliders stand at first: at a held-out image's code, of median norm among the first; else at the origin."""
    if not len(shown.codes):
        return [0.0] * shown.latent_dim
    first = shown.codes[:51]
    return slider_values(first[np.argsort(np.linalg.norm(first, axis=1))[len(first) // 2]])


def slider_values(z: np.ndarray) -> list[float]:
    return [round(float(value), 2) for value in np.clip(z, -SLIDER_LIMIT, SLIDER_LIMIT)]


def projection_of(shown: ShownModel, view: str, first: int, second: int) -> Projection:
    if shown.latent_dim > 2:
        match view:
            case "PCA":
                return pca_projection(shown.codes)
            case "LDA":
                return lda_projection(shown.codes, shown.labels)
            case "Worst view":
                return shown.worst_view
    return axis_projection(shown.latent_dim, first, second)


def plane_value(shown: ShownModel, view: str, first: int, second: int) -> dict[str, Any]:
    """The figure of q(z) beside as many draws of the prior, in one projection."""
    images = held_out(shown.dataset)
    return {
        **plane_figure(shown, view, first, second),
        "codes": static_url(shown.codes_file),
        "class_names": shown.class_names,
        "dataset": shown.dataset,
        "originals": images is not None and len(held_out_indices(len(images))) == len(shown.codes),
    }


def plane_figure(shown: ShownModel, view: str, first: int, second: int) -> dict[str, Any]:
    """What is the same at every look. Kept, as all visitors see it: Plotly takes 50 ms, in which nobody else is served."""
    if view not in shown.figures:
        projection = projection_of(shown, view, first, second)
        figure = latent_figure(
            projection(shown.codes),
            shown.labels,
            shown.class_names,
            projection(shown.draws),
            projection.labels,
            revision="plane",  # one for all models: zoom and, for the same classes, the filter survive
            interactive=False,
        )
        value = figure_value(figure, projection.axes)
        if view == AXES and shown.latent_dim > 2:  # of these there are too many
            return value
        shown.figures[view] = value
    return shown.figures[view]


def view_value(shown: ShownModel, view: str, first: int, second: int) -> dict[str, Any]:
    """Another view of what the plane draws: only where its points lie, by trace, and what its axes are."""
    projection = projection_of(shown, view, first, second)
    by_class = np.argsort(shown.labels, kind="stable")
    across, up = projection.labels
    return {
        "points": packed_points(np.concatenate([projection(shown.codes[by_class]), projection(shown.draws)])),
        "titles": {"xaxis": across, "xaxis2": across, "yaxis": up},
        "axes": projection.axes.tolist(),
        "codes": static_url(shown.codes_file),
    }


def held_out(dataset: str) -> ImageData | None:
    """The test images of a data set, if they are at hand without a download; nothing stands in for them."""
    if (own := own_held_out.get(dataset)) is not None:
        return own
    try:
        return load_images(dataset, "test", download=False)
    except DataError:
        return None


def held_out_image(request: object) -> str | None:
    """The image behind a code, packed: `request` is [data set, place among a checkpoint's codes], from the browser."""
    match request:
        case [str(dataset), int(place)]:
            images = held_out(dataset)
        case _:
            return None
    if images is None:
        return None
    indices = held_out_indices(len(images))
    return packed_image(images.images[indices[place], 0].numpy()) if 0 <= place < len(indices) else None


def held_out_images(request: object) -> list[str | None] | None:
    """The images behind up to ten codes: `request` is [data set, places]; as `held_out_image`."""
    match request:
        case [str(dataset), list(places)] if len(places) <= 10:
            return [held_out_image([dataset, place]) for place in places]
    return None


def digit_value(shown: ShownModel, z: list[float]) -> dict[str, Any]:
    judged = shown.checkpoint.objective == "aae"  # what an untrained D says of a code is nothing to show
    urls = {"weights": static_url(shown.weights), "discriminator": static_url(shown.discriminator_file) if judged else None}
    return {**urls, "model": shown.key, "latent_dim": shown.latent_dim, "z": z, "original": None, "note": ""}


def describe(shown: ShownModel) -> str:
    """One line on where a model comes from."""
    record, config = shown.checkpoint.record, shown.checkpoint.train_config
    if record is None or config is None:
        return f"{shown.latent_dim} latent dimensions."
    quality = f", test L1 {record.metrics['test_l1']:.4f}" if "test_l1" in record.metrics else ""
    kind = "" if config.objective == "aae" else f"{TITLES[config.objective]}, for comparison: it has no discriminator. "
    images = "own images" if record.dataset == OWN else record.dataset
    return (
        f"{kind}{shown.latent_dim} latent dimensions; {record.epochs:.4g} epochs of {images} "
        f"(preset {config.preset}, seed {config.seed}){quality}."
    )


def originals(dataset: str) -> ImageData | None:
    """Test images of a data set if they are at hand without a download; the offline digits for digit sets."""
    images = held_out(dataset)
    if images is None and dataset in DIGIT_SETS:
        return load_images("digits-sample", "test")
    return images


def encode_random(shown: ShownModel) -> tuple[dict[str, Any], list[float]]:
    """A random test image: what the digit panel shows of it, and the code that the sliders take."""
    data = originals(shown.dataset)
    value = digit_value(shown, [])
    if data is None:
        if not len(shown.codes):
            raise AAEError("This model's images are not at hand, and it carries no codes of them.")
        place = int(np.random.default_rng().integers(len(shown.codes)))
        name = shown.class_names[int(shown.labels[place])]
        note = f"The reconstruction of a held-out image of class {name}; the original is not on this machine."
        return {**value, "note": note}, slider_values(shown.codes[place])
    place = int(np.random.default_rng().integers(len(data)))
    x = to_model_range(data.images[place : place + 1])
    code = shown.model.encode(x, sample=False)
    error = reconstruction_loss(shown.model.decode(code), x).item()
    source = (
        "an image of the offline sample, part of MNIST's training set"
        if data.dataset == "digits-sample"
        else ("a held-out image of yours" if data.dataset == OWN else f"a test image of {data.dataset}")
    )
    note = f"Class {data.class_names[int(data.labels[place])]}, {source}; its reconstruction has L1 {error:.3f}."
    return {**value, "original": packed_image(data.images[place, 0].numpy()), "note": note}, slider_values(code[0].numpy())


def decode_pixels(shown: ShownModel, z: object) -> np.ndarray:
    """The decoder on the server: numbers to a uint8 image `(32, 32)`; `AAEError` for numbers that are no code."""
    with torch.no_grad():
        x = shown.model.decode(as_code(z, shown.latent_dim))[0, 0]
    return ((x + 1) * 127.5).round().to(torch.uint8).numpy()


ABOUT_VIEWS = """
Each view looks along two orthonormal directions of the latent space; nothing is bent or rescaled.

- **PCA**: where the codes vary most; the axes say with which share of the variance. If q(z) is the prior,
  no direction stands out.
- **LDA**: where the classes lie furthest apart for their spread.
- **Worst view**: where q(z) and the prior differ most. A search over all directions looks for the largest 2-Wasserstein
  distance; the axes give it in σ, beside what the same search finds between two sets of draws of the prior. Equal numbers
  mean that no linear view can tell the two apart.
- **Two axes**: two of the latent dimensions as they are.

Why only linear views? Seen along orthonormal directions, N(0, I) stays N(0, I₂): the rings mean the same in every view, and two
points are never closer than they look apart. t-SNE and UMAP bend space to keep neighbours together; densities, distances and
gaps in them are partly their own making, so whether q(z) fills the prior cannot be read off them.
"""
