"""Share and keep: a link that opens on what is shown, z as JSON, pictures to save; all in the browser but opening a link."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import gradio as gr

from aae.errors import AAEError
from aae.ui.components import panel_box
from aae.ui.explore import QUIET, Explore
from aae.ui.panels import AXES, LDA, PCA, WORST
from aae.ui.session import YOUR_MODEL, Shelf, ShownModel, Visitor, as_code

VIEWS = {"pca": PCA, "lda": LDA, "worst": WORST, "axes": AXES}
TOGGLES = ("follow", "overlay", "field")
LONGEST = 2000  # characters of one value; 64 numbers take 500


@dataclass(frozen=True)
class Link:
    """What a link says to open on."""

    shown: ShownModel
    z: list[float] | None
    view: str | None
    axes: tuple[int, int]
    toggles: list[str]
    zoom: list[float] | None
    """Left, right, bottom and top of what is drawn, in σ."""
    hidden: list[int]
    """Classes, by their places among the model's."""


def read_link(query: object, shelf: Shelf) -> Link:
    """The query of a link, untrusted, as what it names; raises `AAEError` with the first thing that is wrong in it."""
    if not isinstance(query, dict) or any(not isinstance(v, str) or len(v) > LONGEST for v in query.values()):
        raise AAEError("This link cannot be read; ask for a new one.")
    key = query.get("model")
    if key == YOUR_MODEL:
        raise AAEError("A model that a visitor has trained cannot be opened by a link; ask for its file.")
    opening = shelf.first()
    if key not in (None, "") and key not in shelf.shipped:
        raise AAEError(f"There is no model {key[:40]!r} here; the link was made elsewhere, or the name is wrong.")
    if opening is None:
        raise AAEError("There is no model here that a link could open.")
    shown = shelf.shipped[key] if key else opening
    z = as_code(numbers(query["z"], "z"), shown.latent_dim)[0].tolist() if query.get("z") else None
    view = query.get("projection", "").lower()
    if view and view not in VIEWS:
        raise AAEError(f"The link asks for a view {view[:20]!r}; there are {', '.join(VIEWS)}.")
    axes = numbers(query["axes"], "axes") if query.get("axes") else [0, 1]
    if len(axes) != 2 or axes[0] == axes[1] or any(a != int(a) or not 0 <= a < shown.latent_dim for a in axes):
        raise AAEError(f"The link's axes must be two different dimensions from 0 to {shown.latent_dim - 1}.")
    zoom = numbers(query["zoom"], "zoom") if query.get("zoom") else None
    if zoom and (len(zoom) != 4 or zoom[0] >= zoom[1] or zoom[2] >= zoom[3]):
        raise AAEError("The link's zoom must be left, right, bottom and top of what is drawn.")
    hidden = numbers(query["hide"], "hide") if query.get("hide") else []
    if any(place != int(place) or not 0 <= place < len(shown.class_names) for place in hidden):
        raise AAEError(f"The link can hide classes 0 to {len(shown.class_names) - 1} of this model.")
    toggles = [name for name in query.get("show", "").split(",") if name]
    if any(name not in TOGGLES for name in toggles):
        raise AAEError(f"The link can show {', '.join(TOGGLES)} and nothing else.")
    return Link(shown, z, VIEWS.get(view), (int(axes[0]), int(axes[1])), toggles, zoom, [int(place) for place in hidden])


def numbers(text: str, name: str) -> list[float]:
    """Numbers between commas; raises `AAEError` for anything else."""
    try:
        values = [float(part) for part in text.split(",")]
    except ValueError as error:
        raise AAEError(f"The link's {name} must be numbers with commas between them.") from error
    if not all(math.isfinite(value) and abs(value) <= 100 for value in values):
        raise AAEError(f"The link's {name} must be numbers between -100 and 100.")
    return values


def build_link(tab: Explore, visitor: gr.State) -> None:
    """What keeps the address in step with the page, and opens what a link names; stands where it is always drawn."""
    link = link_box("link")

    def linked(visitor: Visitor, event: gr.EventData) -> list[Any]:
        try:
            read = read_link(event.query, tab.shelf)
            shown = tab.show(read.shown.key, visitor, read.z, read.view, *read.axes)
        except AAEError as error:
            return [*[gr.skip()] * len(tab.outputs), {"problem": f"{error} The page opens as usual."}]
        return [
            *shown,
            {"z": read.z, "model": read.shown.key, "toggles": read.toggles, "zoom": read.zoom, "hidden": read.hidden},
        ]

    link.linked(linked, visitor, [*tab.outputs, link], **QUIET)


def build_share() -> None:
    """The tab; to be called within `gr.Tab`."""
    share_box("share")
    gr.Markdown(
        "The link says which model, code z, view, switches, zoom and hidden classes are shown; whoever opens it sees the same. "
        "Nothing drawn at random is left out of it: the prior's draws in the plane are the same for everyone, and z is in the "
        "link. Your own model lives in your session only: a link cannot open it. Pictures of boards have a pixel for each "
        "pixel decoded.",
        elem_classes="hint",
    )


def link_box(elem_id: str) -> gr.HTML:
    """Keeps the page's address in step with what it shows; triggers `linked` with ``query`` if it was opened by a link.

    `value` is ``{"z": list or None, "model": key, "toggles": ids, "zoom": [left, right, bottom,
    top] or None, "hidden": places of classes}`` for what a link said, or ``{"problem": sentence}``.
    """
    return panel_box('<p class="problem" role="alert" hidden></p>', "link.js", elem_id, events=["linked"])


def share_box(elem_id: str) -> gr.HTML:
    """The link, z as JSON, and pictures to save: works in the browser alone."""
    button = '<button type="button" class="small-button" data-act="{}">{}</button>'
    saves = {
        "image": "Image, 32×32",
        "enlarged": "Image, 512×512",
        "figure": "Figure",
        "boards": "Boards",
        "gif": "A to B as GIF",
    }
    return panel_box(
        '<div class="share"><label>Link to what is shown<input type="text" class="address" readonly></label>'
        f"<p>{button.format('copy-link', 'Copy link')}</p>"
        '<label>z as JSON<textarea class="code" rows="3" spellcheck="false"></textarea></label>'
        f"<p>{button.format('copy-z', 'Copy z')} {button.format('take-z', 'Take z from this text')}</p>"
        f"<p><span>Save:</span> {' '.join(button.format(*item) for item in saves.items())}</p>"
        '<p class="told" role="status"></p></div>',
        "share.js",
        elem_id,
    )
