"""Strangers at one busy app: a line with places, a closed tab that makes room, a reload that keeps what one has trained."""

from __future__ import annotations

import time

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import ROOT, SERVE, painted, serve
from tests.browser.test_train import set_up, status

ONE_AT_A_TIME = f"""
from dataclasses import replace
from aae.ui import runtime
runtime.LIMITS[runtime.host()] = replace(runtime.limits(), slots=1)
{SERVE}
"""


@pytest.fixture(scope="module")
def busy_app(tmp_path_factory):
    yield from serve(ROOT / "checkpoints", tmp_path_factory.mktemp("busy"), ONE_AT_A_TIME)


def test_a_second_visitor_waits_in_line_until_the_first_closes_the_tab_and_keeps_the_model_over_a_reload(busy_app, visit):
    first, second = visit(busy_app.url), visit(busy_app.url)
    for page in (first, second):
        painted(page)
        set_up(page, epochs=5000)
        page.click("#btn-train")
        expect(status(page)).to_contain_text("Epoch" if page is first else "number 1 of 1 in line", timeout=30_000)
    expect(status(second)).to_contain_text("to wait")
    first.context.close()
    closed = time.monotonic()
    expect(status(second)).not_to_contain_text("in line")
    assert time.monotonic() - closed < 5
    expect(status(second)).to_contain_text("Epoch")
    second.click("#btn-stop")
    expect(status(second)).to_contain_text("Stopped after")
    second.get_by_role("tab", name="Explore").click()
    expect(second.locator("#model input")).to_have_value("Your model")
    about = second.locator("#about-model").inner_text()
    second.wait_for_function("() => !location.search.includes('model=')")  # no link to a shipped model any more
    second.reload()
    painted(second)
    expect(second.locator("#model input")).to_have_value("Your model")
    expect(second.locator("#about-model")).to_have_text(about)
    second.get_by_role("tab", name="Train").click()
    expect(second.locator("#btn-resume")).to_be_enabled()
