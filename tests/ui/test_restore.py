"""A page over HTTP, as a browser has it open: a closed tab ends its run, a reload finds the model, nobody waits for others."""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack

import httpx
import pytest

from aae.ui.demo import build_demo, launch_options
from tests.load.page import Findings, Page
from tests.load.visits import Run, stop, train
from tests.runs import in_a_loop

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::DeprecationWarning")


@pytest.fixture(scope="module")
def demo():
    made = build_demo()
    made.launch(**launch_options(), prevent_thread_lock=True, quiet=True, server_name="127.0.0.1")
    yield made
    made.close()


async def until(condition, seconds: float) -> float:
    started = time.monotonic()
    while not condition() and time.monotonic() - started < seconds:
        await asyncio.sleep(0.05)
    return time.monotonic() - started


async def token_of(page: Page, token: object = "") -> str:
    """What the browser is given to keep when the page is opened with what it kept before."""
    event = next(event for event in page.events if page.stored in event["inputs"])
    page.values[page.stored] = token
    answer = await page.client.post("/gradio_api/run/predict", json=page.body(event, {}))
    return answer.raise_for_status().json()["data"][event["outputs"].index(page.stored)]


async def visit(demo, slow_seconds: float) -> None:
    shelf, findings = demo.shelf, Findings()
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(httpx.AsyncClient(base_url=demo.local_url, timeout=30))
        tab = await stack.enter_async_context(AsyncExitStack())
        page = await tab.enter_async_context(Page(client, findings).open())
        token, run = await token_of(page), Run()
        task = asyncio.create_task(train(page, run, 0))
        await asyncio.wait_for(run.moved.wait(), 60)
        assert shelf.slots.busy == 1

        # The tab is closed: the run ends, and while it tidies up nobody else waits.
        task.cancel()
        await tab.aclose()
        assert await until(lambda: shelf.slots.busy == 0, 10) < 5
        started = time.monotonic()
        (await client.get("/gradio_api/startup-events")).raise_for_status()
        assert time.monotonic() - started < slow_seconds / 2

        # Opened again, the page waits for what the run leaves, and has it; a stranger has not, whatever they claim.
        again = await stack.enter_async_context(Page(client, findings).open())
        assert await token_of(again, token) == token
        assert len(shelf.kept) == 1
        stranger = await stack.enter_async_context(Page(client, findings).open())
        assert await token_of(stranger, token[:-1] + ("0" if token[-1] != "0" else "1")) != token
        with pytest.raises(httpx.HTTPStatusError):
            await stranger.run(stranger.event("btn-encode", "click"), {"model": "your-model"})
        shown = await again.run(again.event("btn-encode", "click"), {"model": "your-model"})
        assert shown["digit"]["latent_dim"] == 10

        # Stop.
        run = Run()
        task = asyncio.create_task(train(again, run, 1))
        await asyncio.wait_for(run.moved.wait(), 60)
        await stop(again, task)
        assert findings.seconds["stop"][0] - slow_seconds < 2
        assert shelf.slots.busy == 0
        assert run.rows == run.frames > 0
    assert not findings.errors
    assert not findings.lost


def test_pages_are_closed_reloaded_and_stopped(demo, monkeypatch):
    slow_seconds, own = 1.0, demo.shelf.own

    def slowly(*args):
        time.sleep(slow_seconds)
        return own(*args)

    monkeypatch.setattr(demo.shelf, "own", slowly)
    in_a_loop(visit(demo, slow_seconds))
