"""A page that is loaded again finds its visitor's model: the browser keeps a token, the server the model for a while."""

from __future__ import annotations

from typing import Any
from weakref import WeakValueDictionary

import gradio as gr
from gradio.events import Dependency

from aae.ui.explore import QUIET, Explore
from aae.ui.memory import give_back_soon
from aae.ui.session import YOUR_MODEL, Shelf, Visitor

STORAGE_KEY = "aae-visitor"
# Gradio encrypts what it stores with this; it stands in the page for everybody to read, so it protects nothing. Set, because
# Gradio's default is another one after each start, which cannot read what the browser has.
SECRET = "aae-playground"


def build_restore(demo: gr.Blocks, shelf: Shelf, visitor: gr.State, explore: Explore) -> Dependency:
    """Wire what happens when a page is opened and when it is closed; what is to follow the opening hangs on the result."""
    token = gr.BrowserState("", storage_key=STORAGE_KEY, secret=SECRET)
    pages: WeakValueDictionary[str, Visitor] = WeakValueDictionary()

    def opened(kept: object, visitor: Visitor, request: gr.Request) -> list[Any]:
        visitor.adopt(kept)
        if request.session_hash:
            pages[request.session_hash] = visitor
        if visitor.lost:
            gr.Warning(visitor.lost)
        linked = "model" in request.query_params  # then the page opens on what the link names
        shown = explore.show(YOUR_MODEL, visitor) if visitor.own and not linked else [gr.skip()] * len(explore.outputs)
        return [visitor.token, visitor, *shown]

    def closed(request: gr.Request) -> None:
        page = pages.pop(request.session_hash or "", None)
        if page is not None:
            page.leave()
            give_back_soon()

    demo.unload(closed)
    return demo.load(opened, [token, visitor], [token, visitor, *explore.outputs], **QUIET)
