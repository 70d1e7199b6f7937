"""The page as a whole: `build_demo` makes it, `serve` runs it."""

from __future__ import annotations

import contextlib
import gc
import signal
from pathlib import Path
from typing import Any

import gradio as gr

from aae.ui import runtime, training_process
from aae.ui.components import ASSETS, head, served_modules
from aae.ui.diagnose import build_diagnose
from aae.ui.explore import QUIET, build_explore
from aae.ui.keep import build_keep
from aae.ui.learn import build_learn
from aae.ui.memory import share_arenas
from aae.ui.own_digit import build_own_digit
from aae.ui.page import Page, remember_signatures
from aae.ui.restore import build_restore
from aae.ui.session import Shelf, Visitor
from aae.ui.share import build_link, build_share
from aae.ui.train import build_train, resting_buttons

CHECKPOINTS = Path(__file__).parents[2] / "checkpoints"
TITLE = "AAE Playground"


def build_demo(checkpoints: Path = CHECKPOINTS) -> gr.Blocks:
    """The app on the models in `checkpoints`, which may be empty. Downloads and trains nothing."""
    shelf = Shelf(checkpoints)
    gr.set_static_paths([served_modules(), shelf.folder])
    with Page(title=TITLE, analytics_enabled=False, delete_cache=(3600, 3600)) as demo:
        visitor = gr.State(Visitor(shelf.kept))
        gr.Markdown(
            f"# {TITLE}\nAn **adversarial autoencoder** pushes the codes of its images, q(z), onto a prior, N(0, I), so that "
            "any draw from the prior decodes to an image. See it, move through it, train your own.",
            elem_id="title",
        )
        with gr.Tabs() as tabs:
            with gr.Tab("Explore", id="explore"):
                explore = build_explore(shelf, visitor)
                with explore.ways:
                    with gr.Tab("Your digit"):
                        build_own_digit(explore, visitor)
                    with gr.Tab("Share and keep"):
                        build_share()
                build_link(explore, visitor)
            with gr.Tab("Train", id="train"):
                buttons = build_train(shelf, visitor, explore)
                uploaded = build_keep(shelf, visitor, explore)
                gr.Markdown(shelf.limits.told(), elem_id="limits", elem_classes="hint")
            with gr.Tab("Diagnose", id="diagnose") as diagnose:
                build_diagnose(shelf, visitor, explore, tabs, diagnose)
            with gr.Tab("How it works", id="learn"):
                build_learn()
        restored = build_restore(demo, shelf, visitor, explore)
        for changed in (restored, uploaded):
            changed.then(resting_buttons, visitor, buttons, **QUIET)
    remember_signatures(demo)
    demo.shelf = shelf  # keeps the folder of decoders for as long as the demo
    demo.queue(default_concurrency_limit=8, max_size=64)
    return demo


def launch_options() -> dict[str, Any]:
    """Arguments for `demo.launch`: look, limits, and nothing sent or fetched from elsewhere."""
    limits = runtime.limits()
    fonts = ["system-ui", "sans-serif"]
    return {
        "theme": gr.themes.Default(
            primary_hue="blue", neutral_hue="slate", font=fonts, font_mono=["ui-monospace", "monospace"]
        ).set(body_text_color_subdued="*neutral_600", body_text_color_subdued_dark="*neutral_300"),  # small print can be read
        "head": head(),
        "css_paths": sorted(ASSETS.glob("*.css")),
        "footer_links": ["api"],
        "run_history": False,
        "show_error": False,
        "enable_monitoring": False,
        "ssr_mode": False,
        "state_session_capacity": limits.sessions,
        "max_file_size": limits.upload_mebibytes * runtime.MEBIBYTE,
        "max_threads": limits.slots + limits.line + 40,  # a run takes one, and so does one in line,
    }


def serve(checkpoints: Path = CHECKPOINTS) -> None:
    """Serve the page until it is stopped, by Ctrl-C or SIGTERM; its folders of decoders and images go with it."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # else the process ends on the spot and leaves them behind
    with contextlib.suppress(KeyboardInterrupt):  # Gradio takes it once it waits, not before
        share_arenas()
        runtime.leave_room_for_the_page()
        if runtime.host() != "zero-gpu":
            training_process.prepare()
        demo = build_demo(checkpoints)
        gc.collect()
        gc.freeze()  # half a million objects that stay: looking at them all stopped every visitor for 0.3 s now and then
        demo.launch(**launch_options())
