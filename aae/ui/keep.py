"""Keeping a model: download it as files, and upload a checkpoint later to go on with it."""

from __future__ import annotations

import base64
import re
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.events import Dependency

from aae.checkpoints import MAX_BYTES, save_checkpoint
from aae.errors import AAEError
from aae.ui.components import ASSETS, panel_box, static_url, status_box
from aae.ui.explore import QUIET, Explore, told
from aae.ui.runtime import MEBIBYTE
from aae.ui.session import YOUR_MODEL, Shelf, ShownModel, Visitor
from aae.uploads import read_checkpoint, record_json

KINDS = {
    "checkpoint": "Checkpoint (.safetensors)",
    "record": "Training record (.json)",
    "decoder": "Decoder for the browser (.bin)",
    "page": "Decoder as a page (.html)",
}
SUFFIXES = {"checkpoint": ".safetensors", "record": ".json", "decoder": ".bin", "page": ".html"}


def download(visitor: Visitor, shelf: Shelf, kind: str) -> dict[str, Any]:
    """Where the browser finds a file of the visitor's model: ``{"url", "name", "about"}``.

    It lies in a folder whose name nobody can guess, and goes with the model.

    Raises:
        AAEError: there is no model of the visitor's, or no such kind of file, or no room for it.
    """
    shown = visitor.own
    if shown is None:
        raise AAEError("There is no model of yours to download yet; train one or upload a checkpoint first.")
    if kind not in KINDS:
        raise AAEError("There is no such file; choose one of those offered.")
    path = shown.downloads / f"{file_stem(shown)}{SUFFIXES[kind]}"
    try:
        shown.downloads.mkdir(exist_ok=True)
        if not path.exists():
            place(shown, kind, path)
        size = path.stat().st_size
    except OSError as error:
        path.unlink(missing_ok=True)
        raise AAEError("There is no room for this file on the server; try again later.") from error
    about = f"{size / 1e6:.1f} MB" if size > 1e5 else f"{size / 1e3:.1f} kB"
    if kind == "checkpoint" and size > most_bytes(shelf):
        about += f": more than the {most_bytes(shelf) / MEBIBYTE:.0f} MB that can be uploaded here again"
    return {"url": static_url(path), "name": path.name, "about": about}


def place(shown: ShownModel, kind: str, path: Path) -> None:
    """Put a file of the model at `path`; raises `OSError` or `CheckpointError` where it cannot."""
    match kind:
        case "checkpoint":
            save_checkpoint(path, shown.checkpoint)
        case "record":
            path.write_text(record_json(shown.checkpoint), encoding="utf-8")
        case "decoder":
            path.hardlink_to(shown.weights)  # the same bytes, no second time on the disk
        case "page":
            path.write_text(decoder_page(shown.weights.read_bytes()), encoding="utf-8")


def most_bytes(shelf: Shelf) -> int:
    """The largest checkpoint that can be uploaded here."""
    return min(shelf.limits.upload_mebibytes * MEBIBYTE, MAX_BYTES)


def file_stem(shown: ShownModel) -> str:
    """What a downloaded file is called: data set and size."""
    record = shown.checkpoint.record
    dataset = re.sub(r"[^a-z0-9-]", "", record.dataset)[:40] if record else ""
    return "-".join(filter(None, ["aae", dataset, f"{shown.latent_dim}d"]))


def decoder_page(decoder: bytes) -> str:
    """A page that needs nothing else: the decoder's weights, `network.js`, and a slider for each dimension of z."""
    network = (ASSETS / "network.js").read_text(encoding="utf-8").replace("export ", "")
    page = (ASSETS / "decoder-page.html").read_text(encoding="utf-8")
    return page.replace("/*NETWORK*/", network).replace("/*WEIGHTS*/", base64.b64encode(decoder).decode())


