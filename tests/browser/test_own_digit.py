"""A visitor's own digit: drawn or uploaded, encoded on the server, compared in the browser."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch
from PIL import Image
from playwright.sync_api import expect

from aae.checkpoints import load_checkpoint
from aae.data import load_images, to_model_range
from tests.browser.conftest import ROOT, Visits, painted, pixels, sliders

GREYS = """id => Array.from(document.getElementById(id).getContext("2d").getImageData(0, 0, 32, 32).data)
  .filter((_, i) => i % 4 === 0)"""
LIT = """() => document.querySelector("#draw canvas").getContext("2d").getImageData(0, 0, 280, 280).data
  .filter((value, i) => i % 4 === 0 && value).length"""


def file_of(image: Image.Image, kind: str = "PNG") -> bytes:
    file = io.BytesIO()
    image.save(file, kind)
    return file.getvalue()


@pytest.fixture(scope="module")
def one_page(app, browser):
    visits = Visits(browser)
    page = visits(app.url)
    painted(page)
    page.get_by_role("tab", name="Your digit").click()
    page.locator("#draw .invitation").wait_for()  # it can be drawn on
    yield page
    visits.close()
    assert visits.trouble == []


def upload(page, name: str, content: bytes) -> None:
    clear = page.locator("#own-file").get_by_label("Clear")
    if clear.count():
        clear.first.click()
    page.locator("#own-file input[type=file]").set_input_files({"name": name, "mimeType": "image/png", "buffer": content})


def test_what_is_drawn_is_encoded_while_it_is_drawn_and_the_sliders_take_its_code(one_page):
    page = one_page
    before = page.evaluate("() => window.aae.z")
    canvas = page.locator("#draw canvas")
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    place = lambda x, y: (box["x"] + x * box["width"], box["y"] + y * box["height"])  # noqa: E731
    page.mouse.move(*place(0.25, 0.2))
    page.mouse.down()
    page.mouse.move(*place(0.75, 0.2), steps=8)
    page.wait_for_function("z => window.aae.z.some((value, i) => value !== z[i])", arg=before)  # the button is down yet
    page.mouse.move(*place(0.45, 0.85), steps=8)
    page.mouse.up()
    expect(page.locator(".own-steps")).to_contain_text("reads 7")
    expect(page.locator(".own-verdict")).to_contain_text("at its own code")
    for _ in range(20):  # the last image of several may still be under way
        if page.evaluate(GREYS, "own-rec") == pixels(page):
            break
        page.wait_for_timeout(500)
    assert page.evaluate(GREYS, "own-rec") == pixels(page)
    np.testing.assert_allclose(sliders(page)[:10], np.clip(page.evaluate("() => window.aae.z"), -3.5, 3.5), atol=0.0051)


def test_the_error_follows_z_and_its_code_can_be_taken_again(one_page):
    page = one_page
    code = page.evaluate("() => window.aae.z")
    page.evaluate("() => window.aae.move(window.aae.z.map(() => 0))")
    expect(page.locator(".own-verdict")).to_contain_text("here")
    drawn, decoded = (np.array(page.evaluate(GREYS, name)) / 127.5 for name in ("own-x", "own-rec"))
    said = float(page.locator(".own-verdict").inner_text().split()[3])
    assert said == pytest.approx(np.abs(drawn - decoded).mean(), abs=0.003)
    red = page.evaluate(GREYS, "own-error")
    assert np.corrcoef(red, np.abs(drawn - decoded).ravel())[0, 1] > 0.8
    page.get_by_role("button", name="Take its code again").click()
    page.wait_for_function("z => window.aae.z.every((value, i) => value === z[i])", arg=code)


def test_undo_takes_a_stroke_back_and_clear_all(one_page):
    page = one_page
    canvas = page.locator("#draw canvas")
    one = page.evaluate(LIT)
    canvas.click(position={"x": 30, "y": 200})
    assert page.evaluate(LIT) > one
    canvas.press("Control+z")
    assert page.evaluate(LIT) == one
    page.get_by_role("button", name="Clear", exact=True).click()
    assert page.evaluate(LIT) == 0
    expect(page.get_by_role("button", name="Undo")).to_be_disabled()


def test_a_picture_is_encoded_as_the_model_encodes_what_it_was_made_of(one_page):
    page = one_page
    data = load_images("digits-sample", "test")
    digit = data.images[120, 0].numpy()
    picture = Image.fromarray(255 - digit).convert("RGB").resize((640, 640))
    upload(page, "two.png", file_of(picture))
    expect(page.locator(".own-steps")).to_contain_text("640×640 pixels, dark strokes")
    expect(page.locator(".own-steps")).to_contain_text(f"reads {int(data.labels[120])}")
    assert np.abs(np.array(page.evaluate(GREYS, "own-x")) - digit.ravel()).mean() / 127.5 < 0.15
    model = load_checkpoint(ROOT / "checkpoints" / "mnist-10d.safetensors").model()
    x = torch.tensor(page.evaluate(GREYS, "own-x"), dtype=torch.uint8).view(1, 1, 32, 32)
    with torch.no_grad():
        z = model.encode(to_model_range(x), sample=False)[0].numpy()
    np.testing.assert_allclose(page.evaluate("() => window.aae.z"), z, atol=1e-3)


def test_a_file_that_is_no_picture_gets_one_sentence_and_nothing_is_lost(one_page):
    page = one_page
    z = page.evaluate("() => window.aae.z")
    upload(page, "seven.png", b"seven")
    expect(page.locator(".own-steps")).to_contain_text("no picture that can be read")
    assert page.evaluate("() => window.aae.z") == z


def test_another_model_says_that_the_code_is_not_its_own(one_page):
    page = one_page
    upload(page, "white.png", file_of(Image.new("L", (50, 50), 255)))
    expect(page.locator(".own-steps")).to_contain_text("all one colour")
    upload(page, "one.png", file_of(Image.fromarray(load_images("digits-sample", "test").images[60, 0].numpy())))
    expect(page.locator(".own-steps")).to_contain_text("reads 1")
    page.locator("#model input").click()
    page.get_by_role("option", name="mnist-2d").click()
    expect(page.locator(".own-verdict")).to_contain_text("Another model")
    page.get_by_role("button", name="Take its code again").click()
    expect(page.locator(".own-verdict")).to_contain_text("at its own code")
    assert len(page.evaluate("() => window.aae.z")) == 2
