"""Gradio's page, with less of its server's time spent on what does not change."""

from __future__ import annotations

import copy
import inspect
from typing import Any

import gradio as gr

UNCHANGED = gr.skip()


class Page(gr.Blocks):
    """Blocks that spend nothing on the outputs that an event leaves as they are.

    Gradio builds a component anew for each `gr.skip()`, on its event loop, where all other visitors wait: 20 ms for the 64
    sliders. The page gets the same.
    """

    async def postprocess_data(self, block_fn: Any, predictions: Any, state: Any) -> list[Any]:  # noqa: ANN401 (Gradio's)
        outputs = block_fn.outputs
        if not isinstance(predictions, list | tuple) or len(outputs) < 2 or len(predictions) != len(outputs):
            return await super().postprocess_data(block_fn, predictions, state)
        changed = [place for place, value in enumerate(predictions) if not (isinstance(value, dict) and value == UNCHANGED)]
        output: list[Any] = [None if block.stateful else dict(UNCHANGED) for block in outputs]
        if changed:
            part = copy.copy(block_fn)
            part.outputs = [outputs[place] for place in changed]
            values = [predictions[place] for place in changed]
            done = await super().postprocess_data(part, values if len(values) > 1 else values[0], state)
            for place, value in zip(changed, done, strict=True):
                output[place] = value
        return output


def remember_signatures(demo: gr.Blocks) -> None:
    """Let `inspect.signature` find those of the page's components at once: Gradio asks for them at each new page and update.

    With it a page's state on the server, of 240 components, is made in half of the time.
    """
    for kind in {type(block) for block in demo.blocks.values()}:
        function: Any = kind.__init__
        while inspect.isfunction(function) and not hasattr(function, "__signature__"):
            vars(function)["__signature__"] = inspect.signature(function)
            function = getattr(function, "__wrapped__", None)  # Gradio asks both for what it wraps and for the wrapper
