"""Your digit: a picture drawn or uploaded, normalised as the model's images were, encoded, and compared with what z gives."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

import gradio as gr
import torch

from aae.classifier import Classifier, classifier_path, load_classifier
from aae.data import to_model_range
from aae.errors import AAEError, CheckpointError, DataError
from aae.own_image import own_image
from aae.ui.components import panel_box
from aae.ui.explore import QUIET, Explore, told
from aae.ui.packing import packed_image
from aae.ui.session import ShownModel, Visitor

MOST_DRAWN = 200_000  # characters of a drawing; a full one has about 5,000


def build_own_digit(tab: Explore, visitor: gr.State) -> None:
    """Lay out the tab and wire it."""
    gr.Markdown(
        "Draw, or choose a picture of any size and colour (PNG, JPEG, WebP, GIF, BMP, TIFF). Digits are normalised as "
        "MNIST's were: strokes taken from their background, fitted into 20×20 pixels, antialiased, their centre of mass in the "
        "middle of 28×28, then enlarged to the 32×32 of the networks. For Fashion-MNIST the edges are trimmed, the whole is "
        "fitted into 28×28 pixels, sharpened, and turned to light on black. z becomes the code of the result; move z, and see "
        "whether it gets closer.",
        elem_classes="hint",
    )
    with gr.Row(elem_id="own"):
        with gr.Column(scale=4, min_width=280):
            drawing = draw_box("draw")
        with gr.Column(scale=3, min_width=240):
            picture = gr.File(
                label="or a picture",
                file_types=["image"],
                type="filepath",
                height=150,
                elem_id="own-file",
            )
            again = gr.Button("Take its code again", elem_id="btn-own", size="sm")
        with gr.Column(scale=7, min_width=300):
            result = own_box("own-result")

    def drawn(key: str, visitor: Visitor, event: gr.EventData) -> dict[str, Any]:
        with told():
            return value_of(tab.shelf.pick(key, visitor), lambda: from_data_url(event.png))

    def uploaded(key: str, visitor: Visitor, path: str | None) -> dict[str, Any]:
        with told():
            return value_of(tab.shelf.pick(key, visitor), lambda: Path(path or "").read_bytes()) if path else gr.skip()

    drawing.drawn(drawn, [tab.picker, visitor], result, trigger_mode="always_last", **QUIET)
    # In the queue, a few at a time: large pictures take memory and a second.
    limits = {**QUIET, "queue": True, "concurrency_limit": 2, "concurrency_id": "own-picture"}
    picture.upload(uploaded, [tab.picker, visitor, picture], result, **limits)
    result.again(uploaded, [tab.picker, visitor, picture], result, **limits)
    again.click(None, None, None, js="() => window.aae.takeOwnCode()", **QUIET)


def value_of(shown: ShownModel, content: Callable[[], bytes]) -> dict[str, Any]:
    """What the result shows of a picture whose bytes `content()` gives: the value of an `own_box`."""
    try:
        return encoded(shown, content())
    except (AAEError, OSError) as error:
        problem = str(error) if isinstance(error, AAEError) else "The picture is gone; choose it again."
        return {"problem": problem}


def from_data_url(url: object) -> bytes:
    """The bytes of a PNG in a data URL from a visitor's browser; raises `DataError` if it is none."""
    head = "data:image/png;base64,"
    if not isinstance(url, str) or not url.startswith(head) or len(url) > MOST_DRAWN:
        raise DataError("The drawing did not arrive; draw it again.")
    try:
        return base64.b64decode(url.removeprefix(head), validate=True)
    except binascii.Error as error:
        raise DataError("The drawing did not arrive; draw it again.") from error


@torch.no_grad()
def encoded(shown: ShownModel, content: bytes) -> dict[str, Any]:
    """A picture's normalised image, its code (the posterior mean), and what was done; raises `DataError`."""
    own = own_image(content, shown.dataset)
    x = to_model_range(own.image)
    z = shown.model.encode(x, sample=False)[0]
    return {
        "image": packed_image(own.image[0, 0].numpy()),
        "z": [round(float(value), 5) for value in z],
        "weights": shown.weights.name,
        "steps": own.steps + read_as(shown, x),
    }


def read_as(shown: ShownModel, x: torch.Tensor) -> str:
    """What the classifier that judges samples of the data set takes an image for; nothing where there is none."""
    classifier = _classifier(shown.dataset)
    if classifier is None or classifier.classes != len(shown.class_names):
        return ""
    shares = classifier(x).softmax(1)[0]
    best = int(shares.argmax())
    return f" The classifier that judges samples here reads {shown.class_names[best]} ({float(shares[best]):.0%})."


@lru_cache(maxsize=8)
def _classifier(dataset: str) -> Classifier | None:
    try:
        return load_classifier(classifier_path(dataset))
    except CheckpointError:
        return None


def draw_box(elem_id: str) -> gr.HTML:
    """A canvas to draw on; triggers `drawn` with ``png``, a data URL, while something is drawn."""
    return panel_box(
        '<div class="drawing"><canvas width="280" height="280" tabindex="0" role="img" aria-label="Drawing canvas, for a '
        'mouse, a finger or a pen; without one, choose a picture beside it. Control Z takes the last stroke back.">'
        '</canvas><p class="invitation" aria-hidden="true" hidden>draw here</p></div><div class="drawing-buttons">'
        '<button type="button" class="small-button undo" disabled>Undo</button>'
        '<button type="button" class="small-button clear" disabled>Clear</button></div>',
        "draw.js",
        elem_id,
        events=["drawn"],
    )


def own_box(elem_id: str) -> gr.HTML:
    """A visitor's picture beside what z decodes to, and the error between them, both as z moves.

    `value` is ``{"image": packed image, "z": its code, "weights": the decoder file's name, "steps": text}`` or
    ``{"problem": sentence}``. Triggers `again` when an uploaded picture is to be encoded anew.
    """
    names = {"own-x": "x: your picture, normalised", "own-rec": "x̂: decoded from z", "own-error": "error |x − x̂|"}
    figures = "".join(
        f'<figure><canvas id="{name}" width="32" height="32" role="img" aria-label="{text}"></canvas>'
        f"<figcaption>{text}</figcaption></figure>"
        for name, text in names.items()
    )
    return panel_box(
        f'<div class="own-figures" hidden>{figures}</div><p class="own-verdict" role="status"></p>'
        '<p class="own-steps" aria-live="polite"></p>',
        "own-digit.js",
        elem_id,
        events=["again"],
    )
