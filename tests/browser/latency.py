"""``python -m tests.browser.latency``: how long the page takes to follow a hand, as a table.

Serves the app, opens headless Chromium and sends it a hand's movements at a mouse's rate, without waiting for what the page
makes of them. The page itself times each event, from its own time stamp to the frame after which the new image is on the
canvas, and counts the frames in which another image came there. The first row is what this machine and this way of measuring
take for themselves: a page with nothing but a canvas that gets another image at each movement. Run it on an idle machine.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import numpy as np
from playwright.async_api import Browser, Page, Response, async_playwright

from tests.browser.conftest import DIGIT_PAINTED, FLAGS, PLANE_DRAWN, App, chromium_path
from tests.browser.test_plane import TO_PIXELS

MOVES = 625
WARM_UP = 125  # of them, for the browser to compile what a drag runs
MOVES_A_SECOND = 125  # as a common mouse reports
VISITS = 5

# Each event is timed to the frame in which z has been drawn: a task posted from the last animation callback of a frame
# runs after that frame was painted.
WATCH = """([selector, name]) => {
  const watch = window.watch = { times: [], images: 0 };
  const canvas = document.querySelector("#decoded");
  let events = [], last = "";
  const note = (event) => events.push(event.timeStamp);
  const element = document.querySelector(selector);
  element.addEventListener(name, note, { capture: true });
  const off = window.aae.subscribe(() => {
    const [drawn] = [events, events = []], channel = new MessageChannel();
    channel.port1.onmessage = () => {
      const now = performance.now();
      for (const began of drawn) watch.times.push(now - began);
      const image = canvas.getContext("2d").getImageData(0, 0, 32, 32).data.join();
      if (image !== last) watch.images++;
      last = image;
    };
    channel.port2.postMessage(0);
  });
  watch.end = () => {
    off();
    element.removeEventListener(name, note, { capture: true });
    return [watch.times, watch.images];
  };
}"""


# A page that does nothing but paint, for `WATCH`.
BARE = """<canvas id="decoded" width="32" height="32" style="width: 600px; image-rendering: pixelated"></canvas><script>
  const listeners = new Set(), canvas = document.querySelector("canvas"), image = new ImageData(32, 32);
  window.aae = { subscribe: (listener) => (listeners.add(listener), () => listeners.delete(listener)) };
  let scheduled = false, grey = 0;
  canvas.addEventListener("pointermove", () => {
    if (scheduled) return;
    scheduled = true;
    requestAnimationFrame(() => {
      scheduled = false;
      image.data.fill(grey = (grey + 1) % 256).forEach((_, i) => i % 4 === 3 && (image.data[i] = 255));
      canvas.getContext("2d").putImageData(image, 0, 0);
      for (const listener of listeners) listener();
    });
  });
</script>"""


def row(name: str, times: Sequence[float], updates: float, requests: int) -> str:
    median, p95 = np.percentile(times, [50, 95]) if times else (np.nan, np.nan)
    return f"| {name} | {median:.0f} | {p95:.0f} | {updates:.0f} | {requests} |"


async def drag(page: Page, name: str, selector: str, event: str, path: list[tuple[float, float]]) -> str:
    """Time a drag along a path of pixels, after the first second of it."""
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    session = await page.context.new_cdp_session(page)

    def mouse(kind: str, place: tuple[float, float], buttons: int = 1) -> asyncio.Task[object]:
        x, y = place
        button = "left" if buttons else "none"
        event = {"type": kind, "x": x, "y": y, "button": button, "buttons": buttons, "clickCount": 1}
        return asyncio.create_task(session.send("Input.dispatchMouseEvent", event))

    await mouse("mouseMoved", path[0], 0)
    await mouse("mousePressed", path[0])
    began = watched = time.monotonic()
    sent = []
    for i, place in enumerate(path):
        if i == WARM_UP:
            await page.evaluate(WATCH, [selector, event])
            watched = time.monotonic()
        await asyncio.sleep(max(0.0, began + i / MOVES_A_SECOND - time.monotonic()))
        sent.append(mouse("mouseMoved", place))
    await asyncio.gather(*sent)
    seconds = time.monotonic() - watched
    times, images = await page.evaluate("() => window.watch.end()")
    await mouse("mouseReleased", path[-1])
    await page.wait_for_timeout(500)
    return row(name, times, images / seconds, len(requests))


def circle(centre: tuple[float, float], radii: tuple[float, float]) -> list[tuple[float, float]]:
    """A path of `MOVES` pixels, about twice around."""
    return [(centre[0] + radii[0] * np.cos(t), centre[1] + radii[1] * np.sin(t)) for t in np.linspace(0, 12, MOVES)]


# After the frame in which something is drawn next.
DRAWN = """() => new Promise((done) => requestAnimationFrame(() => {
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
    times.push(await ({DRAWN})() - began);
  }}
  return times;
}}"""

VIEW = f"""async (name) => {{
  const began = performance.now(), before = window.aae.axes;
  document.querySelector(`#view input[value="${{name}}"]`).click();
  while (window.aae.axes === before) await new Promise(requestAnimationFrame);
  return await ({DRAWN})() - began;
}}"""


async def board(page: Page) -> str:
    """Time from a new z to the whole traversal board painted: 10 × 9 images."""
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    times = (await page.evaluate(BOARD, 60))[10:]
    return row("traversal board, 10 × 9 images", times, 1000 / float(np.mean(times)), len(requests))


async def view_changes(page: Page) -> list[float]:
    """Milliseconds from choosing another view of the 5,000 points to the painted figure, the request included."""
    times = []
    for name in ("LDA", "PCA", "Two axes") * 4:
        times.append(await page.evaluate(VIEW, name))
        await page.wait_for_timeout(300)
    return times


# When the digit and the plane have first been painted, in seconds from the start of the page's loading.
FIRST = f"""() => {{
  const first = window.first = {{}}, conditions = {{ digit: {DIGIT_PAINTED}, plane: {PLANE_DRAWN} }};
  const look = () => {{
    for (const [name, met] of Object.entries(conditions)) if (!(name in first) && met()) first[name] = performance.now() / 1000;
    if (Object.keys(first).length < 2) next();
  }};
  const next = () => requestAnimationFrame(() => {{
    const channel = new MessageChannel(); // after this frame was painted
    channel.port1.onmessage = look;
    channel.port2.postMessage(0);
  }});
  next();
}}"""


async def first_visit(browser: Browser, url: str) -> tuple[float, float, int, Page]:
    """A new visitor's page: seconds until the digit is painted, and the plane too, and bytes fetched that are our own."""
    context = await browser.new_context(viewport={"width": 1440, "height": 900})
    page = await context.new_page()
    page.set_default_timeout(60_000)
    sizes: list[int] = []
    page.on("response", lambda response: sizes.append(fetched(response)))
    await page.add_init_script(f"({FIRST})()")
    await page.goto(url, wait_until="commit")
    await page.wait_for_function("() => Object.keys(window.first).length === 2")
    first = await page.evaluate("() => window.first")
    return first["digit"], first["plane"], sum(sizes), page


