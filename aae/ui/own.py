"""Own images in the Train tab: a zip that becomes a choice among the data sets, for this visitor alone."""

from __future__ import annotations

import weakref
from typing import Any

import gradio as gr
import torch

from aae.config import IMAGE_SIZE, Dataset
from aae.data import OWN, TITLES, ImageData, load_images
from aae.errors import AAEError, DataError
from aae.image_files import FORMATS
from aae.own_data import OwnImages, ZipLimits, read_zip
from aae.ui.components import panel_box, status_box
from aae.ui.explore import QUIET
from aae.ui.packing import packed_image
from aae.ui.runtime import MEBIBYTE
from aae.ui.session import Shelf, Visitor

SHEET_COLUMNS, SHEET_ROWS = 8, 3
MOST_BYTES = 512 * MEBIBYTE
"""Memory of all visitors' zips together; each goes with its page."""
_held: weakref.WeakValueDictionary[int, OwnImages] = weakref.WeakValueDictionary()


def images_of(visitor: Visitor, dataset: str) -> tuple[ImageData, ImageData]:
    """Training and held-out images of a data set, or of the visitor's zip if that is chosen; raises `DataError`."""
    if dataset == OWN:
        if visitor.images is None:
            raise DataError("Upload a zip of your images first, or choose another data set.")
        return visitor.images.train, visitor.images.held_out
    data = load_images(dataset, "train")
    return data, load_images(data.dataset, "test")


def loading(dataset: str) -> str:
    """What to say while `images_of` works."""
    title = next((title for title, name in dataset_choices() if name == dataset), dataset)
    return "Taking your images …" if dataset == OWN else f"Loading {title} (downloaded on first use) …"


def dataset_choices(visitor: Visitor | None = None) -> list[tuple[str, Dataset]]:
    """(title, name) of what this visitor can train on."""
    named = [(title, name) for name, title in TITLES.items()]
    return named if visitor is None or visitor.images is None else [*named, (f"Your images ({len(visitor.images):,})", OWN)]


def take_zip(visitor: Visitor, content: object, limits: ZipLimits) -> OwnImages:
    """Read an uploaded zip and give it to the visitor; raises `DataError`, and the visitor's images are then as they were."""
    if not isinstance(content, bytes):
        raise DataError("No file has arrived; choose a zip of images.")
    images = read_zip(content, limits)
    if images.nbytes + sum(others.nbytes for others in _held.values() if others is not visitor.images) > MOST_BYTES:
        raise DataError("Other visitors' images fill the memory that there is for them; try again later, or with fewer.")
    _held[id(images)] = visitor.images = images
    return images


def sheet(images: OwnImages) -> dict[str, Any]:
    """Some of the images as the networks will see them: a few of each class in turn."""
    data = images.train
    by_class = torch.argsort(data.labels, stable=True)  # evenly spread places among them meet each class
    count = min(SHEET_COLUMNS * SHEET_ROWS, len(data))
    places = by_class[torch.linspace(0, len(data) - 1, count).round().long()]
    return {"images": packed_image(data.images[places, 0].numpy()), "columns": SHEET_COLUMNS}


def sheet_box(elem_id: str, description: str) -> gr.HTML:
    """Images of 32x32 pixels side by side: `value` is made by `sheet`."""
    return panel_box(f'<canvas class="sheet" role="img" aria-label="{description}" hidden></canvas>', "sheet.js", elem_id)


def build_own(shelf: Shelf, visitor: gr.State, dataset: gr.Dropdown) -> None:
    """Lay out the upload and wire it to the choice of data sets."""
    limits = ZipLimits.for_uploads(shelf.limits.upload_mebibytes)
    with gr.Accordion("Your own images", open=False, elem_id="own-images"):
        gr.Markdown(about(limits), elem_classes="hint")
        upload = gr.File(
            label="A zip of images", file_types=[".zip"], type="binary", height=110, elem_id="own-zip", show_label=False
        )
        box = status_box({"text": "No zip yet.", "state": "idle"}, "own-status")
        preview = sheet_box("own-sheet", "Some of your images, as the networks will see them")

    def take(visitor: Visitor, content: bytes | None) -> tuple[Any, ...]:
        try:
            images = take_zip(visitor, content, limits)
        except AAEError as error:
            return gr.skip(), {"text": str(error), "state": "error"}, gr.skip()
        return gr.Dropdown(choices=dataset_choices(visitor), value=OWN), {"text": images.about, "state": "done"}, sheet(images)

    def drop(visitor: Visitor, chosen: str) -> tuple[Any, ...]:
        visitor.images = None
        value = next(iter(TITLES)) if chosen == OWN else chosen
        return gr.Dropdown(choices=dataset_choices(), value=value), {"text": "Your images are forgotten.", "state": "idle"}, {}

    outputs = [dataset, box, preview]
    upload.upload(
        take,
        [visitor, upload],
        outputs,
        concurrency_id="upload",
        concurrency_limit=1,  # each holds a whole file in memory
        show_progress="minimal",
        show_progress_on=box,
        api_visibility="private",
    )
    upload.clear(drop, [visitor, dataset], outputs, **QUIET)


def about(limits: ZipLimits) -> str:
    return (
        f"A zip of at most {limits.zip_bytes / MEBIBYTE:.0f} MB and {limits.images:,} images "
        f"({', '.join(FORMATS[:-1])} or PGM). The folder that an image lies in is its class; without folders there is one. "
        f"Images become grey, {IMAGE_SIZE}×{IMAGE_SIZE} pixels; the shorter side is padded with the border's grey, nothing is "
        "cut off, and light and dark stay as they are. A tenth is held out. They stay in memory, for you alone, until this "
        "page is closed or loaded again."
    )
