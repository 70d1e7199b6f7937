"""The How it works tab: the adversarial autoencoder for a student."""

from __future__ import annotations

import gradio as gr

from aae.ui.components import ASSETS

LATEX: list[dict[str, str | bool]] = [
    {"left": "$$", "right": "$$", "display": True},
    {"left": "$", "right": "$", "display": False},
]


def build_learn() -> None:
    """Lay out the tab: a diagram of the three networks, then the text."""
    gr.HTML((ASSETS / "networks.svg").read_text(encoding="utf-8"), elem_id="networks")
    gr.Markdown((ASSETS / "how-it-works.md").read_text(encoding="utf-8"), latex_delimiters=LATEX, elem_id="how-it-works")
