"""Ways to walk: boards, interpolation and neighbours, decoded in the browser, as aae.walks and the model say."""

from __future__ import annotations

import base64
import io
import time

import numpy as np
import pytest
import torch
from PIL import Image
from playwright.sync_api import expect

from aae import walks
from aae.checkpoints import load_checkpoint
from tests.browser.conftest import ROOT, painted
from tests.browser.test_plane import axes, code, frame

SHIPPED = load_checkpoint(ROOT / "checkpoints" / "mnist-10d.safetensors")
MODEL = SHIPPED.model()


@pytest.fixture(scope="module")
def page(app, browser):
    """One page for all; each test begins with the code that it sets."""
    context = browser.new_context(viewport={"width": 1440, "height": 900}, reduced_motion="no-preference")
    opened = context.new_page()
    trouble = []
    opened.on("console", lambda m: trouble.append(m.text) if m.type == "error" else None)
    opened.on("pageerror", lambda e: trouble.append(str(e)))
    opened.goto(app.url)
    painted(opened)
    yield opened
    context.close()
    assert trouble == []


def way(page, title: str, element: str):
    page.get_by_role("tab", name=title, exact=True).click()
    part = page.locator(f"#{element}")
    part.scroll_into_view_if_needed()
    return part


def set_code(page, z: np.ndarray) -> None:
    page.evaluate("z => window.aae.move(z)", z.tolist())
    frame(page)


def greys(codes: np.ndarray) -> np.ndarray:
    """Images `(N, 32, 32)` of codes as grey levels, from the model itself."""
    with torch.no_grad():
        x = MODEL.decode(torch.tensor(codes, dtype=torch.float32).reshape(-1, 10))
    return (x[:, 0].numpy() + 1) * 127.5


def board(page, element: str) -> np.ndarray:
    """Tiles `(rows, columns, 32, 32)` of a board once it has caught up."""
    page.wait_for_function("id => document.querySelector(`#${id} .board`).dataset.state === 'shown'", arg=element)
    png = page.evaluate("id => document.querySelector(`#${id} .tiles`).toDataURL().split(',')[1]", element)
    grey = np.asarray(Image.open(io.BytesIO(base64.b64decode(png))).convert("L"), float)
    return grey.reshape(grey.shape[0] // 32, 32, grey.shape[1] // 32, 32).swapaxes(1, 2)


def assert_board(page, element: str, codes: np.ndarray) -> None:
    """The board shows these codes, a few frames from now where the machine is busy."""
    wanted, deadline = greys(codes), time.monotonic() + 5
    while True:
        tiles = board(page, element).reshape(-1, 32, 32)
        if len(tiles) == len(wanted) and np.abs(tiles - wanted).max() <= 2:
            return
        assert time.monotonic() < deadline, f"{element} shows {len(tiles)} tiles of other codes"
        page.wait_for_timeout(50)


def click_tile(page, element: str, column: int, row: int, columns: int, rows: int) -> None:
    box = page.locator(f"#{element} .tiles").bounding_box()
    x, y = box["width"] * (column + 0.5) / columns, box["height"] * (row + 0.5) / rows
    page.locator(f"#{element} .tiles").click(position={"x": x, "y": y})
    frame(page)


def draw(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(10)


def test_traversal_board_shows_each_dimension_from_minus_3_to_3_follows_z_and_answers(page):
    way(page, "Traversal", "traversal")
    board(page, "traversal")  # the worker and its modules are there
    page.wait_for_timeout(500)
    requests = []
    listen = lambda request: requests.append(request.url)  # noqa: E731 (to be removed again)
    page.on("request", listen)
    for seed in (1, 2):
        set_code(page, draw(seed))
        assert_board(page, "traversal", walks.traversal(code(page)))
    z = code(page)
    click_tile(page, "traversal", 1, 4, 9, 10)
    z[4] = -2.25
    np.testing.assert_allclose(code(page), z, atol=1e-6)
    # The keyboard: from the middle two to the right and one up, Enter.
    page.locator("#traversal .tiles").focus()
    for key in ("ArrowRight", "ArrowRight", "ArrowUp", "Enter"):
        page.keyboard.press(key)
    frame(page)
    expect(page.locator("#traversal .said")).to_contain_text("z[3] = 1.50")
    z[3] = 1.5
    np.testing.assert_allclose(code(page), z, atol=1e-6)
    # A drag along a row moves its dimension without steps.
    box = page.locator("#traversal .tiles").bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + box["height"] * 0.65)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.6, box["y"] + box["height"] * 0.65, steps=4)
    page.mouse.up()
    frame(page)
    z[6] = 0.1 * 9 * 0.75
    np.testing.assert_allclose(code(page), z, atol=0.02)
    assert_board(page, "traversal", walks.traversal(code(page)))
    assert requests == []
    page.remove_listener("request", listen)


