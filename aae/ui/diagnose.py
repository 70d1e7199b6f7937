"""The Diagnose tab: how closely q(z) follows the prior, how good samples and reconstructions are, and how one can tell."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass, fields, replace
from typing import Any

import gradio as gr

from aae.errors import AAEError
from aae.evaluation import Evaluation
from aae.ui.compare_panel import build_compare
from aae.ui.components import figure_box, images_box, status_box, table_box
from aae.ui.diagnosis import codes_parts, file_of, identity, measured_parts, stored
from aae.ui.explore import QUIET, Explore, told
from aae.ui.measuring import measured
from aae.ui.pictures import at_hand, memories, not_at_hand, reconstructions, samples
from aae.ui.session import Shelf, ShownModel, Visitor

SLOTS = 2
"""Models that are looked at at a time, and as many that are measured; other visitors wait in the queue."""


@dataclass(frozen=True)
class View:
    """What the tab shows, in the order of its components; None leaves a part as it is."""

    status: dict[str, Any] | None = None
    verdict: str | None = None
    table: dict[str, Any] | None = None
    about_table: str | None = None
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


def at_once(shown: ShownModel, evaluation: Evaluation | None) -> View:
    """What takes no measuring: the figures of the codes, samples, and what was measured before."""
    status = said(f"Looking at {shown.title} …", "running")
    view = View(
        status, table={}, about_table=NOT_MEASURED, **codes_parts(shown), samples=samples(shown), rebuilt={}, nearest={}
    )
    return View(**measured_parts(evaluation)).over(view) if evaluation else view


def pictures(shown: ShownModel) -> Generator[View, None, None]:
    """What takes a pass over the data: reconstructions, then nearest training images."""
    images = at_hand(shown.dataset)
    if images is None:
        nothing = not_at_hand(shown.dataset)
        yield View(said(nothing["note"]), rebuilt=nothing, nearest=nothing)
        return
    value = yield from shares("Rebuilding test images …", reconstructions(shown, images))
    yield View(rebuilt=value)
    value = yield from shares("Looking for the training images nearest to samples …", memories(shown, images))
    yield View(said(READY), nearest=value)


def measuring(shown: ShownModel, shelf: Shelf) -> Generator[View | Evaluation, None, None]:
    """All measures anew, as a bar that fills, and last the evaluation. What fails is told, never raised."""
    yield View(said("Measuring …", "running", 0.0))
    try:
        with closing(measured(shown, file_of(shown, shelf))) as steps:
            for step in steps:
                if isinstance(step, Evaluation):
                    yield step
                else:
                    yield View(said(f"Measuring {step.text}", "running", step.share))
    except AAEError as error:
        yield View(said(str(error), "error"))
    except OSError as error:
        yield View(said(f"Measuring could not be started here ({error.strerror or error}); try again later.", "error"))


def shares(text: str, work: Generator[float, None, dict[str, Any]]) -> Generator[View, None, dict[str, Any]]:
    """Work in chunks as a bar that fills; returns what the work returns."""
    while True:
        try:
            share = next(work)
        except StopIteration as end:
            return end.value
        yield View(said(text, "running", share))


def build_diagnose(shelf: Shelf, visitor: gr.State, explore: Explore, tabs: gr.Tabs, tab: gr.Tab) -> None:
    """Lay out the tab and wire it; nothing is computed before the tab is first opened."""
    first = shelf.first()
    with gr.Row(equal_height=True):
        picker = gr.Dropdown(
            shelf.choices(), value=first.key if first else None, label="Model", elem_id="diagnose-model", min_width=200, scale=2
        )
        with gr.Column(scale=5, min_width=300):
            box = status_box(said("Choose a model."), "diagnose-status")
            with gr.Row():
                measure = gr.Button("Measure anew", variant="primary", elem_id="btn-measure", size="sm", min_width=100)
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
        with gr.Tab("Measures"):
            about_table = gr.Markdown(elem_id="about-table", elem_classes="hint")
            table = table_box(None, "measures")
            gr.Markdown(ABOUT_TABLE, elem_classes="hint")
        with gr.Tab("Reconstructions"):
            rebuilt = images_box(None, "rebuilt")
        with gr.Tab("Samples"):
            grid = images_box(None, "samples")
            nearest = images_box(None, "nearest")
        with gr.Tab("AE | VAE | AAE") as compare:
            build_compare(shelf, visitor, explore, tabs, compare)
    parts = [box, words, table, about_table, marginals, quantiles, correlation, about_codes, grid, rebuilt, nearest]
    wire(shelf, visitor, explore, tab, picker, measure, stop, parts)


def wire(
    shelf: Shelf,
    visitor: gr.State,
    explore: Explore,
    tab: gr.Tab,
    picker: gr.Dropdown,
    measure: gr.Button,
    stop: gr.Button,
    parts: list[gr.Component],
) -> None:
    # Identity of the model "drawn", its "pictures" once made, the latest "turn" at making them, whether it is "measuring".
    now = gr.State({})
    followed = gr.State(identity(shelf.first()))  # identity of Explore's model when this tab last looked
    kept = gr.State({})  # evaluations that this visitor had made, as text by identity
    shipped: dict[str, View] = {}  # what there is to show of the shipped models, for everybody

    def chosen(key: str | None, visitor: Visitor) -> ShownModel | None:
        try:
            return shelf.pick(key, visitor)
        except AAEError:
            return None  # a model of the visitor's that is gone by now

    def view(shown: ShownModel, kept: dict[str, str]) -> View:
        if text := kept.get(identity(shown)):
            return at_once(shown, Evaluation.from_json(text))
        if file_of(shown, shelf) is None:
            return at_once(shown, None)
        if shown.key not in shipped:
            shipped[shown.key] = at_once(shown, stored(shown, shelf))
        return shipped[shown.key]

    def draw(shown: ShownModel, now: dict[str, Any], kept: dict[str, str]) -> View:
        """What there is to show of a model, unless it is shown; pictures of another that are being made end."""
        if now.get("drawn") == identity(shown):
            return View()
        now |= {"drawn": identity(shown), "pictures": None}
        return view(shown, kept)

    def open_tab(
        here: str | None, there: str | None, now: dict[str, Any], followed: str, kept: dict[str, str], visitor: Visitor
    ) -> list[Any]:
        """Follow Explore if its model is another than when this tab was last open."""
        there_now = chosen(there, visitor)
        if there_now and identity(there_now) != followed:
            here = there_now.key
        shown = chosen(here, visitor) or shelf.first()
        update = gr.Dropdown(choices=shelf.choices(visitor), value=shown.key if shown else None)
        if shown is None:
            nothing = View(said("There is no model to diagnose yet: train one in the Train tab, it takes a minute."))
            return [update, "", *nothing.updates()]
        return [update, identity(there_now), *draw(shown, now, kept).updates()]

    def beside(view: View, now: dict[str, Any]) -> list[Any]:
        """What is shown of a model; what measuring says of where it stands is not covered by it."""
        return (replace(view, status=None) if now.get("measuring") else view).updates()

    def pick(key: str, now: dict[str, Any], kept: dict[str, str], visitor: Visitor) -> list[Any]:
        now["measuring"] = False
        with told():
            return beside(draw(shelf.pick(key, visitor), now, kept), now)

    def picture(key: str, now: dict[str, Any], visitor: Visitor) -> Iterator[list[Any]]:
        """The pictures of the chosen model, made once; a later turn, another choice and Stop end this.

        Sent again for a turn that comes when they are made: a choice triggers two, and the page hears of the later one only.
        """
        shown = chosen(key, visitor)
        now["turn"] = turn = now.get("turn", 0) + 1
        if shown is None or now.get("drawn") != identity(shown) or now.get("pictures"):
            yield beside(now.get("pictures") or View(), now)
            return
        all_of_it = View()
        with told(), closing(pictures(shown)) as views:
            for change in views:
                if (now["turn"], now["drawn"]) != (turn, identity(shown)):
                    return
                # All of it each time: of a part in a tab that was never opened, Gradio keeps only the last update.
                all_of_it = change.over(all_of_it)
                yield beside(all_of_it, now)
        if (now["turn"], now["drawn"]) == (turn, identity(shown)):
            now["pictures"] = all_of_it

    def wait(now: dict[str, Any]) -> dict[str, Any]:
        now["measuring"] = True
        return said(WAITING, "running")

    def stopped(now: dict[str, Any]) -> dict[str, Any]:
        now["measuring"] = False
        return said(STOPPED)

    def measure_it(key: str, now: dict[str, Any], kept: dict[str, str], visitor: Visitor) -> Iterator[list[Any]]:
        """Measure the chosen model; Stop and a closed page close this, and with it the work."""
        try:
            with told():
                shown = shelf.pick(key, visitor)
            with closing(measuring(shown, shelf)) as steps:
                for step in steps:
                    if isinstance(step, View):
                        yield [gr.skip(), *step.updates()]
                        continue
                    newest = {**dict(list(kept.items())[-3:]), identity(shown): step.to_json()}
                    ended = View(said("Measured just now.", "done", 1.0), **measured_parts(step))
                    if now.get("drawn") != identity(shown):  # the tab has followed Explore to another model meanwhile
                        ended = View(said(f"{shown.title} is measured; choose it above to see what was found.", "done", 1.0))
                    yield [newest, *ended.updates()]
        finally:
            now["measuring"] = False

    private: dict[str, Any] = {"show_progress": "hidden", "api_visibility": "private"}
    long: dict[str, Any] = {**private, "concurrency_id": "diagnose", "concurrency_limit": SLOTS}
    turn: dict[str, Any] = {**private, "concurrency_id": "measure", "concurrency_limit": SLOTS}
    opened = tab.select(
        open_tab, [picker, explore.picker, now, followed, kept, visitor], [picker, followed, *parts], **QUIET
    ).then(picture, [picker, now, visitor], parts, **long)
    measured_event = measure.click(wait, now, parts[0], **QUIET).then(
        measure_it, [picker, now, kept, visitor], [kept, *parts], **turn
    )
    # Pictures of the model before end by themselves: to cancel them here could hit those of the new one.
    picker.input(None, cancels=[measured_event], queue=False, **private)
    picked = picker.input(pick, [picker, now, kept, visitor], parts, **QUIET).then(
        picture, [picker, now, visitor], parts, trigger_mode="multiple", **long
    )
    running: list[Any] = [opened, picked, measured_event]
    stop.click(None, cancels=running, queue=False, **private).then(stopped, now, parts[0], **QUIET)


READY = "Measure anew to have every number computed here, on this machine's data: about a minute."
WAITING = "Waiting for its turn: two models are measured at a time …"
STOPPED = "Stopped; what is shown is as it was."
NOT_MEASURED = "This model has not been measured yet: press **Measure anew**."
ABOUT_TABLE = """
The **floor** is the same number where there is nothing to find: as many draws of the prior in place of the codes, as many
other real images in place of the samples; its ± is the spread of three of them. **Autoencoder** is the same measure of a plain
autoencoder of the same size, which nothing draws towards the prior. The bar below a value says where it lies between the two,
the floor at its left. A value's **±** is half of its 95 % interval; **p** is the chance of a deviation as large where there is
none.
"""
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
