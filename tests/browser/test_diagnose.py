"""Diagnose in a real browser, on one page: what it shows at once, its pictures, measuring with Stop, and a phone."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Visits, painted

DRAWN = "id => document.querySelector(`#${id} .figure`)?._fullLayout !== undefined"


@pytest.fixture(scope="module")
def diagnose(app, browser):
    """The tab as a new visitor sees it; nothing of it was there before it was opened. No console may hold an error."""
    visits = Visits(browser)
    page = visits(app.url)
    painted(page)
    assert page.locator("#marginals .figure").count() == 0
    page.get_by_role("tab", name="Diagnose").click()
    expect(page.locator("#verdict")).to_contain_text("q(z) is")
    yield page
    visits.close()
    assert visits.trouble == []


def part(page: Page, name: str) -> None:
    page.locator("#diagnose-parts").get_by_role("tab", name=name).click()


def status(page: Page):
    return page.locator("#diagnose-status .status p")


def test_the_verdict_and_a_histogram_and_quantiles_of_every_dimension_are_there_at_once(diagnose):
    expect(diagnose.locator("#diagnose-model input")).to_have_value("mnist-10d")
    expect(diagnose.locator("#verdict")).to_contain_text("q(z) is close to N(0, I)")
    for figure, traces in (("marginals", 20), ("quantiles", 30), ("correlation", 1)):
        diagnose.wait_for_function(DRAWN, arg=figure)
        assert diagnose.evaluate("id => document.querySelector(`#${id} .figure`).data.length", figure) == traces
        described = diagnose.locator(f"#{figure} .figure-frame").get_attribute("aria-label")
        assert re.search(r"z\[\d\]", described)


def test_pictures_come_even_if_their_tab_was_not_open_while_they_were_made(diagnose):
    expect(status(diagnose)).to_contain_text("Measure anew", timeout=60_000)
    part(diagnose, "Reconstructions")
    expect(diagnose.locator("#rebuilt figure")).to_have_count(18)
    expect(diagnose.locator("#rebuilt")).to_contain_text("the offline sample stands in for it")
    part(diagnose, "Samples")
    expect(diagnose.locator("#nearest figure")).to_have_count(12)
    grey = "c => c.getContext('2d').getImageData(0, 0, c.width, c.height).data.filter((v, i) => v > 200 && i % 4 < 3).length"
    assert diagnose.locator("#samples canvas.grid").evaluate(grey) > 1000
    assert diagnose.locator("#nearest canvas").first.get_attribute("aria-label").startswith("sample, distance 0.")


def test_stop_ends_measuring_within_two_seconds(diagnose):
    diagnose.click("#btn-measure")
    expect(status(diagnose)).to_contain_text("Measuring")
    diagnose.click("#btn-stop-measure")
    expect(status(diagnose)).to_contain_text("Stopped", timeout=5_000)
    diagnose.wait_for_timeout(1000)
    expect(status(diagnose)).to_contain_text("Stopped; what is shown is as it was.")


def test_another_model_is_shown_instead_and_explore_leads_when_it_changes(diagnose):
    part(diagnose, "Codes")
    diagnose.locator("#diagnose-model input").click()
    diagnose.get_by_role("option", name="mnist-2d").click()
    diagnose.wait_for_function("() => document.querySelector('#marginals .figure').data.length === 4")
    expect(status(diagnose)).to_contain_text(
        "Measure anew", timeout=30_000
    )  # its pictures came too: the choice did not cancel them
    diagnose.get_by_role("tab", name="Explore").click()
    expect(diagnose.locator("#model input")).to_have_value("mnist-10d")
    diagnose.get_by_role("tab", name="Diagnose").click()
    expect(diagnose.locator("#diagnose-model input")).to_have_value("mnist-2d")
    diagnose.get_by_role("tab", name="Explore").click()
    diagnose.locator("#model input").click()
    diagnose.get_by_role("option", name="fashion-10d").click()
    expect(diagnose.locator("#about-model")).to_contain_text("fashion-mnist")
    diagnose.get_by_role("tab", name="Diagnose").click()
    expect(diagnose.locator("#diagnose-model input")).to_have_value("fashion-10d")
    expect(status(diagnose)).to_contain_text("Fashion-MNIST is not on this machine")


def test_a_phone_shows_two_columns_and_does_not_scroll_sideways(diagnose):
    diagnose.set_viewport_size({"width": 390, "height": 844})
    diagnose.wait_for_function("() => document.querySelector('#marginals .figure')._fullLayout.xaxis3.domain[0] === 0")
    assert diagnose.evaluate("document.documentElement.scrollWidth <= innerWidth")
