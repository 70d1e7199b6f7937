"""Explore in a real browser: the plane, the sliders, and a decoder that needs no server."""

from __future__ import annotations

import base64
import io
import re

import numpy as np
import pytest
import torch
from gradio_client import Client
from PIL import Image
from playwright.sync_api import expect

from aae import AAE
from tests.browser.conftest import ROOT, open_tab, painted, pixels, points, sliders

CHECKPOINT = ROOT / "checkpoints" / "mnist-10d.safetensors"


WIDTH = "() => { const r = document.querySelector('#plane .figure')._fullLayout.xaxis.range; return r[1] - r[0] }"


def test_page_opens_on_the_shipped_model_with_as_many_draws_as_codes(page):
    drawn = points(page)
    assert drawn.pop("prior") == 5000
    assert set(drawn) == set("0123456789")
    assert sum(drawn.values()) == 5000
    expect(page.locator("#about-model")).to_contain_text("10 latent dimensions")


def test_both_plots_have_the_same_axes_and_a_marker(page):
    ranges = page.evaluate(
        "() => { const l = document.querySelector('#plane .figure')._fullLayout;"
        "return [l.xaxis, l.xaxis2, l.yaxis, l.yaxis2].map(a => a.range.map(v => v.toFixed(3)).join()) }"
    )
    assert ranges[0] == ranges[1]
    assert ranges[2] == ranges[3]
    assert page.locator(".z-marker:visible").count() == 2


def test_dragged_slider_changes_image_and_markers_without_a_request(page):
    before, marker = pixels(page), marker_of(page)
    requests = []
    page.on("request", lambda request: requests.append(request.url))
    handle = page.locator("#z-0 input[type=range]").bounding_box()
    seen = set()
    page.mouse.move(handle["x"] + handle["width"] * 0.2, handle["y"] + handle["height"] / 2)
    page.mouse.down()
    for share in np.linspace(0.2, 0.95, 12):
        page.mouse.move(handle["x"] + handle["width"] * share, handle["y"] + handle["height"] / 2)
        page.wait_for_timeout(40)
        seen.add(tuple(pixels(page)))
    page.mouse.up()
    page.wait_for_timeout(300)
    assert len(seen) > 6, "the image follows the drag"
    assert pixels(page) != before
    assert marker_of(page) != marker
    assert requests == []
    values = sliders(page)
    assert values[0] > 2
    # The last value of the drag is the one that stands: nothing was dropped.
    assert page.evaluate("() => window.aae.z[0]") == pytest.approx(values[0])


def marker_of(page) -> str:
    return page.evaluate("() => document.querySelector('#plane [data-marker], #plane[data-marker]')?.dataset.marker ?? ''")


def test_browser_and_server_decoder_agree_to_one_grey_level(page, app):
    z = torch.randn(200, 10, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        server = AAE.load(CHECKPOINT).decode(z).reshape(200, -1).numpy()
    browser = np.array(page.evaluate("codes => codes.map(z => Array.from(window.aae.decode(z)))", z.tolist()))
    assert np.abs(browser - server).max() <= 2 / 255  # 255 grey levels lie between -1 and 1

    client = Client(app.url, verbose=False, download_files=False)
    try:
        answer = client.predict(z[0].tolist(), "mnist-10d", api_name="/decode")
    finally:
        client.close()
    body = page.context.request.get(answer["url"]).body()
    grey = np.asarray(Image.open(io.BytesIO(body)).convert("L"), dtype=float)
    assert np.abs(grey.ravel() - (server[0] + 1) * 127.5).max() <= 1


def test_random_origin_and_encode_set_the_sliders(page):
    opening = sliders(page)
    page.click("#btn-random")
    page.wait_for_function("old => window.aae.z.join() !== old", arg=",".join(f"{v:g}" for v in opening))
    drawn = sliders(page)
    assert drawn != opening
    assert len({*drawn}) > 5

    page.click("#btn-origin")
    page.wait_for_function("() => window.aae.z.every(value => value === 0)")
    assert sliders(page) == [0.0] * 10
    origin = pixels(page)
    assert not page.locator("#original-figure").is_visible()

    page.click("#btn-encode")
    expect(page.locator("#original-figure")).to_be_visible()
    expect(page.locator("#digit-note")).to_contain_text("its reconstruction has L1")
    page.wait_for_function("() => window.aae.z.some(value => value !== 0)")
    page.wait_for_timeout(200)
    assert pixels(page) != origin
    original = page.evaluate("() => document.querySelector('#original').toDataURL('image/png').split(',')[1]")
    original = np.asarray(Image.open(io.BytesIO(base64.b64decode(original))).convert("L"), dtype=float)
    error = np.abs(original.ravel() - np.array(pixels(page))).mean() / 127.5
    assert error < 0.25, "the decoded image is a reconstruction of the original beside it"

    page.click("#btn-origin")
    expect(page.locator("#original-figure")).to_be_hidden()


def test_view_changes_to_two_axes_and_keeps_the_zoom(page):
    box = page.locator("#plane .figure").bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.25, box["y"] + box["height"] * 0.4)
    for _ in range(8):
        page.mouse.wheel(0, -200)
    page.wait_for_function(f"() => ({WIDTH})() < 6")
    title = "() => document.querySelector('#plane .figure')._fullLayout.xaxis.title.text"
    assert re.fullmatch("PC 1: [0-9]+% of variance", page.evaluate(title))
    page.get_by_label("Two axes").check()
    expect(page.locator("#axis-x")).to_be_visible()
    page.wait_for_function(f"() => ({title})() === 'z[0]'")
    assert page.evaluate(WIDTH) < 6
    assert [float(v) for v in marker_of(page).split(",")] == pytest.approx(sliders(page)[:2], abs=0.01)