async def measure(browser: Browser, url: str) -> None:
    print("| what | median ms | p95 ms | updates/s | requests |\n|---|---|---|---|---|")
    page = await browser.new_page(viewport={"width": 1440, "height": 900})
    await page.set_content(BARE)
    print(await drag(page, "bare page, one canvas", "#decoded", "pointermove", circle((300, 300), (200, 200))))
    await page.close()
    visits = []
    for _ in range(VISITS):
        *figures, page = await first_visit(browser, url)
        visits.append(figures)
        await page.wait_for_timeout(500)
        if len(visits) < VISITS:
            await page.context.close()
    box = await page.locator("#z-0 input[type=range]").bounding_box()
    assert box
    shares = 0.5 + 0.45 * np.sin(np.linspace(0, 12, MOVES))
    slider = [(box["x"] + box["width"] * share, box["y"] + box["height"] / 2) for share in shares]
    print(await drag(page, "slider", "#z-0 input[type=range]", "pointermove", slider))
    left, top = await page.evaluate(TO_PIXELS, ["encoded", -2, 2])
    right, bottom = await page.evaluate(TO_PIXELS, ["encoded", 2, -2])
    around = circle(((left + right) / 2, (top + bottom) / 2), ((right - left) / 2, (bottom - top) / 2))
    print(await drag(page, "drag in the plane", "#plane .figure", "pointermove", around))
    times = await view_changes(page)
    print(row("change of view, 5,000 points", times, 1000 / float(np.mean(times)), 1))
    await page.set_viewport_size({"width": 1440, "height": 2400})  # sliders and board in view
    await page.wait_for_function("() => document.querySelector('#traversal .board').dataset.state === 'shown'")
    print(await board(page))
    print(await drag(page, "slider, board in view", "#z-0 input[type=range]", "pointermove", slider))
    digit, plane, fetched = np.median(visits, axis=0)
    print(f"\nfirst visit, median of {VISITS}: digit painted after {digit:.2f} s, the plane too after {plane:.2f} s")
    print(f"model and codes fetched: {fetched / 1e6:.1f} MB")


async def with_the_app(measure: Callable[[Browser, str], Awaitable[None]]) -> None:
    """Serve the app, and measure it at its address in a browser."""
    with tempfile.TemporaryDirectory() as folder:
        app = App(None, Path(folder))
        try:
            app.wait()
            async with async_playwright() as playwright:
                browser = await playwright.chromium.launch(executable_path=chromium_path(), args=FLAGS)
                await measure(browser, app.url)
                await browser.close()
        finally:
            app.stop()


def fetched(response: Response) -> int:
    """Bytes of a response if it is one of our own files, beyond Gradio's and Plotly's."""
    path = response.url.split("?")[0]
    ours = path.endswith((".bin", ".codes", ".discriminator")) or ("/aae-modules-" in path and "plotly" not in path)
    return int(response.headers.get("content-length", 0)) if ours else 0


if __name__ == "__main__":
    asyncio.run(with_the_app(measure))