def test_manifold_board_is_the_priors_quantile_grid_of_the_slice_through_z(page):
    way(page, "Manifold", "manifold")
    set_code(page, draw(3))
    codes = walks.manifold(axes(page), code(page), 15)
    assert_board(page, "manifold", codes)
    nearest = np.linalg.norm(codes.reshape(-1, 10) - code(page), axis=1).argmin()
    assert page.locator("#manifold .board").get_attribute("data-nearest") == f"{nearest % 15},{nearest // 15}"
    click_tile(page, "manifold", 12, 2, 15, 15)
    np.testing.assert_allclose(code(page), codes[2, 12], atol=1e-5)
    assert page.locator("#manifold .board").get_attribute("data-nearest") == "12,2"
    assert_board(page, "manifold", codes)  # z moved within the slice
    page.get_by_label("Tiles").select_option("10")
    assert_board(page, "manifold", walks.manifold(axes(page), code(page), 10))


def test_a_to_b_interpolates_plays_draws_its_way_and_adds(page):
    part = way(page, "A to B", "journey")
    a, b, c = draw(4), draw(5), draw(6)
    for name, z in zip("ABC", (a, b, c), strict=True):
        set_code(page, z)
        page.get_by_role("button", name=f"Set {name} to z").click()
    stops = np.linspace(0, 1, 11)
    for name, formula in (("spherical", walks.spherical), ("linear", walks.linear)):
        part.get_by_label(name).check()
        assert_board(page, "journey", np.array([formula(a, b, t) for t in stops]))
        part.get_by_role("slider").fill("0.3")
        frame(page)
        np.testing.assert_allclose(code(page), formula(a, b, 0.3), atol=1e-6)
    ends = page.locator("#plane .path").get_attribute("data-ends").split(",")
    np.testing.assert_allclose([float(v) for v in ends], np.concatenate([axes(page) @ a, axes(page) @ b]), atol=2e-3)
    part.get_by_role("button", name="z = A − B + C").click()
    frame(page)
    np.testing.assert_allclose(code(page), walks.arithmetic(a, b, c), atol=1e-6)
    part.get_by_role("button", name="Take z to B").click()
    frame(page)
    np.testing.assert_allclose(code(page), b, atol=1e-6)

    t = "() => Number(document.querySelector('#journey input[type=range]').value)"
    part.get_by_role("button", name="Play").click()
    page.wait_for_function(f"() => ({t})() > 0.45")
    z = code(page)
    np.testing.assert_allclose(z, walks.linear(a, b, (z - a) @ (b - a) / ((b - a) @ (b - a))), atol=1e-6)
    page.evaluate("() => window.aae.move(window.aae.z.map(() => 0))")  # somebody else moves z: the animation ends
    expect(part.get_by_role("button", name="Play")).to_be_visible()
    page.wait_for_timeout(100)
    np.testing.assert_array_equal(code(page), np.zeros(10))
    way(page, "Nearest", "nearest")
    expect(page.locator("#plane .path")).to_be_hidden()


def test_calm_play_goes_in_steps(page):
    part = way(page, "A to B", "journey")
    page.emulate_media(reduced_motion="reduce")
    part.get_by_role("slider").fill("0")
    part.get_by_role("button", name="Play").click()
    page.wait_for_timeout(300)
    t = "() => Number(document.querySelector('#journey input[type=range]').value)"
    assert page.evaluate(t) == 0
    page.wait_for_function(f"() => Math.abs(({t})() - 0.1) < 0.002")
    page.keyboard.press("Escape")
    expect(part.get_by_role("button", name="Play")).to_be_visible()
    page.emulate_media(reduced_motion="no-preference")


