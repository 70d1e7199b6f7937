"""The real app, in its own process, and a real Chromium that looks at it."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

ROOT = Path(__file__).parents[2]
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
expect.set_options(timeout=30_000)  # a busy machine is slow, not wrong
SERVE = "import sys; from pathlib import Path; from aae.ui.demo import serve; serve(Path(sys.argv[1]))"


class App:
    """A served app: its address and its process."""

    def __init__(self, checkpoints: Path | None, folder: Path, code: str = SERVE) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        self.log = folder / "app.log"
        # No data set is at hand, and the one download a test asks for goes nowhere, at once.
        proxy = {"http_proxy": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9", "no_proxy": "127.0.0.1,localhost"}
        env = {**os.environ, **proxy, "GRADIO_SERVER_PORT": str(port), "AAE_DATA_DIR": str(folder / "data")}
        self.temporary = folder / "tmp"
        self.temporary.mkdir()
        env["TMPDIR"] = str(self.temporary)
        command = ["app.py"] if checkpoints is None else ["-c", code, str(checkpoints)]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen([sys.executable, *command], cwd=ROOT, env=env, stdout=log, stderr=log)

    def wait(self, seconds: float = 90) -> float:
        """Seconds until the page answers."""
        started = time.monotonic()
        while time.monotonic() - started < seconds:
            try:
                with urllib.request.urlopen(self.url, timeout=5):
                    return time.monotonic() - started
            except OSError:
                assert self.process.poll() is None, self.log.read_text()
                time.sleep(0.1)
        raise AssertionError(f"no answer within {seconds} s: {self.log.read_text()}")

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(20)


def serve(checkpoints: Path | None, folder: Path, code: str = SERVE):
    served = App(checkpoints, folder, code)
    try:
        served.wait()
        yield served
        assert "Traceback" not in served.log.read_text(), served.log.read_text()
    finally:
        served.stop()


@pytest.fixture(scope="session")
def app(tmp_path_factory):
    yield from serve(None, tmp_path_factory.mktemp("app"))


@pytest.fixture(scope="session")
def empty_app(tmp_path_factory):
    folder = tmp_path_factory.mktemp("empty")
    (folder / "checkpoints").mkdir()
    yield from serve(folder / "checkpoints", folder)


def chromium_path() -> str | None:
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    return next(filter(None, map(shutil.which, names)), None)


@pytest.fixture(scope="session")
def browser():
    executable = chromium_path()
    if executable is None:
        message = "no Chromium or Chrome on this machine"
        pytest.fail(message) if os.environ.get("CI") else pytest.skip(message)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=executable, args=FLAGS)
        yield chromium
        chromium.close()


class Visits:
    """Opens pages as separate visitors, and notes what none of them may do: print an error, or ask another host."""

    def __init__(self, browser: Browser) -> None:
        self.browser = browser
        self.contexts: list[BrowserContext] = []
        self.trouble: list[str] = []

    def __call__(self, url: str, **options: object) -> Page:
        context = self.browser.new_context(**{"viewport": {"width": 1440, "height": 900}, **options})
        self.contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(45_000)
        page.on("console", lambda m: self.trouble.append(m.text) if m.type == "error" else None)
        page.on("pageerror", lambda e: self.trouble.append(str(e)))
        page.on("response", lambda r: self.trouble.append(f"{r.status} {r.url}") if r.status >= 400 else None)
        page.on("request", lambda r: self.trouble.append(r.url) if elsewhere(r.url) else None)
        page.goto(url)
        return page

    def close(self) -> None:
        for context in self.contexts:
            context.close()


def elsewhere(url: str) -> bool:
    return url.startswith("http") and "127.0.0.1" not in url


@pytest.fixture
def visit(browser: Browser):
    """Opens pages; afterwards no console may hold an error and no request may have left."""
    visits = Visits(browser)
    yield visits
    visits.close()
    assert visits.trouble == []


@pytest.fixture
def fresh_page(app: App, visit) -> Page:
    """The app as a new visitor sees it, once the opening digit is painted. Takes seconds: use `page` where you can."""
    opened = visit(app.url)
    painted(opened)
    return opened


@pytest.fixture(scope="session")
def explorer(app: App, browser: Browser):
    """One visitor's page, and what was amiss in it, for all tests of Explore."""
    visits = Visits(browser)
    opened = visits(app.url)
    painted(opened)
    opened.evaluate("() => { window.opening = [...window.aae.z] }")
    yield opened, visits.trouble
    visits.close()


