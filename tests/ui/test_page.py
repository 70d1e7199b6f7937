from __future__ import annotations

import inspect

import gradio as gr
import pytest

from aae.ui.page import Page, remember_signatures
from tests.runs import in_a_loop


def updated(kind, count, function):
    """What the page gets of an event, and how many components Gradio built anew for it."""
    with kind() as demo:
        state = gr.State(0)
        outputs = [gr.Slider(0, 1) for _ in range(count)]
        gr.Button().click(function, None, [state, *outputs])
    built = []
    slider_init = gr.Slider.__init__
    fn = next(iter(demo.fns.values()))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gr.Slider, "__init__", lambda self, *a, **k: (built.append(self), slider_init(self, *a, **k))[1])
        data = in_a_loop(demo.process_api(fn, [], request=None))["data"]
    return data, len(built)


def test_what_is_skipped_costs_nothing_and_the_page_gets_what_gradio_sends():
    def few():
        return [1, 0.5, gr.skip(), gr.update(visible=False), *[gr.skip()] * 7]

    with_gradio, ours = updated(gr.Blocks, 10, few), updated(Page, 10, few)
    assert ours[0] == with_gradio[0]
    assert ours[1] < with_gradio[1] - 7


def test_all_skipped_and_one_changed():
    assert updated(Page, 3, lambda: [gr.skip()] * 4)[0] == [None, *[{"__type__": "update"}] * 3]
    assert updated(Page, 2, lambda: [gr.skip(), gr.skip(), 0.25])[0] == [None, {"__type__": "update"}, 0.25]


def test_signatures_are_remembered_and_the_same():
    before = inspect.signature(gr.Slider.__init__)
    with Page() as demo:
        gr.Slider(0, 1)
    remember_signatures(demo)
    assert inspect.signature(gr.Slider.__init__) is inspect.signature(gr.Slider.__init__)
    assert inspect.signature(gr.Slider.__init__) == before