def test_nearest_images_are_those_of_the_codes_and_a_click_goes_there(page):
    way(page, "Nearest", "nearest")
    set_code(page, draw(7))
    codes = SHIPPED.codes.float().numpy()
    places, distances = walks.nearest(code(page), codes)
    said = "() => [...document.querySelectorAll('.nearest span')].map(e => e.textContent)"
    expected = [f"{SHIPPED.labels[p]} · {d:.2f}" for p, d in zip(places, distances, strict=True)]
    page.wait_for_function(f"expected => ({said})().join() === expected", arg=",".join(expected))
    expect(page.locator("#nearest .said")).to_contain_text("not on this machine")
    picture = """() => {
      const { data } = document.querySelectorAll(".nearest canvas")[2].getContext("2d").getImageData(0, 0, 32, 32);
      return Array.from(data).filter((_, i) => i % 4 === 0);
    }"""
    third = greys(codes[places[2:3]]).ravel()
    page.wait_for_function(f"third => ({picture})().every((grey, i) => Math.abs(grey - third[i]) <= 2)", arg=third.tolist())
    page.locator(".nearest button").nth(2).click()
    frame(page)
    np.testing.assert_array_equal(code(page).astype(np.float32), codes[places[2]])
    expect(page.locator(".nearest span").first).to_contain_text("· 0.00")


def test_a_board_that_is_not_seen_decodes_nothing(page):
    way(page, "Manifold", "manifold")
    board(page, "manifold")
    page.evaluate("""() => {
      window.painted = [];
      for (const frame of document.querySelectorAll(".board")) {
        frame.addEventListener("painted", () => window.painted.push(frame.closest(".way").parentElement.id || "?"));
      }
      window.scrollTo(0, 0);
    }""")
    page.set_viewport_size({"width": 1440, "height": 500})
    page.wait_for_timeout(300)
    page.evaluate("() => { window.painted.length = 0 }")
    set_code(page, draw(8))
    page.wait_for_timeout(300)
    assert page.evaluate("() => window.painted") == []
    page.set_viewport_size({"width": 1440, "height": 900})
    page.locator("#manifold").scroll_into_view_if_needed()
    page.wait_for_function("() => window.painted.length > 0")
    assert_board(page, "manifold", walks.manifold(axes(page), code(page), 10))


DRAWN = """() => document.querySelector("#plane .figure").data.map(t => [t.name, Array.from(t.x), Array.from(t.y)])"""


def test_another_view_outlives_a_redrawing_and_a_look_at_another_tab(page):
    codes, labels = SHIPPED.codes.float().numpy(), SHIPPED.labels.numpy()
    title = "() => document.querySelector('#plane .figure')._fullLayout.xaxis.title.text"

    def assert_drawn(traces: int) -> None:
        drawn = page.evaluate(DRAWN)
        assert len(drawn) == traces
        for name, x, y in drawn[:10]:
            np.testing.assert_allclose(np.stack([x, y], axis=1), codes[labels == int(name)] @ axes(page).T, atol=1e-4)
        for _, x, y in drawn[11:]:  # the prior over the codes
            assert [x, y] == drawn[10][1:]

    page.get_by_label("LDA").check()
    page.wait_for_function(f"() => ({title})().startsWith('LD 1')")
    assert_drawn(11)
    page.get_by_label("prior over codes").check()
    page.wait_for_function("() => document.querySelector('#plane .figure').data.length === 12")
    assert_drawn(12)
    page.get_by_label("Two axes").check()
    page.wait_for_function(f"() => ({title})() === 'z[0]'")
    page.get_by_role("tab", name="How it works").click()
    page.get_by_role("tab", name="Explore").click()
    page.get_by_label("prior over codes").uncheck()
    page.wait_for_function("() => document.querySelector('#plane .figure').data.length === 11")
    assert page.evaluate(title) == "z[0]"
    assert_drawn(11)
