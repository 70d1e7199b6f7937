"""Page components of our own: `gr.HTML` around the JavaScript modules in `assets/`.

Functions, not subclasses: for each subclass Gradio writes a stub file beside the source when it is imported. The templates
are static, because Gradio evaluates what stands in a template; content travels in `value`, and the modules put it in place.
"""

from __future__ import annotations

import atexit
import shutil
import tempfile
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
import plotly

from aae.ui.packing import packed_image

ASSETS = Path(__file__).parent / "assets"
PLOTLY_JS = Path(plotly.__file__).parent / "package_data" / "plotly.min.js"


def static_url(path: Path) -> str:
    """Where the page finds a file below a static path; relative, so that it holds behind a proxy's prefix too."""
    return f"gradio_api/file={path}"


@cache
def served_modules() -> Path:
    """A copy of the JavaScript modules, in a folder of this process: after an update no browser mixes old with new ones.

    Gradio serves files without saying for how long they hold, and a module names the others it imports by their paths.
    """
    folder = Path(tempfile.mkdtemp(prefix="aae-modules-")).resolve()
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    for path in ASSETS.glob("*.js"):
        shutil.copy(path, folder)
    # Chrome's mark for a script of which every part is compiled at once, on another thread: a quarter of a second less until
    # the first figure. To other browsers it is a comment.
    (folder / PLOTLY_JS.name).write_bytes(b"//# allFunctionsCalledOnLoad\n" + PLOTLY_JS.read_bytes())
    return folder


def head() -> str:
    """What the page's head must say: that Plotly is needed soon, so that it comes while Gradio builds the page."""
    return f'<link rel="preload" as="script" href="{static_url(served_modules() / PLOTLY_JS.name)}">'


def _mount(module: str, *events: str) -> str:
    """Script that hands a component to its module.

    Gradio lets Python listen to an event of ours only if its name stands quoted in this script.
    """
    url = static_url(served_modules() / module)
    return (
        f"import(new URL({url!r}, document.baseURI)).then((module) => "
        f"module.mount({{ element, props, watch, trigger, server, events: {list(events)} }}))"
    )


def figure_box(value: dict[str, Any] | None, description: str, elem_id: str) -> gr.HTML:
    """A Plotly figure that keeps zoom and hidden classes through updates; its `value` is made by `figure_value`.

    A `value` of ``{"points": packed_points(...)}`` moves the points of the figure that is drawn, and with ``"titles"`` (axis to
    text) names its axes anew. ``"codes"``, if it has them, must be those of that figure.
    """
    return _figure(value, description, elem_id, _mount("figure.js"))


def plane_box(
    value: dict[str, Any] | None, description: str, elem_id: str, held_out_image: Callable[[object], str | None]
) -> gr.HTML:
    """A `figure_box` of a latent plane: it marks where z stands, a pointer in it moves z, and points show their images.

    Its `value` also has ``"codes"`` (URL), ``"class_names"``, ``"dataset"`` and ``"originals"`` (whether `held_out_image`,
    which takes [dataset, place] and gives a packed image, has the images behind the codes).
    """
    keys = "Arrow keys move z, r draws it from the prior, 0 takes it to the origin, 1 to 9 go to a slider."
    return _figure(value, f"{description}. {keys}", elem_id, _mount("plane.js"), [held_out_image], role="application")


def _figure(
    value: dict[str, Any] | None,
    description: str,
    elem_id: str,
    script: str,
    functions: Sequence[Callable[..., Any]] = (),
    role: str = "img",
) -> gr.HTML:
    return gr.HTML(
        value,
        html_template=f'<div class="figure-frame" role="{role}" aria-label="{description}"><div class="figure"></div></div>',
        js_on_load=script,
        server_functions=list(functions) or None,
        apply_default_css=False,
        elem_id=elem_id,
    )


def panel_box(
    html: str,
    module: str,
    elem_id: str,
    functions: Sequence[Callable[..., Any]] = (),
    *,
    value: dict[str, Any] | None = None,
    events: Sequence[str] = (),
) -> gr.HTML:
    """A part of the page that its module runs: static `html`, and the server functions that the module may call.

    The module hears of each new `value`, and triggers `events`, which Python may listen to by their names.
    """
    return gr.HTML(
        value,
        html_template=html,
        js_on_load=_mount(module, *events),
        server_functions=list(functions) or None,
        apply_default_css=False,
        elem_id=elem_id,
    )


def slider_link() -> gr.HTML:
    """Lets the sliders follow z, and names what lies beyond them; triggers `rested` when they may take z's value."""
    return panel_box('<p class="beyond" aria-live="polite"></p>', "sliders.js", "beyond", events=["rested"])


