"""The Explore tab: encoded images beside the prior, and sliders that decode as they move."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import gradio as gr
import numpy as np
import torch

from aae.config import Dataset
from aae.data import ImageData, load_images, to_model_range
from aae.errors import AAEError, DataError
from aae.figures import latent_figure
from aae.latent import Projection, axis_projection, pca_projection
from aae.losses import reconstruction_loss
from aae.priors import GaussianPrior
from aae.ui.components import digit_box, figure_value, packed_image, plane_box, slider_link, static_url
from aae.ui.session import Shelf, ShownModel, Visitor, as_code

MAX_LATENT_DIM = 64
SLIDER_LIMIT = 3.5
DIGIT_SETS: tuple[Dataset, ...] = ("mnist", "qmnist", "emnist-digits", "usps", "digits-sample")
PCA, AXES = "PCA", "Two axes"
QUIET: dict[str, Any] = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}


@dataclass
class Explore:
    """The tab's components that others update, in the order in which `show` gives their values."""

    shelf: Shelf
    picker: gr.Dropdown
    about: gr.Markdown
    view: gr.Radio
    first_axis: gr.Dropdown
    second_axis: gr.Dropdown
    plane: gr.HTML
    digit: gr.HTML
    sliders: list[gr.Slider]

    @property
    def outputs(self) -> list[gr.Component]:
        parts = [self.picker, self.about, self.view, self.first_axis, self.second_axis, self.plane, self.digit]
        return [*parts, *self.sliders]

    def show(self, key: str | None, visitor: Visitor) -> list[Any]:
        """Values of `outputs` for the model of that key."""
        shown = self.shelf.pick(key, visitor)
        z = opening_code(shown)
        axes = list(range(shown.latent_dim))
        plane = shown.latent_dim == 2
        return [
            gr.Dropdown(choices=self.shelf.choices(visitor), value=shown.key),
            describe(shown),
            gr.Radio(value=AXES if plane else PCA, visible=not plane),
            gr.Dropdown(choices=axes, value=0, visible=False),
            gr.Dropdown(choices=axes, value=1, visible=False),
            plane_value(shown, AXES if plane else PCA, 0, 1),
            digit_value(shown, z),
            *[gr.Slider(value=z[i] if i < len(z) else 0.0, visible=i < len(z)) for i in range(MAX_LATENT_DIM)],
        ]


def opening_code(shown: ShownModel) -> list[float]:
    """Where the sliders stand at first: at the code of a held-out image, else at the origin."""
    z = shown.codes[0] if len(shown.codes) else np.zeros(shown.latent_dim)
    return slider_values(z)


def slider_values(z: np.ndarray) -> list[float]:
    return [round(float(value), 2) for value in np.clip(z, -SLIDER_LIMIT, SLIDER_LIMIT)]


def projection_of(shown: ShownModel, view: str, first: int, second: int) -> Projection:
    if view == PCA and shown.latent_dim > 2:
        return pca_projection(shown.codes)
    return axis_projection(shown.latent_dim, first, second)


def plane_value(shown: ShownModel, view: str, first: int, second: int) -> dict[str, Any]:
    """The figure of q(z) beside as many draws of the prior, in one projection."""
    projection = projection_of(shown, view, first, second)
    draws = GaussianPrior(shown.latent_dim).sample(len(shown.codes) or 1000, torch.Generator().manual_seed(0))
    figure = latent_figure(
        projection(shown.codes),
        shown.labels,
        shown.class_names,
        projection(draws.numpy()),
        projection.labels,
        revision=shown.weights.stem,
        pan=False,
    )
    return figure_value(figure, projection.axes)


def digit_value(shown: ShownModel, z: list[float]) -> dict[str, Any]:
    url = static_url(shown.weights)
    return {"weights": url, "latent_dim": shown.latent_dim, "z": z, "original": None, "note": ""}