@pytest.fixture
def page(explorer: tuple[Page, list[str]]):
    """Explore as a new visitor sees it: the page of the test before, put back. Afterwards its console may hold no error."""
    opened, trouble = explorer
    put_back(opened)
    yield opened
    found = list(trouble)
    trouble.clear()
    assert found == []


HIDDEN = """() => document.querySelector("#plane .figure")._fullData.flatMap((trace, index) =>
  trace.visible === "legendonly" ? [index] : [])"""


OPENING = "mnist-10d"


def put_back(page: Page) -> None:
    """The opening view and z, no toggle set, no class hidden, no zoom."""
    page.get_by_role("tab", name="Explore").click()
    page.mouse.move(2, 2)
    if page.locator("#model input").input_value() != OPENING:
        page.locator("#model input").click()
        page.get_by_role("option", name=OPENING, exact=True).click()
        page.wait_for_function("() => window.aae.model === 'mnist-10d' && window.aae.axes?.[0].length === window.aae.z.length")
    for box in page.locator(".toggles input:checked").all():
        box.uncheck()
    view = page.get_by_label("PCA")
    if not view.is_checked():
        view.check()
        page.wait_for_function("() => document.querySelector('#plane .figure')._fullLayout.xaxis.title.text.startsWith('PC')")
    for trace in page.evaluate(HIDDEN):  # as the visitor would: what a script hides or shows, Plotly keeps another way
        page.locator("#plane .legendtoggle").nth(trace).click()
    page.wait_for_function(f"() => ({HIDDEN})().length === 0")
    page.evaluate("""async () => {
      const ranges = ["xaxis", "yaxis", "xaxis2", "yaxis2"].map(name => [`${name}.range`, [-4.2, 4.2]]);
      await window.Plotly.relayout(document.querySelector("#plane .figure"), Object.fromEntries(ranges));
      window.aae.forgetOriginal();
      window.aae.move(window.opening);
    }""")
    page.wait_for_function("() => !window.aae.slidersBehind")
    page.evaluate("() => window.scrollTo(0, 0)")


def open_tab(page: Page, name: str) -> None:
    """Open a tab of the page; on a phone the last ones are in a menu."""
    tab = page.get_by_role("tab", name=name, exact=True)
    if not tab.is_visible():
        page.locator(".overflow-menu button").first.click()
        tab = page.locator(".overflow-dropdown").get_by_text(name, exact=True)
    tab.click()


PIXELS = """() => {
  const canvas = document.querySelector("#decoded");
  return canvas ? Array.from(canvas.getContext("2d").getImageData(0, 0, 32, 32).data).filter((_, i) => i % 4 === 0) : [];
}"""


def pixels(page: Page) -> list[int]:
    """Grey levels of the decoded image, row by row."""
    return page.evaluate(PIXELS)


DIGIT_PAINTED = f"() => ({PIXELS})().some((grey) => grey > 100)"
PLANE_DRAWN = "() => document.querySelector('#plane .figure')?._fullLayout?.xaxis2 !== undefined"


def painted(page: Page) -> None:
    """Wait until both plots are drawn and a digit is on the canvas."""
    page.wait_for_function(DIGIT_PAINTED)
    page.wait_for_function(PLANE_DRAWN)


def points(page: Page, figure: str = "plane") -> dict[str, int]:
    """Points drawn in each trace of a figure, by name."""
    script = "id => Object.fromEntries(document.querySelector(`#${id} .figure`).data.map(t => [t.name, t.x.length]))"
    return page.evaluate(script, figure)


def sliders(page: Page) -> list[float]:
    return page.evaluate("() => [...document.querySelectorAll('.sliders input[type=range]')].map(s => Number(s.value))")