def readout_box() -> gr.HTML:
    """What z is to the discriminator and to the prior: D(z), |z| and its percentile."""
    return panel_box('<p class="readout"></p>', "readout.js", "readout")


def spoken_box() -> gr.HTML:
    """What the image and the plane show, in words for those who do not see them: read out once z rests."""
    return panel_box('<p class="spoken" role="status"></p>', "spoken.js", "spoken")


def digit_box(value: dict[str, Any] | None, elem_id: str) -> gr.HTML:
    """The canvas that shows the decoded z, drawn in the browser, and the original image beside it.

    `value` is ``{"weights": URL, "discriminator": URL or None, "latent_dim": n, "z": list, "original": packed image or None,
    "note": text}``. Where the weights cannot be fetched it triggers `undecoded` with z, and shows the server's image from
    ``"pixels"``.
    """
    return panel_box(
        '<div class="digits"><figure><canvas id="decoded" width="32" height="32" role="img" '
        'aria-label="Image decoded from z"></canvas><figcaption>decoded from z</figcaption></figure>'
        '<figure id="original-figure" hidden><canvas id="original" width="32" height="32" role="img" '
        'aria-label="Original image"></canvas><figcaption>original</figcaption></figure></div>'
        '<p id="digit-note" aria-live="polite"></p>',
        "digit.js",
        elem_id,
        value=value,
        events=["undecoded"],
    )


def status_box(value: dict[str, Any], elem_id: str) -> gr.HTML:
    """A progress bar and plain text: `value` is ``{"share": 0 to 1 or None, "text": str, "state": str}``.

    `state` is "idle", "running", "done" or "error" and only colours the box.
    """
    return panel_box(
        '<div class="status" role="status"><progress max="1" hidden></progress><p></p></div>', "status.js", elem_id, value=value
    )


def film_box(elem_id: str) -> gr.HTML:
    """What a model in training makes of the same draws and images; keeps the frames for a replay, and moves the figures.

    `value` is one frame (`training_show.Show.film`), shown as it comes unless the visitor has gone back to an earlier one.
    """
    return panel_box(
        '<div class="film"><figure><canvas class="draws" width="256" height="256" role="img" '
        'aria-label="64 draws of the prior, decoded"></canvas>'
        "<figcaption>the same 64 draws of N(0, I), decoded</figcaption></figure>"
        '<figure><canvas class="rebuilt" width="256" height="64" role="img" '
        'aria-label="Eight test images above their reconstructions"></canvas>'
        "<figcaption>test images above their reconstructions</figcaption></figure>"
        '<div class="replay"><button type="button" aria-label="Replay the run" disabled>▶</button>'
        '<input type="range" min="0" max="0" value="0" disabled aria-label="Moment of the run"><output>–</output>'
        "</div></div>",
        "film.js",
        elem_id,
    )


def step_box(elem_id: str) -> gr.HTML:
    """One training step, phase by phase: `value` is made by `stepper.step_value`; presses `#btn-step` for the next one."""
    return panel_box('<div class="stepper" aria-live="polite"></div>', "stepper.js", elem_id)


def images_box(value: dict[str, Any] | None, elem_id: str) -> gr.HTML:
    """Images with captions: `value` is ``{"note": text, "groups": [...]}``, its groups made by `pairs` and `grid`."""
    return panel_box('<div class="images"></div>', "images.js", elem_id, value=value)


def pairs(title: str, names: tuple[str, str], images: Iterable[tuple[np.ndarray, np.ndarray, str]]) -> dict[str, Any]:
    """A group of pairs of uint8 images `(32, 32)`, called `names`, each pair with a caption."""
    tiles = [{"images": [packed_image(a), packed_image(b)], "caption": caption} for a, b, caption in images]
    return {"title": title, "names": list(names), "tiles": tiles}


def grid(title: str, images: np.ndarray, columns: int, about: str) -> dict[str, Any]:
    """A group that is one grid of uint8 images `(n, 32, 32)`; `about` says what they are to who cannot see them."""
    return {"title": title, "grid": packed_image(images), "columns": columns, "about": about}


def table_box(value: dict[str, Any] | None, elem_id: str) -> gr.HTML:
    """A table of measures: `value` is ``{"columns": texts, "groups": [{"title": text, "rows": [...]}]}``.

    A row is ``{"name": text, "about": text, "values": a text for each further column, "share": number or None}``, the share
    being where the value lies between floor (0) and ceiling (1).
    """
    return panel_box('<table class="measures"></table>', "table.js", elem_id, value=value)
