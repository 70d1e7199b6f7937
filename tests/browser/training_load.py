"""``python -m tests.browser.training_load``: what an open page costs a training run, and what the run costs the page.

Images a second of preset `fast` on the offline sample: with the threads that the page would use and nothing beside it; trained
by a visitor who watches; and the same while another visitor drags a slider in Explore, whose image is timed as
`tests.browser.latency` does it. Everything shares this machine. Run it on one that is otherwise idle.
"""

from __future__ import annotations

import asyncio
import dataclasses
import subprocess
import sys
import time

import numpy as np
from playwright.async_api import Browser, Page

from aae.config import PRESETS
from aae.data import load_images
from aae.training import Trainer
from aae.ui.runtime import leave_room_for_the_page
from tests.browser.conftest import DIGIT_PAINTED, ROOT
from tests.browser.latency import MOVES, drag, with_the_app

SECONDS = 15
WARM_UP = 5
RATE = r"() => Number(document.body.innerText.match(/([\d,]+) images\/s/)?.[1].replaceAll(',', '') ?? NaN)"


def alone(seconds: float = SECONDS) -> float:
    """Images a second of a run that nothing watches, in this process."""
    leave_room_for_the_page()
    recipe = PRESETS["fast"]
    data = load_images("digits-sample", "train")
    trainer = Trainer(data, recipe.model, dataclasses.replace(recipe.train, dataset="digits-sample", epochs=10_000))
    ends = time.perf_counter() + WARM_UP
    while time.perf_counter() < ends:
        trainer.step()
    began, first = time.perf_counter(), trainer.step_count
    while time.perf_counter() < began + seconds:
        trainer.step()
    return (trainer.step_count - first) * len(data) / trainer.steps_per_epoch / (time.perf_counter() - began)


async def rate(page: Page, seconds: float) -> float:
    """Median of the images a second that the Train tab shows for so long."""
    seen, ends = [], time.monotonic() + seconds
    while time.monotonic() < ends:
        seen.append(await page.evaluate(RATE))
        await asyncio.sleep(0.5)
    return float(np.nanmedian(seen))


async def visit(browser: Browser, url: str) -> Page:
    page = await (await browser.new_context(viewport={"width": 1440, "height": 900})).new_page()
    await page.goto(url)
    await page.wait_for_function(DIGIT_PAINTED)
    return page


async def measure(browser: Browser, url: str) -> None:
    trainer, explorer = await visit(browser, url), await visit(browser, url)
    await trainer.get_by_role("tab", name="Train").click()
    await trainer.locator("#dataset input").click()
    await trainer.get_by_role("option", name="Offline sample").click()
    await trainer.get_by_label("fast").check()
    await trainer.locator("#epochs input").fill("2000")
    await trainer.locator("#btn-train").click()
    await trainer.wait_for_function(f"() => !Number.isNaN(({RATE})())")
    await asyncio.sleep(WARM_UP)
    rates = {"a visitor watches it": await rate(trainer, SECONDS)}
    box = await explorer.locator("#z-0 input[type=range]").bounding_box()
    assert box
    shares = 0.5 + 0.45 * np.sin(np.linspace(0, 12, MOVES))
    slider = [(box["x"] + box["width"] * share, box["y"] + box["height"] / 2) for share in shares]
    dragging = asyncio.create_task(
        drag(explorer, "slider, while another trains", "#z-0 input[type=range]", "pointermove", slider)
    )
    rates["and another drags a slider"] = await rate(trainer, MOVES / 125)
    timed = await dragging
    await trainer.locator("#btn-stop").click()
    command = [sys.executable, "-c", "from tests.browser.training_load import alone; print(alone())"]
    base = float(subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout)
    print(f"preset fast, offline sample, nothing beside it: {base:,.0f} images/s")
    for name, value in rates.items():
        print(f"{name}: {value:,.0f} images/s, {1 - value / base:.0%} less")
    print("\n| what | median ms | p95 ms | updates/s | requests |\n|---|---|---|---|---|")
    print(timed)


if __name__ == "__main__":
    asyncio.run(with_the_app(measure))