def test_server_decodes_where_the_weights_cannot_be_fetched(app, visit):
    page = visit("about:blank")
    page.route("**/*.bin*", lambda route: route.abort())
    page.goto(app.url)
    painted(page)
    before = pixels(page)
    page.click("#btn-origin")
    page.wait_for_function("() => window.aae.z.every(value => value === 0)")
    page.wait_for_timeout(1500)
    with torch.no_grad():
        expected = (AAE.load(CHECKPOINT).decode(torch.zeros(1, 10)).flatten().numpy() + 1) * 127.5
    assert pixels(page) != before
    assert np.abs(np.array(pixels(page)) - expected).max() <= 1
    visit.trouble[:] = [line for line in visit.trouble if "ERR_FAILED" not in line]  # the request this test broke


@pytest.mark.parametrize(("width", "scheme"), [(390, "light"), (390, "dark"), (1440, "dark")])
def test_nothing_scrolls_sideways(app, visit, width, scheme):
    page = visit(app.url, viewport={"width": width, "height": 844}, color_scheme=scheme)
    painted(page)
    for tab in ("Explore", "Train", "Diagnose", "How it works"):
        open_tab(page, tab)
        page.wait_for_timeout(300)
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth + 1"), tab


NAMELESS = """() => [...document.querySelectorAll("canvas, .figure-frame, svg[role=img]")]
  .filter(it => !it.closest("[aria-label], [aria-hidden=true], button") && !it.parentElement.closest("figure")?.innerText)
  .map(it => it.closest("[id]").id + " " + it.className)"""


def test_every_picture_has_words_and_keys_and_views_are_explained(page):
    for name in ("Manifold", "A to B", "Nearest", "Your digit", "Traversal"):
        page.get_by_role("tab", name=name, exact=True).click()
        assert page.evaluate(NAMELESS) == [], name
    expect(page.get_by_text("arrows")).to_be_visible()
    page.get_by_text("What the views show, and why they are linear").click()
    expect(page.get_by_text("t-SNE and UMAP bend space")).to_be_visible()
    page.get_by_text("What the views show, and why they are linear").click()


def test_explanation_shows_formulas_and_diagram(page):
    page.get_by_role("tab", name="How it works").click()
    expect(page.locator("#networks svg")).to_be_visible()
    page.wait_for_function("() => document.querySelectorAll('#how-it-works .katex').length > 10")
    assert page.locator("#how-it-works .katex-error").count() == 0


def test_empty_folder_of_checkpoints_offers_to_train(empty_app, visit):
    page = visit(empty_app.url)
    expect(page.locator("#about-model")).to_contain_text("no trained model here yet")
    page.get_by_role("tab", name="Train").click()
    expect(page.locator("#btn-train")).to_be_visible()