def describe(shown: ShownModel) -> str:
    """One line on where a model comes from."""
    record, config = shown.checkpoint.record, shown.checkpoint.train_config
    if record is None or config is None:
        return f"{shown.latent_dim} latent dimensions."
    quality = f", test L1 {record.metrics['test_l1']:.4f}" if "test_l1" in record.metrics else ""
    return (
        f"{shown.latent_dim} latent dimensions; {record.epochs:g} epochs of {record.dataset} "
        f"(preset {config.preset}, seed {config.seed}){quality}."
    )


def originals(dataset: str) -> ImageData | None:
    """Test images of a data set if they are at hand without a download; the offline digits for digit sets."""
    try:
        return load_images(dataset, "test", download=False)
    except DataError:
        return load_images("digits-sample", "test") if dataset in DIGIT_SETS else None


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
        else (f"a test image of {data.dataset}")
    )
    note = f"Class {data.class_names[int(data.labels[place])]}, {source}; its reconstruction has L1 {error:.3f}."
    return {**value, "original": packed_image(data.images[place, 0].numpy()), "note": note}, slider_values(code[0].numpy())


def decode_pixels(shown: ShownModel, z: object) -> np.ndarray:
    """The decoder on the server: numbers to a uint8 image `(32, 32)`; `AAEError` for numbers that are no code."""
    with torch.no_grad():
        x = shown.model.decode(as_code(z, shown.latent_dim))[0, 0]
    return ((x + 1) * 127.5).round().to(torch.uint8).numpy()


def build_explore(shelf: Shelf, visitor: gr.State) -> Explore:
    """Lay out the tab and wire it."""
    opening = shelf.first()
    z = opening_code(opening) if opening else []
    with gr.Row(equal_height=False):
        with gr.Column(scale=7, min_width=320):
            with gr.Row():
                picker = gr.Dropdown(
                    shelf.choices(), value=opening.key if opening else None, label="Model", elem_id="model", min_width=200
                )
                flat = opening is None or opening.latent_dim == 2
                view = gr.Radio([PCA, AXES], value=PCA, label="View", elem_id="view", visible=not flat, min_width=200)
                axes = list(range(opening.latent_dim if opening else 2))
                first_axis = gr.Dropdown(axes, value=0, label="across", visible=False, min_width=80, elem_id="axis-x")
                second_axis = gr.Dropdown(axes, value=1, label="up", visible=False, min_width=80, elem_id="axis-y")
                follow = gr.Checkbox(False, label="z follows the pointer", elem_id="follow", min_width=160, container=False)
            about = gr.Markdown(describe(opening) if opening else no_model_text(shelf), elem_id="about-model")
            plane = plane_box(
                plane_value(opening, PCA, 0, 1) if opening else None,
                "Two scatter plots on the same axes: codes of test images by class, and draws of the prior",
                "plane",
            )
            gr.Markdown(
                "Each coloured dot is a test image's code; the grey dots are as many draws of N(0, I). Both are seen along "
                "the same two orthonormal directions, so a good match looks alike. Circles are 1, 2 and 3 σ of the prior. "
                "**Press and drag anywhere in either plot**: the ring is z. In more than two dimensions the plot is a flat "
                "slice through z: a drag moves z along the two directions drawn and leaves it as it is in all others. Shift "
                "and drag to pan, scroll to zoom, click a class to hide it.",
                elem_classes="hint",
            )
        with gr.Column(scale=4, min_width=300, elem_id="panel"):
            digit = digit_box(digit_value(opening, z) if opening else None, "digit")
            link = slider_link()
            with gr.Row(elem_id="walk"):
                random = gr.Button("Random z", elem_id="btn-random", size="sm", min_width=80)
                origin = gr.Button("Origin", elem_id="btn-origin", size="sm", min_width=80)
                encode = gr.Button("Encode a test image", elem_id="btn-encode", size="sm", min_width=140)
            with gr.Group(elem_classes="sliders"):
                sliders = [
                    gr.Slider(
                        -SLIDER_LIMIT,
                        SLIDER_LIMIT,
                        value=z[i] if i < len(z) else 0.0,
                        step=0.01,
                        label=f"z[{i}]",
                        elem_id=f"z-{i}",
                        visible=i < len(z),
                        buttons=[],
                    )
                    for i in range(MAX_LATENT_DIM)
                ]
    tab = Explore(shelf, picker, about, view, first_axis, second_axis, plane, digit, sliders)
    wire(tab, visitor, random, origin, encode)
    link.rested(None, sliders, sliders, js="(...z) => window.aae.settle(z)", **QUIET)
    follow.change(None, follow, None, js="(follow) => { window.aae.follow = follow }", **QUIET)
    return tab


