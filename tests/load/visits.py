"""What visitors do, all at once: look around, train, wait in line, press Stop, close the tab."""

from __future__ import annotations

import asyncio
import base64
import io
import random
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import torch
from PIL import Image

from aae import AAE
from aae.data import to_model_range
from aae.figures import curve_rows
from aae.ui.panels import AXES, SLIDER_LIMIT
from aae.ui.training_show import MOST_ROWS
from tests.load.page import Findings, Page

CHECKPOINTS = Path(__file__).parents[2] / "checkpoints"
CURVE_COLUMNS = curve_rows([]).shape[1]
MODELS = ("mnist-10d", "fashion-10d")
PATIENCE_SECONDS = 60.0


async def explore(page: Page, models: dict[str, AAE], until: float, chance: random.Random) -> None:
    """A visitor who looks around: other models and views, encoded digits, and codes sent to the endpoint for programs."""
    shown = MODELS[0]
    while time.perf_counter() < until:
        await asyncio.sleep(chance.uniform(0.5, 2.0))  # a thought
        what = chance.choice(["decode", "decode", "view", "view", "encode", "model"])
        shown = chance.choice(MODELS) if what == "model" else shown
        started = time.perf_counter()
        try:
            right = await act(page, what, shown, models, chance)
        except (httpx.HTTPError, KeyError, TypeError, ValueError) as error:
            page.findings.errors.append(f"{what}: {error!r}")
        else:
            page.findings.took(what, started)
            page.findings.check(right, what)


async def act(page: Page, what: str, shown: str, models: dict[str, AAE], chance: random.Random) -> bool:
    """Do one thing; whether the answer is the right one."""
    if what == "decode":
        name, z = chance.choice(MODELS), [round(chance.gauss(0, 1), 3) for _ in range(10)]
        answer = await page.client.post("/gradio_api/run/decode", json={"data": [z, name]})
        image = await page.client.get(answer.raise_for_status().json()["data"][0]["url"])
        pixels = np.asarray(Image.open(io.BytesIO(image.raise_for_status().content))).astype(int)
        with torch.inference_mode():
            expected = models[name].decode(torch.tensor([z]))[0, 0].numpy() * 127.5 + 127.5
        return pixels.shape == (32, 32) and bool(abs(pixels - expected).max() < 1.5)
    if what == "view":
        first, second = chance.sample(range(10), 2)
        changes = {"model": shown, "view": AXES, "axis-x": first, "axis-y": second}
        axes = np.asarray((await page.run(page.event("view", "input"), changes))["plane"]["axes"])
        return axes.shape == (2, 10) and bool(axes[0, first] == axes[1, second] == 1)
    if what == "encode":
        answer = await page.run(page.event("btn-encode", "click"), {"model": shown})
        return answer["digit"]["model"] == shown and is_its_code(answer, models[shown])
    values = await page.run(page.event("model", "input"), {"model": shown})
    weights = await page.client.get(f"/{values['digit']['weights']}")
    return values["model"]["value"] == shown and len(weights.raise_for_status().content) > 1_000_000


def is_its_code(answer: dict[str | None, Any], model: AAE) -> bool:
    """Whether the sliders have the code of the image that came, to their hundredth; without one, ten numbers of theirs."""
    z, original = np.array([answer[f"z-{i}"] for i in range(10)], float), answer["digit"]["original"]
    if original is None:  # the server has no images of this kind
        return z.shape == (10,) and bool((abs(z) <= SLIDER_LIMIT).all())
    image = torch.frombuffer(bytearray(base64.b64decode(original)), dtype=torch.uint8).view(1, 1, 32, 32)
    with torch.inference_mode():
        code = model.encode(to_model_range(image), sample=False)[0].numpy()
    return bool(abs(np.clip(code, -SLIDER_LIMIT, SLIDER_LIMIT) - z).max() <= 0.0051)


@dataclass
class Run:
    """What a visitor who trains has seen so far."""

    frames: int = 0
    rows: int = 0
    step: int = 0
    text: str = ""
    moved: asyncio.Event = field(default_factory=asyncio.Event)
    """Set at every frame."""

    def see(self, findings: Findings, view: dict[str | None, Any]) -> None:
        film, self.text = view["train-film"], view["train-status"].get("text", self.text)
        if not isinstance(film, dict) or film.get("step", 0) <= self.step:
            return
        self.step, self.rows = film["step"], len(base64.b64decode(film["rows"])) // 4 // CURVE_COLUMNS
        self.frames += 1
        findings.check(self.rows == self.frames or self.rows < self.frames >= MOST_ROWS, "training view")
        self.moved.set()


async def train(page: Page, run: Run, seed: int) -> None:
    """A visitor who trains, for as long as nobody stops it."""
    settings = {"dataset": "digits-sample", "preset": "reference", "epochs": 5000, "latent-dim": 10, "seed": seed}
    async for view in page.queued(page.event("btn-train", "click"), settings):
        run.see(page.findings, view)


async def stop(page: Page, run: asyncio.Task[None]) -> None:
    """Press Stop, and wait for the word that the run has ended and its model is kept."""
    started = time.perf_counter()
    await page.cancel(page.event("btn-train", "click"))
    ended = next(d for d in page.events if d["trigger_after"] is not None and d["outputs"] == [page.ids["train-status"]])
    text = (await page.run(ended, {}))["train-status"]["text"]
    page.findings.took("stop", started)
    page.findings.check("Stopped after" in text, f"stop: {text}")
    await run


async def visits(url: str, explorers: int, trainers: int, seconds: float, findings: Findings) -> None:
    """All of them at once: explorers, trainers, and one more who waits in line until a trainer's tab is closed."""
    models = {name: AAE.load(CHECKPOINTS / f"{name}.safetensors") for name in MODELS}
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(httpx.AsyncClient(base_url=url, limits=limits, timeout=PATIENCE_SECONDS))
        pages = [await stack.enter_async_context(Page(client, findings).open()) for _ in range(explorers)]
        training = [(Page(client, findings), Run()) for _ in range(trainers + 1)]
        tabs, tasks = [], []
        for number, (page, run) in enumerate(training):
            tabs.append(await stack.enter_async_context(AsyncExitStack()))
            await tabs[-1].enter_async_context(page.open())
            tasks.append(asyncio.create_task(train(page, run, number)))
            if number < trainers:
                await asyncio.wait_for(run.moved.wait(), PATIENCE_SECONDS)
        began, seen = time.perf_counter(), [run.frames for _, run in training]
        until = began + seconds
        async with asyncio.TaskGroup() as group:
            for number, page in enumerate(pages):
                group.create_task(explore(page, models, until, random.Random(number)))
        took, now = time.perf_counter() - began, [run.frames for _, run in training]
        findings.rates += [(last - first) / took for first, last in zip(seen, now, strict=True)][:trainers]
        waiting = training[-1][1]
        findings.check("number 1 of 1 in line" in waiting.text, f"line: {waiting.text}")
        started = time.perf_counter()
        tasks[0].cancel()  # the tab of the first who trains is closed, with all its connections
        await tabs[0].aclose()
        await asyncio.wait_for(waiting.moved.wait(), PATIENCE_SECONDS)
        findings.took("closed tab", started)
        await asyncio.gather(tasks[0], return_exceptions=True)
        for (page, _), task in zip(training[1:], tasks[1:], strict=True):
            await stop(page, task)
