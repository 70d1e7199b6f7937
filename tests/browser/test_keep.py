"""A visitor's own images and own model, there and back, in a real browser: a zip, a run, downloads, uploads."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import pytest
from playwright.sync_api import Download, Page, expect

from aae.checkpoints import load_checkpoint
from tests.browser.conftest import painted
from tests.zips import digits, zipped

NAMES = {
    **{digit: str(digit) for digit in range(10)},
    3: "<a href='x:y'>three",
    4: "%{x} 猫",
    5: "<img src=x onerror=window.ran=1>",
}
LEGEND = "() => [...document.querySelectorAll('#train-plane .legendtext')].map(text => text.textContent)"


@pytest.fixture
def owner(page, take, tmp_path) -> Page:
    """A page whose visitor has trained for an epoch on a zip of 200 digits."""
    page.get_by_role("tab", name="Train").click()
    page.locator("#own-images button").first.click()
    zip_file = page.locator("#own-zip input[type=file]")
    zip_file.set_input_files({"name": "bad.zip", "mimeType": "application/zip", "buffer": b"PK\x03\x04"})
    expect(page.locator("#own-status")).to_contain_text("damaged or not a zip")
    page.locator("#own-zip button[aria-label='Clear']").click()
    expect(page.locator("#own-status")).to_contain_text("forgotten")
    path = tmp_path / "own.zip"
    path.write_bytes(zipped(digits(take(200), NAMES)))
    zip_file.set_input_files(str(path))
    expect(page.locator("#own-status")).to_contain_text("200 images in 10 classes: 180 to train on, 20 held out.")
    expect(page.locator("#dataset input")).to_have_value("Your images (200)")
    assert page.locator("#own-sheet canvas").evaluate("canvas => [canvas.width, canvas.height]") == [34 * 8 - 2, 34 * 3 - 2]
    page.locator("#epochs input").fill("1")
    page.click("#btn-train")
    expect(page.locator("#train-status")).to_contain_text("Done: 1 epochs", timeout=90_000)
    return page


def get(page: Page, kind: str) -> Download:
    with page.expect_download() as download:
        page.click(f"#btn-get-{kind}")
    return download.value


def saved(download: Download, folder: Path) -> Path:
    path = folder / download.suggested_filename
    download.save_as(path)
    return path


def test_own_images_are_trained_on_and_the_model_goes_and_comes_back(owner, browser, visit, app, tmp_path):
    page = owner
    legend = page.evaluate(LEGEND)
    assert {"<a href='x:y'>t…", "%{x} 猫", "<img src=x oner…"} <= set(legend), "names are text, and the long ones short"
    assert page.locator("#train-plane a").count() == 0
    assert page.evaluate("window.ran") is None

    page.get_by_role("tab", name="Explore").click()
    expect(page.locator("#about-model")).to_contain_text("1 epochs of own images")
    page.click("#btn-encode")
    expect(page.locator("#digit-note")).to_contain_text("a held-out image of yours")
    page.get_by_role("tab", name="Train").click()

    checkpoint = saved(get(page, "checkpoint"), tmp_path)
    assert checkpoint.name == "aae-own-10d.safetensors"
    assert load_checkpoint(checkpoint).training
    record = json.loads(saved(get(page, "record"), tmp_path).read_text())["record"]
    assert record["class_names"].count("<a href='x:y'>three") == 1
    decoder = saved(get(page, "page"), tmp_path)
    alone = browser.new_context(offline=True).new_page()
    alone.goto(decoder.as_uri())
    alone.click("#origin")
    assert (
        alone.evaluate("() => Math.max(...document.querySelector('canvas').getContext('2d').getImageData(0, 0, 32, 32).data)")
        > 100
    )
    alone.context.close()

    upload = page.locator("#keep input[type=file]")
    harmful = {"name": "a.safetensors", "mimeType": "application/octet-stream", "buffer": pickle.dumps(print)}
    upload.set_input_files(harmful)
    expect(page.locator("#keep-status")).to_contain_text("never opened here")
    other = visit(app.url)
    painted(other)
    other.get_by_role("tab", name="Train").click()
    other.locator("#dataset input").click()
    assert "Your images" not in other.get_by_role("listbox").inner_text()
    other.keyboard.press("Escape")
    other.locator("#keep input[type=file]").set_input_files(str(checkpoint))
    expect(other.locator("#keep-status")).to_contain_text("exactly where it stood")
    other.get_by_role("tab", name="Explore").click()
    expect(other.locator("#model input")).to_have_value("Your model")
    expect(other.locator("#about-model")).to_contain_text("1 epochs of own images")
