"""Ways to walk through the latent space, below Explore's plane: boards of tiles, A to B, the nearest images.

All of it is computed in the browser, and only while it can be seen; `aae/walks.py` has the formulas.
"""

from __future__ import annotations

import gradio as gr

from aae.ui.components import panel_box
from aae.ui.panels import held_out_images


def board_html(label: str) -> str:
    """A canvas of tiles that keys and pointers pick from (`assets/board.js`)."""
    return (
        '<div class="board"><canvas class="tiles" width="0" height="0" tabindex="0" role="application" '
        f'aria-label="{label}. Arrow keys choose a tile, Enter takes z there."></canvas>'
        '<canvas class="marks" aria-hidden="true"></canvas><p class="said" aria-live="polite"></p></div>'
    )


NOW = (
    '<figure class="now"><canvas width="32" height="32" role="img" aria-label="Image decoded from z"></canvas>'
    "<figcaption>decoded from z</figcaption></figure>"
)
TRAVERSAL = (
    '<div class="way beside"><div class="traversal-scroll"><div class="traversal">'
    '<div class="column-names" aria-hidden="true"></div><div class="row-names" aria-hidden="true"></div>'
    + board_html("Images decoded from z with one latent dimension a row changed, from minus 3 to 3 sigma")
    + f"</div></div>{NOW}</div>"
)
MANIFOLD = (
    '<div class="way"><p><label>Tiles <select><option value="10">10 × 10</option><option value="15" selected>15 × 15</option>'
    '<option value="20">20 × 20</option></select></label></p><div class="beside">'
    + board_html("Images decoded over the plane, at equal steps of the prior's mass")
    + f"{NOW}</div></div>"
)


def _end(name: str) -> str:
    return (
        f'<figure><button type="button" data-go="{name}" aria-label="Take z to {name}"><canvas width="32" height="32"></canvas>'
        f'</button><button type="button" data-set="{name}">Set {name} to z</button></figure>'
    )


JOURNEY = (
    f'<div class="way"><div class="journey"><div class="ends">{"".join(map(_end, "ABC"))}</div><div class="controls">'
    '<div><button type="button" class="play">Play</button>'
    '<input type="range" min="0" max="1" step="0.001" value="0" aria-label="t, the way from A to B">'
    "<output>t = 0.00</output></div>"
    '<div role="radiogroup" aria-label="Interpolation">'
    '<label><input type="radio" name="interpolation" value="linear" checked> linear</label>'
    '<label><input type="radio" name="interpolation" value="spherical"> spherical</label></div>'
    '<div><button type="button" class="sum">z = A − B + C</button></div></div></div>'
    + board_html("Images decoded on the way from A to B")
    + "</div>"
)
NEAREST = '<div class="way"><ol class="nearest" hidden></ol><p class="said" aria-live="polite"></p></div>'

ABOUT_TRAVERSAL = """
One row for each latent dimension: z as it is, but for that dimension, which goes from −3 to 3 σ; the bar is where z stands.
Click a tile to go there, or drag along a row. All rows follow z, whatever moves it.
"""
ABOUT_MANIFOLD = """
The prior's quantiles Φ⁻¹((i − ½)/n) along the two directions of the plane above, decoded: every tile stands for the same share
of N(0, I₂) (Kingma & Welling 2014, figure 4). In more than two dimensions it is the slice through z: in all other directions
the tiles are what z is. The framed tile is nearest to z; click one to go there.
"""
ABOUT_JOURNEY = """
z can be any draw, point of the plane or image of yours: keep it as A, B or C, and click a picture to return to it. B and C
begin as draws of the prior. The way from A to B stands in the plane above. **Linear** is (1 − t) A + t B. **Spherical** is
(sin((1 − t)Ω) A + sin(tΩ) B) / sin Ω with Ω the angle between A and B (slerp): halfway between two draws of N(0, I) a straight
line is at about 0.7 of their norm, where in many dimensions the prior has next to no mass; slerp keeps the norm typical.
**A − B + C** adds to C what sets A apart from B. *Play* goes there and back until it is stopped (*Stop*, Escape, or z moved by
anything else); where your system asks for less motion, in steps of a second.
"""
ABOUT_NEAREST = (
    "The ten held-out images whose codes are nearest to z: class and Euclidean distance in σ. Click one: z is its code."
)


def build_walk() -> None:
    """The tabs of the ways to walk; to be called within `gr.Tabs`."""
    for title, name, html, about in (
        ("Traversal", "traversal", TRAVERSAL, ABOUT_TRAVERSAL),
        ("Manifold", "manifold", MANIFOLD, ABOUT_MANIFOLD),
        ("A to B", "journey", JOURNEY, ABOUT_JOURNEY),
        ("Nearest", "nearest", NEAREST, ABOUT_NEAREST),
    ):
        with gr.Tab(title):
            panel_box(html, f"{name}.js", name, [held_out_images] if name == "nearest" else [])
            gr.Markdown(about, elem_classes="hint")
