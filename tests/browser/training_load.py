"""``python -m tests.browser.training_load``: what an open page costs a training run, and a training run the page.

Trains preset `fast` on MNIST with the page's own choice of threads: without a page; then started from the page, first with its
Train tab in view, then with the Explore tab in view and a slider dragged all the time; and without a page again, since a
machine's speed drifts. Prints the rates, the share of an epoch that is lost, and the time from a slider's event to the painted
image while training. Run it on an idle machine.
"""

from __future__ import annotations

import argparse
import re
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from playwright.sync_api import Page, sync_playwright

from aae.config import PRESETS
from aae.data import default_data_dir, load_images
from aae.events import Progress
from aae.training import Trainer, train
from aae.ui.runtime import leave_room_for_the_page
from tests.browser.conftest import FLAGS, App, chromium_path, painted
from tests.browser.latency import MOVES, WATCH

WARM_UP = 3.0
"""Seconds of a run that are not counted."""


def alone(data_dir: Path, seconds: float) -> list[float]:
    """Images a second, between events, of a run with no page."""
    recipe = PRESETS["fast"]
    data, held_out = load_images("mnist", "train", data_dir), load_images("mnist", "test", data_dir)
    began, rates = time.monotonic(), []
    for event in train(Trainer(data, recipe.model, recipe.train), held_out.images[:1000]):
        if isinstance(event, Progress) and time.monotonic() - began > WARM_UP:
            rates.append(event.images_per_second)
        if time.monotonic() - began > WARM_UP + seconds:
            break
    return rates


def rate_shown(page: Page) -> float | None:
    found = re.search(r"([\d,]+) images/s", page.locator("#train-status").text_content() or "")
    return float(found[1].replace(",", "")) if found else None


def watched(page: Page, seconds: float) -> list[float]:
    """Images a second as the Train tab shows them."""
    rates, began = [], time.monotonic()
    while time.monotonic() - began < seconds:
        page.wait_for_timeout(400)
        rates += [rate for rate in [rate_shown(page)] if rate]
    return rates


def dragged(page: Page, seconds: float) -> tuple[list[float], list[float]]:
    """Images a second while a slider is dragged, about 60 moves a second, and its milliseconds from event to paint."""
    slider = page.locator("#z-0 input[type=range]")
    slider.scroll_into_view_if_needed()
    box = slider.bounding_box()
    assert box
    page.evaluate(WATCH, ["#z-0 input[type=range]", "input"])
    rates, began = [], time.monotonic()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    while time.monotonic() - began < seconds:
        for share in 0.5 + 0.45 * np.sin(np.linspace(0, 2, MOVES // 10)):
            page.mouse.move(box["x"] + box["width"] * share, box["y"] + box["height"] / 2)
            page.wait_for_timeout(16)
        rates += [rate for rate in [rate_shown(page)] if rate]
    page.mouse.up()
    return rates, page.evaluate("() => window.times")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.browser.training_load", description=main.__doc__)
    parser.add_argument("--data-dir", type=Path, default=None, help="torchvision's root (default: AAE_DATA_DIR)")
    parser.add_argument("--seconds", type=float, default=12.0, help="of each of the four measurements")
    options = parser.parse_args()
    data_dir = (options.data_dir or default_data_dir()).resolve()
    leave_room_for_the_page()
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        base = alone(data_dir, options.seconds)
        (Path(folder) / "data").symlink_to(data_dir)  # where `App` looks for data sets
        app, browser = App(None, Path(folder)), None
        try:
            app.wait()
            browser = playwright.chromium.launch(executable_path=chromium_path(), args=FLAGS)
            page = browser.new_page(viewport={"width": 1440, "height": 900})
            page.set_default_timeout(60_000)
            page.goto(app.url)
            painted(page)
            page.get_by_role("tab", name="Train").click()
            page.click("#btn-train")
            page.wait_for_function("() => document.querySelector('#train-status').innerText.includes('images/s')")
            page.wait_for_timeout(WARM_UP * 1e3)
            watching = watched(page, options.seconds)
            page.get_by_role("tab", name="Explore").click()
            dragging, times = dragged(page, options.seconds)
        finally:
            if browser:
                browser.close()
            app.stop()
        base += alone(data_dir, options.seconds)
    print(f"{torch.get_num_threads()} threads; medians\n\n| | images/s | an epoch takes longer by |\n|---|---|---|")
    free = float(np.median(base))
    print(f"| no page | {free:,.0f} | |")
    for name, rates in (("Train tab in view", watching), ("slider dragged in Explore", dragging)):
        print(f"| {name} | {np.median(rates):,.0f} | {free / np.median(rates) - 1:.0%} |")
    median, p95 = np.percentile(times, [50, 95])
    print(f"\nslider to paint while training: median {median:.0f} ms, p95 {p95:.0f} ms ({len(times)} frames)")


if __name__ == "__main__":
    main()
