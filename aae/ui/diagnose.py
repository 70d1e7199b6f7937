"""The Diagnose tab: how closely q(z) follows the prior, how good samples and reconstructions are, and how one can tell."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass, fields, replace
from typing import Any

import gradio as gr

from aae.errors import AAEError
from aae.ui.components import figure_box, images_box, status_box
from aae.ui.diagnosis import codes_parts, identity
from aae.ui.explore import QUIET, Explore, told
from aae.ui.pictures import at_hand, memories, not_at_hand, reconstructions, samples
from aae.ui.session import Shelf, ShownModel, Visitor

SLOTS = 2
"""Visitors whose models are looked at, at a time; others wait in the queue."""


@dataclass(frozen=True)
class View:
    """What the tab shows, in the order of its components; None leaves a part as it is."""

    status: dict[str, Any] | None = None
    verdict: str | None = None
    marginals: dict[str, Any] | None = None
    quantiles: dict[str, Any] | None = None
    correlation: dict[str, Any] | None = None
    about_codes: str | None = None
    samples: dict[str, Any] | None = None
    rebuilt: dict[str, Any] | None = None
    nearest: dict[str, Any] | None = None

    def updates(self) -> list[Any]:
        parts = [getattr(self, spec.name) for spec in fields(self)]
        return [gr.skip() if part is None else part for part in parts]

    def over(self, earlier: View) -> View:
        """This view, and what an earlier one shows of the parts that this one leaves as they are."""
        return replace(earlier, **{name: part for name, part in vars(self).items() if part is not None})


def said(text: str, state: str = "idle", share: float | None = None) -> dict[str, Any]:
    """The value of the status box."""
    return {"text": text, "state": state, "share": share}


def at_once(shown: ShownModel) -> View:
    """What takes no measuring: the verdict and the figures of the codes that come with the model, and samples."""
    return View(
        status=said(f"Looking at {shown.title} …", "running"),
        **codes_parts(shown),
        samples=samples(shown),
        rebuilt={},
        nearest={},
    )


def pictures(shown: ShownModel) -> Iterator[View]:
    """What takes a pass over the data: reconstructions, then nearest training images."""
    images = at_hand(shown.dataset)
    if images is None:
        nothing = not_at_hand(shown.dataset)
        yield View(said(f"{shown.title}: {nothing['note']}"), rebuilt=nothing, nearest=nothing)
        return
    value = yield from shares("Rebuilding test images …", reconstructions(shown, images))
    yield View(rebuilt=value)
    value = yield from shares("Looking for the training images nearest to samples …", memories(shown, images))
    yield View(said(f"{shown.title}, as it was measured when it was made."), nearest=value)


def shares(text: str, work: Generator[float, None, dict[str, Any]]) -> Generator[View, None, dict[str, Any]]:
    """Work in chunks as a bar that fills; returns what the work returns."""
    while True:
        try:
            share = next(work)
        except StopIteration as end:
            return end.value
        yield View(said(text, "running", share))


def build_diagnose(shelf: Shelf, visitor: gr.State, explore: Explore, tab: gr.Tab) -> None:
    """Lay out the tab and wire it; nothing is computed before the tab is first opened."""
    first = shelf.first()
    drawn = gr.State("")  # identity of the model that is shown
    pictured = gr.State("")  # identity of the model whose pictures are shown or on their way
    followed = gr.State(identity(first))  # identity of Explore's model when this tab last looked
    with gr.Row(equal_height=True):
        picker = gr.Dropdown(
            shelf.choices(), value=first.key if first else None, label="Model", elem_id="diagnose-model", min_width=200, scale=2
        )
        with gr.Column(scale=5, min_width=300):
            box = status_box(said("Choose a model."), "diagnose-status")
            stop = gr.Button("Stop", variant="stop", elem_id="btn-stop-measure", size="sm", min_width=100)
    words = gr.Markdown(elem_id="verdict")
    with gr.Tabs(elem_id="diagnose-parts"):
        with gr.Tab("Codes"):
            about_codes = gr.Markdown(elem_id="about-codes", elem_classes="hint")
            gr.Markdown(ABOUT_MARGINALS)
            marginals = figure_box(None, "Histograms of the codes' dimensions over the density of N(0, 1)", "marginals")
            gr.Markdown(ABOUT_QUANTILES)
            quantiles = figure_box(None, "Quantiles of the codes' dimensions against those of N(0, 1)", "quantiles")
            gr.Markdown(ABOUT_CORRELATION)
            correlation = figure_box(None, "Correlation matrix of the codes", "correlation")
        with gr.Tab("Reconstructions"):
            rebuilt = images_box(None, "rebuilt")
        with gr.Tab("Samples"):
            grid = images_box(None, "samples")
            nearest = images_box(None, "nearest")
    parts: list[gr.Component] = [box, words, marginals, quantiles, correlation, about_codes, grid, rebuilt, nearest]

    def open_tab(here: str | None, there: str | None, drawn: str, followed: str, visitor: Visitor) -> list[Any]:
        """Follow Explore if its model is another than when this tab was last open; draw the model unless it is drawn."""
        there_now = chosen(there, visitor)
        if there_now and identity(there_now) != followed:
            here = there_now.key
        shown = chosen(here, visitor) or shelf.first()
        update = gr.Dropdown(choices=shelf.choices(visitor), value=shown.key if shown else None)
        if shown is None:
            nothing = View(said("There is no model to diagnose yet: train one in the Train tab, it takes a minute."))
            return [update, "", "", *nothing.updates()]
        view = at_once(shown) if identity(shown) != drawn else View()
        return [update, identity(shown), identity(there_now), *view.updates()]

    def chosen(key: str | None, visitor: Visitor) -> ShownModel | None:
        try:
            return shelf.pick(key, visitor)
        except AAEError:
            return None  # a model of the visitor's that is gone by now

    def pick(key: str, visitor: Visitor) -> list[Any]:
        with told():
            shown = shelf.pick(key, visitor)
            return [identity(shown), "", *at_once(shown).updates()]

    def picture(key: str, pictured: str, visitor: Visitor) -> Iterator[list[Any]]:
        """The pictures of the chosen model, unless they are there; the visitor's Stop closes this."""
        shown = chosen(key, visitor)
        if shown is None or identity(shown) == pictured:
            yield [gr.skip(), *View().updates()]
            return
        view = View()
        with told():
            for change in pictures(shown):
                # All of it each time: of a part in a tab that was never opened, Gradio keeps only the last update.
                view = change.over(view)
                yield [identity(shown), *view.updates()]

    private: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
    long: dict[str, Any] = {**private, "concurrency_id": "diagnose", "concurrency_limit": SLOTS}
    inputs, outputs = [picker, pictured, visitor], [pictured, *parts]
    opened = tab.select(
        open_tab, [picker, explore.picker, drawn, followed, visitor], [picker, drawn, followed, *parts], **QUIET
    ).then(picture, inputs, outputs, **long)
    picked = picker.input(pick, [picker, visitor], [drawn, pictured, *parts], **QUIET).then(picture, inputs, outputs, **long)
    running = [opened, picked]
    picker.input(None, cancels=running, queue=False, **private)
    stop.click(None, cancels=running, queue=False, **private).then(
        lambda: said("Stopped; choose the model again to go on."), None, box, **QUIET
    )


ABOUT_MARGINALS = """
**Marginals**: a histogram of each latent dimension over the density of N(0, 1), the line. The outermost bars hold what lies
beyond 4.2 σ.
"""
ABOUT_QUANTILES = """
**Q–Q plots**: the quantiles of each dimension against those of N(0, 1). On the diagonal they agree; steeper is too wide,
flatter too narrow, bent ends are heavy or cut tails. The grey band holds 95 % of draws of the prior of the same size.
"""
ABOUT_CORRELATION = """
**Correlation** of the dimensions: those of N(0, I) are independent, so all but the diagonal should be 0.
"""
