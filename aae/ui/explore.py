"""The Explore tab: encoded images beside the prior, and sliders that decode as they move."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import gradio as gr
import numpy as np

from aae.errors import AAEError
from aae.ui.components import digit_box, plane_box, readout_box, slider_link, spoken_box
from aae.ui.packing import packed_image
from aae.ui.panels import (
    ABOUT_VIEWS,
    AXES,
    LDA,
    PCA,
    SLIDER_LIMIT,
    WORST,
    decode_pixels,
    describe,
    digit_value,
    encode_random,
    held_out_image,
    opening_code,
    plane_value,
    view_value,
)
from aae.ui.session import Shelf, Visitor
from aae.ui.walk import build_walk

MAX_LATENT_DIM = 64
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
    ways: gr.Tabs
    """Below: the ways to walk, each in a tab of its own."""

    @property
    def outputs(self) -> list[gr.Component]:
        parts = [self.picker, self.about, self.view, self.first_axis, self.second_axis, self.plane, self.digit]
        return [*parts, *self.sliders]

    def show(
        self,
        key: str | None,
        visitor: Visitor,
        z: list[float] | None = None,
        view: str | None = None,
        first: int = 0,
        second: int = 1,
    ) -> list[Any]:
        """Values of `outputs` for the model of that key; at its opening code and view unless a link says others."""
        shown = self.shelf.pick(key, visitor)
        linked = z is not None
        z = z if z is not None else opening_code(shown)
        axes = list(range(shown.latent_dim))
        plane = shown.latent_dim == 2
        view = AXES if plane else view or PCA
        choosable = view == AXES and not plane
        opening = self.shelf.first()
        visitor.sliders = max(visitor.sliders, len(z), opening.latent_dim if opening else 0)
        return [
            gr.Dropdown(choices=self.shelf.choices(visitor), value=shown.key),
            describe(shown),
            gr.Radio(value=view, visible=not plane),
            gr.Dropdown(choices=axes, value=first, visible=choosable),
            gr.Dropdown(choices=axes, value=second, visible=choosable),
            plane_value(shown, view, first, second),
            digit_value(shown, z),
            # A link's z is finer than a slider's step: the sliders follow it, as they follow the plane.
            *[
                gr.Slider(visible=i < len(z)) if linked else gr.Slider(value=z[i] if i < len(z) else 0.0, visible=i < len(z))
                for i in range(visitor.sliders)
            ],
            *[gr.skip()] * (MAX_LATENT_DIM - visitor.sliders),  # this page has never shown them
        ]


def build_explore(shelf: Shelf, visitor: gr.State) -> Explore:
    """Lay out the tab and wire it."""
    opening = shelf.first()
    z = opening_code(opening) if opening else []
    with gr.Row(equal_height=False, elem_id="explore-parts"):
        with gr.Column(scale=7, min_width=320):
            with gr.Row():
                picker = gr.Dropdown(
                    shelf.choices(), value=opening.key if opening else None, label="Model", elem_id="model", min_width=200
                )
                flat = opening is None or opening.latent_dim == 2
                view = gr.Radio(
                    [PCA, LDA, WORST, AXES], value=PCA, label="View", elem_id="view", visible=not flat, min_width=200
                )
                axes = list(range(opening.latent_dim if opening else 2))
                first_axis = gr.Dropdown(axes, value=0, label="across", visible=False, min_width=80, elem_id="axis-x")
                second_axis = gr.Dropdown(axes, value=1, label="up", visible=False, min_width=80, elem_id="axis-y")
            with gr.Row(elem_classes="toggles"):
                follow = gr.Checkbox(False, label="z follows the pointer", elem_id="follow", min_width=160, container=False)
                overlay = gr.Checkbox(False, label="prior over codes", elem_id="overlay", min_width=130, container=False)
                field = gr.Checkbox(False, label="the discriminator's eye", elem_id="field", min_width=160, container=False)
            about = gr.Markdown(describe(opening) if opening else no_model_text(shelf), elem_id="about-model")
            plane = plane_box(
                plane_value(opening, PCA, 0, 1) if opening else None,
                "Two scatter plots on the same axes: codes of test images by class, and draws of the prior",
                "plane",
                held_out_image,
            )
            gr.Markdown(
                "Each coloured dot is a test image's code; the grey dots are as many draws of N(0, I). Both are seen along "
                "the same two orthonormal directions, so a good match looks alike. Circles are 1, 2 and 3 σ of the prior; "
                "bars on the edges are histograms of what is drawn, the line is N(0, 1). "
                "**Press and drag anywhere in either plot**: the ring is z. In more than two dimensions the plot is a flat "
                "slice through z: a drag moves z along the two directions drawn and leaves it as it is in all others. Shift "
                "and drag to pan, scroll to zoom, click a class to hide it. Point at a dot to see its image; "
                "click it, and z is its code. *The discriminator's eye* paints D over the slice through z: blue where it "
                "takes a code for a draw of the prior, orange where for an image's, a line where D = 0.5.\n\n"
                "Keys, once the plot is clicked or tabbed to: **arrows** move z by 0.1 σ (with Shift 0.5 σ), **r** draws from "
                "the prior, **0** goes to the origin, **1** to **9** go to the sliders z[0] to z[8].",
                elem_classes="hint",
            )
            with gr.Accordion("What the views show, and why they are linear", open=False):
                gr.Markdown(ABOUT_VIEWS)
        with gr.Column(scale=4, min_width=300, elem_id="panel"):
            digit = digit_box(digit_value(opening, z) if opening else None, "digit")
            readout_box()
            spoken_box()
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
    with gr.Tabs(elem_id="ways") as ways:
        build_walk()
    tab = Explore(shelf, picker, about, view, first_axis, second_axis, plane, digit, sliders, ways)
    wire(tab, visitor, random, origin, encode)
    link.rested(None, sliders, sliders, js="(...z) => window.aae.settle(z)", **QUIET)
    follow.change(None, follow, None, js="(follow) => { window.aae.follow = follow }", **QUIET)
    overlay.change(None, overlay, None, js="(overlay) => window.aae.overlay(overlay)", **QUIET)
    field.change(None, field, None, js="(field) => window.aae.showField(field)", **QUIET)
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
                view_value(shown, view, first, second),
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