def wire(tab: Explore, visitor: gr.State, random: gr.Button, origin: gr.Button, encode: gr.Button) -> None:
    shelf, sliders = tab.shelf, tab.sliders

    def show(key: str, visitor: Visitor) -> list[Any]:
        with told():
            return tab.show(key, visitor)

    def view(key: str, visitor: Visitor, view: str, first: int, second: int) -> tuple[Any, ...]:
        with told():
            shown = shelf.pick(key, visitor)
            if first == second:
                second = (first + 1) % shown.latent_dim
            choosable = view == AXES and shown.latent_dim > 2
            return (
                gr.Dropdown(visible=choosable),
                gr.Dropdown(value=second, visible=choosable),
                plane_value(shown, view, first, second),
            )

    def encode_one(key: str, visitor: Visitor) -> list[Any]:
        with told():
            shown = shelf.pick(key, visitor)
            value, z = encode_random(shown)
            return [value, *z, *[gr.skip()] * (MAX_LATENT_DIM - len(z))]

    def fallback(key: str, visitor: Visitor, event: gr.EventData) -> dict[str, Any]:
        with told():
            shown = shelf.pick(key, visitor)
            return {**digit_value(shown, []), "pixels": packed_image(decode_pixels(shown, event.z))}

    # Browser only: no request while a slider moves.
    gr.on(
        [slider.change for slider in sliders],
        None,
        sliders,
        None,
        js="(...z) => window.aae?.draw(z)",
        trigger_mode="multiple",
        **QUIET,
    )
    random.click(None, sliders, sliders, js="(...z) => window.aae.fromPrior(z)", **QUIET)
    origin.click(None, sliders, sliders, js="(...z) => window.aae.origin(z)", **QUIET)
    encode.click(encode_one, [tab.picker, visitor], [tab.digit, *sliders], **QUIET)
    tab.picker.input(show, [tab.picker, visitor], tab.outputs, **QUIET)
    gr.on(
        [tab.view.input, tab.first_axis.input, tab.second_axis.input],
        view,
        [tab.picker, visitor, tab.view, tab.first_axis, tab.second_axis],
        [tab.first_axis, tab.second_axis, tab.plane],
        trigger_mode="always_last",
        **QUIET,
    )
    tab.digit.undecoded(fallback, [tab.picker, visitor], tab.digit, trigger_mode="always_last", **QUIET)
    add_decode_endpoint(shelf)


def add_decode_endpoint(shelf: Shelf) -> None:
    """`/decode` for programs: a list of latent_dim numbers (and a shipped model's name) to a PNG of 32x32 pixels."""
    opening = shelf.first()
    z = gr.JSON(visible=False)
    model = gr.Textbox(opening.key if opening else "", visible=False)
    image = gr.Image(visible=False, format="png", image_mode="L")

    def decode(z: list[float], model: str) -> np.ndarray:
        with told():
            return decode_pixels(shelf.pick(model), z)

    gr.Button(visible=False).click(decode, [z, model], image, api_name="decode", queue=False)


@contextmanager
def told() -> Iterator[None]:
    """Tell the visitor of an `AAEError` in its own words."""
    try:
        yield
    except AAEError as error:
        raise gr.Error(str(error), print_exception=False) from error


def no_model_text(shelf: Shelf) -> str:
    reasons = " ".join(shelf.notices)
    return f"There is no trained model here yet: train one in the **Train** tab, it takes a minute. {reasons}".strip()
