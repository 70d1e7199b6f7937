"""``python -m tests.browser.latency``: how long the page takes to follow a hand, as a table.

Serves the app, opens headless Chromium and times, in the page itself, from the event of a slider or pointer to the frame
after which the new image is on the canvas. Run it on an idle machine. Updates a
second are a lower bound: Playwright waits for each of its moves before it sends the next.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import numpy as np
from playwright.sync_api import Page, Response, sync_playwright

from tests.browser.conftest import FLAGS, App, chromium_path, painted
from tests.browser.test_plane import at

MOVES = 200

# Each event is timed to the frame in which z has been drawn: a task posted from the last animation callback of a frame
# runs after that frame was painted.
WATCH = """([selector, name]) => {
  window.times = []; window.frames = 0; window.started = performance.now();
  document.querySelector(selector).addEventListener(name, (event) => {
    const began = event.timeStamp;
    const off = window.aae.subscribe(() => {
      off();
      const channel = new MessageChannel();
      channel.port1.onmessage = () => { window.times.push(performance.now() - began); window.frames++; };
      channel.port2.postMessage(0);
    });
  }, { capture: true });
}"""


def row(name: str, times: list[float], updates: float, requests: int) -> str:
    median, p95 = np.percentile(times, [50, 95]) if times else (np.nan, np.nan)
    return f"| {name} | {median:.0f} | {p95:.0f} | {updates:.0f} | {requests} |"


def drag(page: Page, name: str, selector: str, event: str, path: list[tuple[float, float]]) -> str:
    """Time a drag along a path of pixels, as fast as the browser takes it."""
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.evaluate(WATCH, [selector, event])
    page.mouse.move(*path[0])
    page.mouse.down()
    began = time.monotonic()
    for place in path[1:]:
        page.mouse.move(*place)
    seconds = time.monotonic() - began
    page.mouse.up()
    page.wait_for_timeout(500)
    times, frames = page.evaluate("() => [window.times, window.frames]")
    return row(name, times, frames / seconds, len(requests))


# After the frame in which something is drawn next.
PAINTED = """() => new Promise((done) => requestAnimationFrame(() => {
  const channel = new MessageChannel();
  channel.port1.onmessage = () => done(performance.now());
  channel.port2.postMessage(0);
}))"""

BOARD = f"""async (count) => {{
  const board = document.querySelector("#traversal .board"), times = [];
  for (let i = 0; i < count; i++) {{
    const began = performance.now();
    const shown = new Promise((done) => board.addEventListener("painted", done, {{ once: true }}));
    window.aae.move(window.aae.z.map((_, k) => 1.5 * Math.sin((i + 1) * (k + 1))));
    await shown;
    times.push(await ({PAINTED})() - began);
  }}
  return times;
}}"""

VIEW = f"""async (name) => {{
  const began = performance.now(), before = window.aae.axes;
  document.querySelector(`#view input[value="${{name}}"]`).click();
  while (window.aae.axes === before) await new Promise(requestAnimationFrame);
  return await ({PAINTED})() - began;
}}"""


def board(page: Page) -> str:
    """Time from a new z to the whole traversal board painted: 10 × 9 images."""
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    times = page.evaluate(BOARD, 60)[10:]
    return row("traversal board, 10 × 9 images", times, 1000 / float(np.mean(times)), len(requests))


def view_changes(page: Page) -> list[float]:
    """Milliseconds from choosing another view of the 5,000 points to the painted figure, the request included."""
    times = []
    for name in ("LDA", "PCA", "Two axes") * 4:
        times.append(page.evaluate(VIEW, name))
        page.wait_for_timeout(300)
    return times


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        app = App(None, Path(folder))
        browser = None
        try:
            app.wait()
            browser = playwright.chromium.launch(executable_path=chromium_path(), args=FLAGS)
            page = browser.new_page(viewport={"width": 1440, "height": 900})
            page.set_default_timeout(60_000)
            sizes: list[int] = []
            page.on("response", lambda response: sizes.append(fetched(response)))
            began = time.monotonic()
            page.goto(app.url, wait_until="commit")
            painted(page)
            first = time.monotonic() - began
            print("| what | median ms | p95 ms | updates/s | requests |\n|---|---|---|---|---|")
            box = page.locator("#z-0 input[type=range]").bounding_box()
            assert box
            shares = 0.5 + 0.45 * np.sin(np.linspace(0, 12, MOVES))
            slider = [(box["x"] + box["width"] * share, box["y"] + box["height"] / 2) for share in shares]
            print(drag(page, "slider", "#z-0 input[type=range]", "input", slider))
            left, top = at(page, "encoded", -2, 2)
            right, bottom = at(page, "encoded", 2, -2)
            circle = [
                ((left + right) / 2 + (right - left) / 2 * np.cos(t), (top + bottom) / 2 + (bottom - top) / 2 * np.sin(t))
                for t in np.linspace(0, 12, MOVES)
            ]
            print(drag(page, "drag in the plane", "#plane .figure", "pointermove", circle))
            times = view_changes(page)
            print(row("change of view, 5,000 points", times, 1000 / float(np.mean(times)), 1))
            page.set_viewport_size({"width": 1440, "height": 2400})  # sliders and board in view
            page.wait_for_function("() => document.querySelector('#traversal .board').dataset.state === 'shown'")
            print(board(page))
            print(drag(page, "slider, board in view", "#z-0 input[type=range]", "input", slider))
            print(f"\nfirst usable paint: {first:.1f} s; model and codes fetched: {sum(sizes) / 1e6:.1f} MB")
        finally:
            if browser:
                browser.close()
            app.stop()


def fetched(response: Response) -> int:
    """Bytes of a response if it is one of our own files, beyond Gradio's and Plotly's."""
    path = response.url.split("?")[0]
    ours = path.endswith((".bin", ".codes", ".discriminator")) or "/aae-modules-" in path
    return int(response.headers.get("content-length", 0)) if ours else 0


if __name__ == "__main__":
    main()