def take_checkpoint(visitor: Visitor, shelf: Shelf, content: object) -> str:
    """Make an uploaded checkpoint the visitor's model, and say what it is.

    Raises:
        AAEError: the file is no sound checkpoint, or a run is under way; the visitor's model is then as it was.
    """
    if not isinstance(content, bytes):
        raise AAEError("No file has arrived; choose a checkpoint (.safetensors).")
    checkpoint = read_checkpoint(content, most_bytes(shelf))
    if visitor.running:
        raise AAEError("A run of yours is under way; stop it first.")
    visitor.keep(shelf.own(checkpoint))
    visitor.story = None  # that was another run
    if checkpoint.training:
        further = "Training goes on exactly where it stood."
    elif checkpoint.train_config and checkpoint.record:
        further = "It carries no training state: training goes on from its weights, with fresh optimisers, from epoch 0."
    else:
        further = "It does not say how it was trained, so it can be looked at, and not trained on."
    return f"This is your model now, in every tab. {further}"


def download_box(elem_id: str) -> gr.HTML:
    """Downloads a file as soon as its `value` arrives, ``{"url", "name", "about"}``, and leaves a link to it."""
    return panel_box('<p class="download" aria-live="polite"><a hidden></a> <span></span></p>', "download.js", elem_id)


def build_keep(shelf: Shelf, visitor: gr.State, explore: Explore) -> Dependency:
    """Lay out the panel and wire it; an upload shows in `explore`, and what is to follow it hangs on the result."""
    with gr.Accordion("Keep your model, or go on with one that you kept", open=True, elem_id="keep"):
        with gr.Row(elem_classes="keep-buttons"):
            buttons = [
                (kind, gr.Button(title, size="sm", elem_id=f"btn-get-{kind}", min_width=170)) for kind, title in KINDS.items()
            ]
            upload = gr.UploadButton(
                "Upload a checkpoint",
                file_types=[".safetensors"],
                type="binary",
                size="sm",
                variant="primary",
                elem_id="upload-checkpoint",
                min_width=170,
            )
        link = download_box("download")
        box = status_box({"text": about_upload(shelf), "state": "idle"}, "keep-status")
        with gr.Accordion("What to do with these files", open=False):
            gr.Markdown(ABOUT_FILES)

    def take(visitor: Visitor, content: bytes | None) -> tuple[Any, ...]:
        try:
            text = take_checkpoint(visitor, shelf, content)
        except AAEError as error:
            return {"text": str(error), "state": "error"}, *[gr.skip()] * len(explore.outputs)
        return {"text": text, "state": "done"}, *explore.show(YOUR_MODEL, visitor)

    def get(kind: str) -> Any:  # noqa: ANN401 (a Gradio handler)
        def handle(visitor: Visitor) -> dict[str, Any]:
            with told():
                return download(visitor, shelf, kind)

        return handle

    for kind, button in buttons:
        button.click(get(kind), visitor, link, **QUIET)
    return upload.upload(
        take,
        [visitor, upload],
        [box, *explore.outputs],
        concurrency_id="upload",
        concurrency_limit=1,  # each holds a whole file in memory
        show_progress="minimal",
        show_progress_on=box,
        api_visibility="private",
    )


def about_upload(shelf: Shelf) -> str:
    return (
        f"A checkpoint of this app (.safetensors, at most {most_bytes(shelf) / MEBIBYTE:.0f} MB), downloaded here or trained "
        "on the command line, becomes your model; only you see it."
    )


ABOUT_FILES = """
- **Checkpoint**: all three networks, how they were trained, codes of held-out images, and the optimisers' state. Upload it here
  later, or go on with it on your own machine: `python -m aae train --resume FILE --epochs 3`. In Python:
  `from aae import AAE; model = AAE.load("FILE")`.
- **Training record**: every setting, and the losses of each epoch, as JSON.
- **Decoder as a page**: open it in any browser, without a network or a server, and move through the latent space. Its source
  shows how the decoder is used.
- **Decoder for the browser**: the same weights as a small file for a page of your own. A little-endian uint32 gives the length
  of a JSON header, `{"latent_dim": n, "layers": [{"inputs", "outputs", "activation"}]}`, which follows; then come, for each
  layer, its weights (outputs × inputs, row by row) and biases as float16. Activations are `linear`, `leaky_relu` (slope 0.2)
  and `tanh`; batch norm is folded in. The class `Network` in the page's source reads it:

```js
const decoder = new Network(await (await fetch("decoder.bin")).arrayBuffer());
const pixels = decoder.run(z);  // z: n numbers → 1,024 pixels in [-1, 1], row by row
```
"""
