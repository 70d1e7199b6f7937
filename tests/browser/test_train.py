"""Train in a real browser: a run, its end, Stop, and two visitors at once."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from tests.browser.conftest import painted, pixels, points

# Seconds from the press of Stop, as the visitor makes it, to the word that the run has stopped.
WATCH_STOP = """() => {
  const box = document.querySelector('#train-status');
  document.querySelector('#btn-stop').addEventListener('click', () => { window.pressed = performance.now(); });
  new MutationObserver(() => {
    if (box.innerText.includes('Stopped')) window.stopSeconds ??= (performance.now() - window.pressed) / 1000;
  }).observe(box, { subtree: true, childList: true, characterData: true });
}"""


def set_up(page: Page, epochs: int, seed: int = 0, latent_dim: int | None = None) -> None:
    page.get_by_role("tab", name="Train").click()
    page.locator("#dataset input").click()
    page.get_by_role("option", name=re.compile("Offline sample")).click()
    choose_reference(page)
    page.locator("#epochs input").fill(str(epochs))
    page.locator("#seed input").fill(str(seed))
    if latent_dim:
        page.locator("#latent-dim input[type=number]").fill(str(latent_dim))
        page.keyboard.press("Tab")


def choose_reference(page: Page) -> None:
    if page.get_by_label("reference").is_checked():
        return
    page.get_by_label("reference").check()
    expect(page.locator("#epochs input")).to_have_value("100")  # the preset's own has arrived


def status(page: Page):
    return page.locator("#train-status")


def test_training_shows_progress_and_ends_in_explore(fresh_page):
    page = fresh_page
    shipped = pixels(page)
    set_up(page, epochs=2)
    page.click("#btn-train")
    expect(status(page)).to_contain_text("Epoch", timeout=60_000)
    page.wait_for_function("() => document.querySelector('#train-plane .figure')?.data?.length > 5")
    drawn = points(page, "train-plane")
    assert drawn.pop("prior") == sum(drawn.values()) == 500
    expect(status(page)).to_contain_text("Done: 2 epochs", timeout=90_000)
    page.wait_for_function("() => document.querySelector('#train-curves .figure')?.data?.length === 3")

    page.get_by_role("tab", name="Explore").click()
    expect(page.locator("#model input")).to_have_value("Your model")
    expect(page.locator("#about-model")).to_contain_text("2 epochs of digits-sample")
    page.wait_for_function("() => document.querySelector('#plane .figure').data.reduce((n, t) => n + t.x.length, 0) === 1000")
    assert pixels(page) != shipped
    page.locator("#model input").click()
    page.get_by_role("option", name="mnist-10d").click()
    page.wait_for_function("() => document.querySelector('#plane .figure').data.reduce((n, t) => n + t.x.length, 0) === 10000")
    page.wait_for_timeout(500)
    assert pixels(page) == shipped, "the shipped model is as it was"


def test_stop_ends_the_run_within_two_seconds_and_keeps_the_model(fresh_page):
    page = fresh_page
    set_up(page, epochs=5000, latent_dim=2)
    page.click("#btn-train")
    expect(status(page)).to_contain_text("Epoch", timeout=60_000)
    page.wait_for_timeout(1500)
    page.evaluate(WATCH_STOP)
    page.click("#btn-stop")
    expect(status(page)).to_contain_text("Stopped after", timeout=10_000)
    assert page.evaluate("window.stopSeconds") < 2
    text = status(page).inner_text()
    page.wait_for_timeout(1500)
    assert status(page).inner_text() == text, "nothing goes on after Stop"
    page.get_by_role("tab", name="Explore").click()
    expect(page.locator("#model input")).to_have_value("Your model")
    expect(page.locator("#z-1")).to_be_visible()
    expect(page.locator("#z-2")).to_have_count(0)
    # A second run can follow.
    set_up(page, epochs=1)
    page.click("#btn-train")
    expect(status(page)).to_contain_text("Done: 1 epochs", timeout=60_000)


def test_updates_come_at_least_twice_a_second(fresh_page):
    page = fresh_page
    set_up(page, epochs=5000)
    page.click("#btn-train")
    expect(status(page)).to_contain_text("Epoch", timeout=60_000)
    page.evaluate(
        "() => { window.updates = 0; document.querySelector('#train-plane .figure')"
        ".on('plotly_afterplot', () => window.updates++) }"
    )
    page.wait_for_timeout(4000)
    updates = page.evaluate("window.updates")
    page.click("#btn-stop")
    expect(status(page)).to_contain_text("Stopped after", timeout=10_000)
    assert updates >= 8


def test_two_visitors_train_at_once_and_stay_apart(app, visit):
    pages = [visit(app.url) for _ in range(2)]
    for seed, page in enumerate(pages):
        painted(page)
        set_up(page, epochs=3, seed=seed)
    for page in pages:
        page.click("#btn-train")
    for page in pages:
        expect(status(page)).to_contain_text("Done: 3 epochs", timeout=120_000)
    images = []
    for seed, page in enumerate(pages):
        page.get_by_role("tab", name="Explore").click()
        expect(page.locator("#about-model")).to_contain_text(f"seed {seed}")
        page.click("#btn-origin")
        page.wait_for_function("() => window.aae.z.every(value => value === 0)")
        page.wait_for_timeout(200)
        images.append(pixels(page))
    assert images[0] != images[1]
    third = visit(app.url)
    painted(third)
    expect(third.locator("#model input")).to_have_value("mnist-10d")
    third.locator("#model input").click()
    assert "Your model" not in third.get_by_role("listbox").inner_text()


def test_absurd_settings_get_one_sentence_and_the_page_goes_on(fresh_page):
    page = fresh_page
    set_up(page, epochs=1, seed=0)
    page.locator("#epochs input").fill("")
    page.click("#btn-train")
    expect(status(page)).to_contain_text("Epochs must be a whole number")
    page.locator("#epochs input").fill("1")
    page.click("#btn-train")
    expect(status(page)).to_contain_text("Done: 1 epochs", timeout=60_000)


def test_failed_download_trains_on_the_offline_sample_and_says_so(fresh_page):
    page = fresh_page
    page.get_by_role("tab", name="Train").click()
    choose_reference(page)
    page.locator("#epochs input").fill("1")
    page.click("#btn-train")
    expect(status(page)).to_contain_text("offline sample of 5,000 MNIST digits is used instead", timeout=60_000)
    expect(status(page)).to_contain_text("Done: 1 epochs", timeout=90_000)
