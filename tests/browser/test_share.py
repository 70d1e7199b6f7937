"""What is shown can be passed on and kept; and a phone keeps the image in view."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from tests.browser.conftest import Visits, painted, pixels

Z = [0.123, -1.5, 4.2, 0, 0, 1, 0, 0, 0.5, -0.25]

VIEW = "() => { const { zoom, hidden } = window.aae.plotView(); return [zoom?.map(v => Math.round(v * 1e4) / 1e4), hidden]; }"


@pytest.fixture(scope="module")
def visits(app, browser):
    opened = Visits(browser)
    yield opened
    opened.close()
    assert opened.trouble == []


@pytest.fixture(scope="module")
def sharer(app, visits):
    """A page that a link has opened."""
    view = "projection=lda&show=overlay&zoom=-2,1,-1,2&hide=3,7"
    address = f"{app.url}/?model=mnist-10d&z={','.join(map(str, Z))}&{view}&__sign=secret"
    page = visits(address)
    painted(page)
    page.wait_for_function("z => window.aae.z.every((value, i) => Math.abs(value - z[i]) < 1e-5)", arg=Z)
    page.get_by_role("tab", name="Share and keep").click()
    page.locator(".share textarea").wait_for()
    return page


def saved(page, act: str) -> Image.Image:
    with page.expect_download() as download:
        page.locator(f"[data-act={act}]").click()
    image = Image.open(io.BytesIO(download.value.path().read_bytes()))
    image.load()
    return image


def toggle(page, place: int) -> None:
    """Hide or show a class by the legend; clicks that follow each other at once Plotly takes for a double click."""
    before = page.evaluate(VIEW)
    page.locator("#plane .legendtoggle").nth(place).click()
    page.wait_for_function(f"before => JSON.stringify(({VIEW})()) !== before", arg=json.dumps(before, separators=(",", ":")))
    page.wait_for_timeout(350)


def test_a_link_opens_on_exactly_what_it_was_made_of(sharer):
    page = sharer
    expect(page.get_by_label("LDA")).to_be_checked()
    expect(page.get_by_label("prior over codes")).to_be_checked()
    page.wait_for_function("() => document.querySelector('#plane .figure')._fullLayout.xaxis.title.text.startsWith('LD')")
    page.wait_for_function("() => window.aae.plotView().zoom && window.aae.plotView().hidden")
    page.wait_for_timeout(1000)
    assert page.evaluate(VIEW) == [[-2, 1, -1, 2], [3, 7]]
    assert page.evaluate("() => window.aae.z") == pytest.approx(Z, abs=1e-5)  # the sliders, which round, did not answer
    shown = np.array(page.evaluate("() => Array.from(window.aae.decode(window.aae.z))"))
    assert np.abs(np.array(pixels(page)) - (shown + 1) * 127.5).max() <= 0.51


def test_the_address_follows_z_and_a_copied_link_keeps_the_sessions_own_values_to_itself(sharer):
    page = sharer
    page.evaluate("() => window.aae.move(window.aae.z.map((v, i) => (i ? v : 1.2345)))")
    page.wait_for_function("() => location.search.includes('z=1.235,-1.5,')")
    assert "__sign=secret" in page.url
    link = page.locator(".share .address")
    expect(link).to_have_value(page.url.replace("__sign=secret&", ""))
    page.locator("#field input").check()
    page.wait_for_function("() => location.search.includes('overlay,field')")
    page.locator("#field input").uncheck()


def test_zoom_and_hidden_classes_outlive_a_view_and_are_in_the_address_until_they_are_undone(sharer):
    page = sharer
    page.get_by_label("PCA").check()
    page.wait_for_function("() => document.querySelector('#plane .figure')._fullLayout.xaxis.title.text.startsWith('PC')")
    page.wait_for_function("() => location.search.includes('projection=pca')")
    assert page.evaluate(VIEW) == [[-2, 1, -1, 2], [3, 7]]
    toggle(page, 7)
    toggle(page, 0)
    page.wait_for_function("() => location.search.includes('zoom=-2.00,1.00,-1.00,2.00&hide=0,3')")
    page.get_by_label("LDA").check()
    page.wait_for_function("() => document.querySelector('#plane .figure')._fullLayout.xaxis.title.text.startsWith('LD')")
    assert page.evaluate(VIEW) == [[-2, 1, -1, 2], [0, 3]]
    page.locator("#plane .modebar-btn[data-title='Reset axes']").click()
    for place in (0, 3):
        toggle(page, place)
    page.wait_for_function("() => !/zoom|hide/.test(location.search)")
    assert page.evaluate(VIEW) == [None, None]


def test_no_button_of_a_figure_sends_it_anywhere(sharer):
    titles = "() => [...document.querySelectorAll('.modebar-btn')].map(button => button.dataset.title)"
    offered = {"Download plot as a PNG", "Zoom", "Pan", "Zoom in", "Zoom out", "Reset axes", "Drag moves z"}
    assert set(sharer.evaluate(titles)) == offered


def test_z_is_copied_and_taken_as_json(sharer):
    page = sharer
    text = page.locator(".share textarea")
    assert json.loads(text.input_value())["model"] == "mnist-10d"
    before = page.evaluate("() => window.aae.z")
    for wrong, sentence in (("[1, 2", "not JSON"), ("[1, 2]", "list of 10"), (json.dumps(["a"] * 10), "numbers")):
        text.fill(wrong)
        page.locator("[data-act=take-z]").click()
        expect(page.locator(".share .told")).to_contain_text(sentence)
    assert page.evaluate("() => window.aae.z") == before
    text.fill(json.dumps({"z": [0.5] * 10}))
    page.locator("[data-act=take-z]").click()
    assert page.evaluate("() => window.aae.z") == [0.5] * 10


def test_image_and_figure_are_saved_as_they_are_shown(sharer):
    page = sharer
    page.wait_for_timeout(300)
    greys = np.array(pixels(page)).reshape(32, 32)
    assert np.array_equal(np.array(saved(page, "image").convert("L")), greys)
    assert np.array_equal(np.array(saved(page, "enlarged").convert("L"))[::16, ::16], greys)
    figure = np.array(saved(page, "figure").convert("RGB")).reshape(-1, 3)
    assert len(np.unique(figure, axis=0)) > 100  # points of WebGL too, not axes alone
    assert (np.abs(figure.astype(int) - [230, 0, 122]).max(1) < 30).any()  # the marker


def test_the_way_from_a_to_b_is_saved_as_a_gif(sharer):
    page = sharer
    page.locator("[data-act=gif]").click()
    expect(page.locator(".share .told")).to_contain_text("Keep an A and a B")
    page.get_by_role("tab", name="A to B").click()
    page.wait_for_function("() => window.aae.wayFromAToB?.(2)")
    page.get_by_role("tab", name="Share and keep").click()
    gif = saved(page, "gif")
    assert (gif.size, gif.n_frames) == ((192, 192), 46)
    for frame, place in ((0, 0), (23, 1)):
        gif.seek(frame)
        codes = page.evaluate("() => window.aae.wayFromAToB(2)")
        shown = (np.array(page.evaluate("z => Array.from(window.aae.decode(z))", codes[place])) + 1) * 127.5
        assert np.abs(np.array(gif.convert("L"))[::6, ::6].ravel() - shown).max() <= 0.51


def test_what_is_seen_is_told_in_words(sharer):
    page = sharer
    page.evaluate("() => window.aae.move(window.aae.z.map(() => 0.3))")
    expect(page.locator(".spoken")).to_contain_text("|z| is 0.95")
    expect(page.locator(".spoken")).to_contain_text("of class")
    assert "D(z) is" in page.locator("#decoded").get_attribute("aria-label")
    described = page.locator("#plane .figure-frame").get_attribute("aria-label")
    assert "5,000 draws" in described
    assert "LD 1" in described


def test_on_a_phone_a_wrong_link_says_so_and_the_image_stays_in_view(app, visits):
    page = visits(f"{app.url}/?model=nope", viewport={"width": 390, "height": 844}, has_touch=True)
    painted(page)
    expect(page.locator("#link")).to_contain_text("opens as usual")
    expect(page.get_by_label("Model")).to_have_value("mnist-10d")
    seen = """() => { const box = document.querySelector("#decoded").getBoundingClientRect();
      const top = document.elementFromPoint(box.x + 9, box.y + 9);
      return box.top >= 0 && box.bottom <= innerHeight && top?.id === "decoded"; }"""
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
    for part in ("#z-9", "#plane"):  # z-9 last moved by a slider, then the plane by a finger
        page.evaluate("part => document.querySelector(part).scrollIntoView({ block: 'end' })", part)
        page.wait_for_function(seen)
    page.locator("#ways .overflow-menu button").first.click()
    page.locator(".overflow-dropdown").get_by_text("A to B", exact=True).click()
    for figure in page.locator(".journey figure").all():
        box = figure.bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 390
    page.evaluate("() => document.querySelector('#plane').scrollIntoView({ block: 'end' })")
    page.wait_for_function(seen)
    touch = page.context.new_cdp_session(page)
    place = page.evaluate("""() => { const plot = document.querySelector("#plane .figure"), box = plot.getBoundingClientRect();
      const { xaxis2: x, yaxis2: y } = plot._fullLayout;
      return { x: box.left + x._offset + x.l2p(0), y: box.top + y._offset + y.l2p(0) }; }""")
    before, scroll = page.evaluate("() => [window.aae.z, scrollY]")
    touch.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [place]})
    for step in range(1, 6):
        moved = {"x": place["x"] + 8 * step, "y": place["y"] - 6 * step}
        touch.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": [moved]})
    assert page.evaluate(seen)
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    assert page.evaluate("() => window.aae.z") != before
    assert page.evaluate("() => scrollY") == scroll
