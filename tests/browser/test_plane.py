"""The latent plane under a pointer: z moves within the plane that is drawn, at every frame, and nothing is requested."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch
from playwright.sync_api import expect
from scipy.stats import chi

from aae.checkpoints import load_checkpoint
from tests.browser.conftest import ROOT, painted, pixels, sliders

SHIPPED = load_checkpoint(ROOT / "checkpoints" / "mnist-10d.safetensors")

TO_PIXELS = """([subplot, x, y]) => {
  const plot = document.querySelector("#plane .figure"), box = plot.getBoundingClientRect();
  const n = subplot === "encoded" ? "" : "2", l = plot._fullLayout, xa = l[`xaxis${n}`], ya = l[`yaxis${n}`];
  return [box.left + xa._offset + xa.l2p(x), box.top + ya._offset + ya.l2p(y)];
}"""


def at(page, subplot: str, x: float, y: float) -> list[float]:
    """Where a point of a plot lies on the page."""
    return page.evaluate(TO_PIXELS, [subplot, x, y])


def code(page) -> np.ndarray:
    return np.array(page.evaluate("() => window.aae.z"))


def axes(page) -> np.ndarray:
    return np.array(page.evaluate("() => window.aae.axes"))


def frame(page) -> None:
    page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")


@pytest.fixture
def requests(page):
    seen: list[str] = []

    def note(request) -> None:
        seen.append(request.url)

    page.on("request", note)
    yield seen
    page.remove_listener("request", note)


@pytest.mark.parametrize("subplot", ["encoded", "prior"])
def test_drag_in_either_plot_moves_z_within_the_plane_and_requests_nothing(page, requests, subplot):
    before, view = code(page), axes(page)
    seen = {tuple(pixels(page))}
    page.mouse.move(*at(page, subplot, -2, -2))
    page.mouse.down()
    for step in np.linspace(-2, 2, 9):
        page.mouse.move(*at(page, subplot, step, 0.5 * step))
        frame(page)
        z = code(page)
        np.testing.assert_allclose(view @ z, [step, 0.5 * step], atol=0.02)
        shown = sliders(page)
        np.testing.assert_allclose(shown, z.clip(-3.5, 3.5), atol=0.0051)
        seen.add(tuple(pixels(page)))
    page.mouse.up()
    page.wait_for_timeout(500)
    z = code(page)
    assert len(seen) == 10, "the image follows at every step"
    np.testing.assert_allclose(view @ z, [2, 1], atol=0.02)
    inside = view.T @ (view @ (z - before))
    np.testing.assert_allclose(z - before, inside, atol=1e-6, err_msg="z moves only along the two directions")
    assert page.locator(".z-marker:visible").count() == 2
    assert requests == []


def test_slider_moved_after_a_drag_changes_its_own_dimension_only(page, requests):
    page.mouse.move(*at(page, "prior", -1, 1))
    page.mouse.down()
    page.mouse.move(*at(page, "prior", 1, 1))
    page.mouse.up()
    page.wait_for_timeout(400)
    before = code(page)
    slider = page.locator("#z-3 input[type=range]")
    slider.focus()
    slider.press("ArrowRight")
    page.wait_for_function("old => window.aae.z[3] !== old", arg=before[3])
    page.wait_for_timeout(300)
    after = code(page)
    assert after[3] == pytest.approx(before[3] + 0.01, abs=0.0051)
    np.testing.assert_array_equal(np.delete(after, 3), np.delete(before, 3))
    assert requests == []


def test_hovering_moves_z_only_while_the_toggle_is_on(page, requests):
    before = code(page)
    page.mouse.move(*at(page, "encoded", 0, 0))
    page.mouse.move(*at(page, "encoded", 1, -1))
    frame(page)
    np.testing.assert_array_equal(code(page), before)
    page.get_by_label("z follows the pointer").check()
    page.wait_for_function("() => window.aae.follow")
    page.mouse.move(*at(page, "encoded", 0, 0))
    page.mouse.move(*at(page, "encoded", 1.5, -1))
    frame(page)
    np.testing.assert_allclose(axes(page) @ code(page), [1.5, -1], atol=0.02)
    assert requests == []


def test_shift_and_drag_pans_and_leaves_z(page):
    before = code(page)
    ranges = "() => document.querySelector('#plane .figure')._fullLayout.xaxis.range[0]"
    left = page.evaluate(ranges)
    page.keyboard.down("Shift")
    page.mouse.move(*at(page, "encoded", 0, 0))
    page.mouse.down()
    page.mouse.move(*at(page, "encoded", 1, 0), steps=4)
    page.mouse.up()
    page.keyboard.up("Shift")
    page.wait_for_function(f"old => ({ranges})() < old - 0.5", arg=left)
    np.testing.assert_array_equal(code(page), before)


def test_what_lies_beyond_the_sliders_is_said_and_kept(page):
    page.evaluate("() => window.aae.move(window.aae.z.map((v, i) => i === 2 ? 4.25 : v))")
    page.wait_for_function("() => document.querySelector('#beyond').textContent.includes('z[2] = 4.25')")
    page.wait_for_timeout(500)
    assert sliders(page)[2] == 3.5
    assert code(page)[2] == 4.25


def test_finger_moves_z(app, visit):
    page = visit(app.url, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    painted(page)
    page.locator("#plane").scroll_into_view_if_needed()
    view = axes(page)
    touch = page.context.new_cdp_session(page)
    for kind, place in [("touchStart", (0, 0)), ("touchMove", (0.5, 0.5)), ("touchMove", (1, 1))]:
        x, y = at(page, "encoded", *place)
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y}]})
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    frame(page)
    np.testing.assert_allclose(view @ code(page), [1, 1], atol=0.05)


def first_point(page, trace: int) -> list[float]:
    """Projection of the first drawn code of a class."""
    return page.evaluate("t => { const d = document.querySelector('#plane .figure').data[t]; return [d.x[0], d.y[0]] }", trace)


def hover(page, x: float, y: float) -> tuple[float, float]:
    """Point at a code until its card shows: the codes arrive a moment after the plots are drawn."""
    left, top = at(page, "encoded", x, y)
    for nudge in range(100):
        page.mouse.move(left + nudge % 2, top)
        if page.locator(".point-card").is_visible():
            break
        page.wait_for_timeout(100)
    page.mouse.move(left, top)
    expect(page.locator(".point-card")).to_be_visible()
    return left, top


def test_hovered_point_says_class_distance_and_whether_the_original_is_there(page, requests):
    x, y = first_point(page, 4)
    hover(page, x, y)
    card = page.locator(".point-card")
    said = card.locator("p").inner_text()
    name, away = re.fullmatch(r"class (.) *, ([0-9.]+) from z", said).groups()
    own = SHIPPED.codes.float().numpy()[SHIPPED.labels.numpy() == int(name)]
    place = np.abs(own @ axes(page).T - [x, y]).max(1).argmin()
    assert float(away) == pytest.approx(np.linalg.norm(own - code(page), axis=1)[place], abs=0.3)
    expect(card).to_contain_text("the original is not on this machine")
    assert card.evaluate(
        "c => c.querySelectorAll('canvas')[1].getContext('2d').getImageData(0, 0, 32, 32).data.some(v => v > 100 && v < 255)"
    )
    assert [url for url in requests if ".bin" not in url] == [], "nothing but the codes themselves, once"
    page.mouse.move(5, 5)
    expect(card).to_be_hidden()


def test_clicked_point_gives_z_its_whole_code(page, requests):
    x, y = first_point(page, 7)
    page.mouse.click(*hover(page, x, y))
    page.wait_for_timeout(400)
    z = code(page)
    everywhere = SHIPPED.codes.float().numpy()
    assert np.abs(everywhere - z).max(1).min() < 1e-6, "z is exactly one of the codes"
    np.testing.assert_allclose(axes(page) @ z, [x, y], atol=0.25)
    np.testing.assert_allclose(sliders(page), z.clip(-3.5, 3.5), atol=0.0051)
    assert [url for url in requests if ".bin" not in url] == [], "nothing but the codes themselves, once"


def test_hidden_class_stays_hidden_in_another_view_and_does_not_answer(page):
    page.locator("#plane .legendtoggle").nth(3).click()
    hidden = "() => document.querySelector('#plane .figure')._fullData.filter(t => t.visible === 'legendonly').map(t => t.name)"
    page.wait_for_function(f"() => ({hidden})().length === 1")
    page.get_by_label("Two axes").check()
    page.wait_for_function("() => document.querySelector('#plane .figure')._fullLayout.xaxis.title.text === 'z[0]'")
    assert page.evaluate(hidden) == ["3"]


def test_worst_view_says_its_distance_beside_that_of_the_prior_and_the_marker_follows(page):
    page.get_by_label("Worst view").check()
    title = "() => document.querySelector('#plane .figure')._fullLayout.xaxis.title.text"
    page.wait_for_function(f"() => ({title})().startsWith('W₂')")
    found, floor = map(float, re.findall(r"[0-9]+[.][0-9]+", page.evaluate(title)))
    assert found > floor > 0
    view = axes(page)
    np.testing.assert_allclose(view @ view.T, np.eye(2), atol=1e-5)
    marker = page.evaluate("() => document.querySelector('#plane [data-marker], #plane[data-marker]').dataset.marker").split(
        ","
    )
    np.testing.assert_allclose([float(v) for v in marker], view @ code(page), atol=1e-3)


def test_prior_can_be_laid_over_the_codes_and_edges_count_what_is_drawn(page):
    counted = "() => document.querySelector('.marginals').dataset.counted"
    assert page.evaluate(counted) == "5000,5000"
    over = "() => document.querySelector('#plane .figure').data.filter(t => t.name === 'prior' && t.xaxis === 'x').length"
    assert page.evaluate(over) == 0
    page.get_by_label("prior over codes").check()
    page.wait_for_function(f"() => ({over})() === 1")
    page.wait_for_timeout(300)
    assert page.evaluate(counted) == "5000,5000"
    page.locator("#plane .legendtoggle").nth(3).click()
    page.wait_for_function(f"() => Number(({counted})().split(',')[0]) < 5000")
    page.get_by_label("prior over codes").uncheck()
    page.wait_for_function(f"() => ({over})() === 0")


def test_readout_gives_the_discriminators_verdict_and_the_percentile_of_the_norm(page):
    model = SHIPPED.model()
    for z in [[0.1] * 10, [0.9, -1.1] * 5, [2.5, 0.3] * 5]:
        page.evaluate("z => window.aae.move(z)", z)
        frame(page)
        said = page.locator("#readout").inner_text()
        verdict, norm, percent = map(float, re.findall(r"[0-9]+(?:[.][0-9]+)?", said))
        with torch.no_grad():
            assert verdict == pytest.approx(float(torch.sigmoid(model.discriminate(torch.tensor([z])))), abs=0.011)
        assert norm == pytest.approx(np.linalg.norm(z), abs=0.006)
        assert percent == pytest.approx(100 * chi.cdf(np.linalg.norm(z), 10), abs=0.51)


# D at the codes that lie under the middle of the line over the points, in the left plot.
ON_THE_LINE = """() => {
  const line = document.querySelector(".contour"), plot = document.querySelector("#plane .figure");
  const { xaxis: x, yaxis: y } = plot._fullLayout;
  const { data } = line.getContext("2d").getImageData(0, 0, line.width, line.height);
  const [r, g, b] = getComputedStyle(line).color.match(/[0-9]+/g).map(Number), axes = window.aae.axes, z = window.aae.z;
  const now = axes.map(row => row.reduce((sum, weight, i) => sum + weight * z[i], 0)), found = [];
  for (let top = y._offset; top < y._offset + y._length; top++) {
    for (let left = Math.ceil(x._offset); left < x._offset + x._length; left++) {
      const at = 4 * (Math.round(top) * line.width + left);
      if (data[at + 3] < 250 || Math.hypot(data[at] - r, data[at + 1] - g, data[at + 2] - b) > 20) continue;
      const away = [x.p2l(left + 0.5 - x._offset) - now[0], y.p2l(Math.round(top) + 0.5 - y._offset) - now[1]];
      found.push(window.aae.discriminate(z.map((value, i) => value + away[0] * axes[0][i] + away[1] * axes[1][i])));
    }
  }
  return found;
}"""


def test_discriminators_eye_paints_d_over_the_slice_through_z(page):
    page.get_by_label("the discriminator's eye").check()
    sample = "() => document.querySelector('.field').dataset.sample"
    page.wait_for_function(f"() => ({sample})() !== undefined")
    x, y, found = map(float, page.evaluate(sample).split(","))
    z, view = code(page), axes(page)
    there = torch.tensor(z + view.T @ ([x, y] - view @ z), dtype=torch.float32)[None]
    with torch.no_grad():
        assert found == pytest.approx(float(torch.sigmoid(SHIPPED.model().discriminate(there))), abs=0.01)
    verdicts = page.evaluate(ON_THE_LINE)
    assert len(verdicts) > 20
    np.testing.assert_allclose(verdicts, 0.5, atol=0.05)
    before = page.evaluate(sample)
    page.evaluate("() => window.aae.move(window.aae.z.map(v => -v))")
    page.wait_for_function(f"old => ({sample})() !== old", arg=before)
    page.get_by_label("the discriminator's eye").uncheck()
    expect(page.locator(".field")).to_be_hidden()
    expect(page.locator(".contour")).to_be_hidden()


def test_keys_move_z_in_the_plane_draw_reset_and_go_to_a_slider(page, requests):
    before, view = code(page), axes(page)
    page.locator("#plane .figure-frame").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Shift+ArrowDown")
    frame(page)
    np.testing.assert_allclose(code(page) - before, view.T @ [0.1, -0.5], atol=1e-6)
    page.keyboard.press("3")
    assert page.evaluate("() => document.activeElement.closest('.block').id") == "z-2"
    page.locator("#plane .figure-frame").focus()
    page.keyboard.press("0")
    page.wait_for_function("() => window.aae.z.every(value => value === 0)")
    page.keyboard.press("r")
    page.wait_for_function("() => window.aae.z.some(value => value !== 0)")
    assert requests == []


def test_origin_holds_although_the_sliders_still_say_where_z_was(page):
    """They are set once z rests: pressed before that, the button's zeros were overtaken by the old place's values."""
    page.evaluate("() => { window.aae.origin([]); window.aae.settle([]); }")
    page.evaluate(
        "() => { window.aae.move(window.aae.z.map(() => 1)); document.querySelector('#btn-origin').click(); "
        "window.aae.settle(window.aae.z); }"
    )
    page.wait_for_timeout(600)
    assert code(page).tolist() == [0.0] * 10
    assert sliders(page) == [0.0] * 10
