"""Train in a real browser: a run, its end, its replay, Pause, Resume, steps, Stop, and two visitors at once."""

from __future__ import annotations

import json
import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Visits, painted, pixels, points

# Seconds from the press of Stop, as the visitor makes it, to the word that the run has stopped.
WATCH_STOP = """() => {
  const box = document.querySelector('#train-status');
  document.querySelector('#btn-stop').addEventListener('click', () => { window.pressed = performance.now(); });
  new MutationObserver(() => {
    if (box.innerText.includes('Stopped')) window.stopSeconds ??= (performance.now() - window.pressed) / 1000;
  }).observe(box, { subtree: true, childList: true, characterData: true });
}"""
# Whether Train cannot be pressed, at each word of progress: a busy machine may be done before somebody asks.
WATCH_PROGRESS = """() => {
  const box = document.querySelector('#train-status'), train = document.querySelector('#btn-train');
  window.trainDisabled = [];
  new MutationObserver(() => { if (box.innerText.includes('Epoch')) window.trainDisabled.push(train.disabled); })
    .observe(box, { subtree: true, childList: true, characterData: true });
}"""
CANVAS = "selector => document.querySelector(selector).toDataURL()"
FRAME = "() => Number(document.querySelector('#train-film [data-step]')?.dataset.step ?? -1)"
RANGES = """id => Object.entries(document.querySelector(`#${id} .figure`)._fullLayout)
  .filter(([name]) => /^[xy]axis/.test(name)).map(([name, axis]) => [name, ...axis.range])"""


@pytest.fixture(scope="module")
def trainee(app, browser):
    """One visitor's page for the tests of this module, in their order, and what was amiss in it."""
    visits = Visits(browser)
    opened = visits(app.url)
    painted(opened)
    yield opened, visits.trouble
    visits.close()


@pytest.fixture
def page(trainee):
    opened, trouble = trainee
    opened.get_by_role("tab", name="Train").click()
    yield opened
    found = list(trouble)
    trouble.clear()
    assert found == []


def set_up(page: Page, epochs: int, seed: int = 0, latent_dim: int | None = None) -> None:
    page.get_by_role("tab", name="Train").click()
    if "Offline sample" not in page.locator("#dataset input").input_value():
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


def test_training_shows_progress_and_ends_in_explore_with_a_replay(page):
    shipped = pixels(page)
    set_up(page, epochs=2)
    page.evaluate(WATCH_PROGRESS)
    page.click("#btn-train")
    expect(status(page)).to_contain_text("Done: 2 epochs", timeout=90_000)
    assert page.evaluate("window.trainDisabled"), "there was progress, and nothing to begin meanwhile"
    assert all(page.evaluate("window.trainDisabled"))
    expect(page.locator("#btn-train")).to_be_enabled()
    page.wait_for_function("() => document.querySelector('#train-plane .figure')?.data?.length > 5")
    drawn = points(page, "train-plane")
    assert drawn.pop("prior") == sum(drawn.values()) == 500
    page.wait_for_function("() => document.querySelector('#train-curves .figure')?.data?.[4]?.x.length > 1")

    # The replay: back to the untrained network, and on to the end, without a request.
    steps = page.evaluate(FRAME)
    assert steps == 2 * 71
    last = [page.evaluate(CANVAS, f"#train-film .{name}") for name in ("draws", "rebuilt")]
    page.wait_for_function("() => window.aae.model === 'your-model'")  # Explore has taken the model
    page.wait_for_timeout(1000)
    requests = []
    page.on("request", lambda request: requests.append(request.url))
    where = "() => document.querySelector('#train-plane .figure').data[0].x[0]"
    at_end = page.evaluate(where)
    page.locator("#train-film input").fill("0")
    assert page.evaluate(FRAME) == 0
    first = [page.evaluate(CANVAS, f"#train-film .{name}") for name in ("draws", "rebuilt")]
    assert all(a != b for a, b in zip(first, last, strict=True))
    page.wait_for_function(f"end => ({where})() !== end", arg=at_end)
    page.get_by_label("Replay the run").click()
    page.wait_for_function(f"() => ({FRAME})() === {steps}")
    page.wait_for_function(f"end => ({where})() === end", arg=at_end)
    assert [page.evaluate(CANVAS, f"#train-film .{name}") for name in ("draws", "rebuilt")] == last
    assert [url for url in requests if "gradio_api" in url] == []

    page.get_by_role("tab", name="Explore").click()
    expect(page.locator("#model input")).to_have_value("Your model")
    expect(page.locator("#about-model")).to_contain_text("2 epochs of digits-sample")
    page.wait_for_function("() => document.querySelector('#plane .figure').data.reduce((n, t) => n + t.x.length, 0) === 1000")
    assert pixels(page) != shipped
    page.locator("#model input").click()
    page.get_by_role("option", name="mnist-10d", exact=True).click()
    page.wait_for_function("() => document.querySelector('#plane .figure').data.reduce((n, t) => n + t.x.length, 0) === 10000")
    page.wait_for_timeout(500)
    assert pixels(page) == shipped, "the shipped model is as it was"


def test_updates_come_twice_a_second_axes_keep_still_and_zoom_stays_through_pause_resume_and_stop(page):
    set_up(page, epochs=5000, latent_dim=2)
    page.click("#btn-train")
    expect(status(page)).to_contain_text("Epoch", timeout=60_000)
    page.wait_for_function(f"() => ({FRAME})() > 0")
    axes = page.evaluate(RANGES, "train-plane")
    page.evaluate("""() => {
      window.updates = 0;
      new MutationObserver(() => window.updates++)
        .observe(document.querySelector('#train-film [data-step]'), { attributeFilter: ['data-step'] });
    }""")
    for _ in range(3):  # a machine that is busy with something else may be late once
        before = page.evaluate("window.updates")
        page.wait_for_timeout(4000)
        if page.evaluate("window.updates") - before >= 8:
            break
    else:
        pytest.fail("fewer than two updates a second")
    assert page.evaluate(RANGES, "train-plane") == axes

    page.locator("#train-plane .nsewdrag").first.hover()
    page.mouse.wheel(0, -300)
    page.wait_for_function(
        f"axes => JSON.stringify(({RANGES})('train-plane')) !== axes", arg=json.dumps(axes, separators=(",", ":"))
    )
    page.wait_for_timeout(500)
    zoomed = page.evaluate(RANGES, "train-plane")
    frame = page.evaluate(FRAME)
    page.wait_for_function(f"() => ({FRAME})() > {frame}")
    page.click("#btn-pause")
    expect(status(page)).to_contain_text("Paused at epoch")
    expect(page.locator("#btn-resume")).to_be_enabled()
    paused = page.evaluate(FRAME)
    page.wait_for_timeout(1000)
    assert page.evaluate(FRAME) == paused, "nothing goes on while it is paused"
    page.click("#btn-resume")
    page.wait_for_function(f"() => ({FRAME})() > {paused}")
    assert page.evaluate(RANGES, "train-plane") == zoomed

    page.evaluate(WATCH_STOP)
    page.click("#btn-stop")
    expect(status(page)).to_contain_text("Stopped after")
    assert page.evaluate("window.stopSeconds") < 2
    text = status(page).inner_text()
    page.wait_for_timeout(1000)
    assert status(page).inner_text() == text, "nothing goes on after Stop"
    page.get_by_role("tab", name="Explore").click()
    expect(page.locator("#model input")).to_have_value("Your model")
    expect(page.locator("#z-1")).to_be_visible()
    expect(page.locator("#z-2")).to_have_count(0)


def test_a_step_is_shown_phase_by_phase_and_an_epoch_goes_to_its_end(page):
    # The stopped run of the test before goes on, with its own settings.
    page.click("#btn-step")
    head = page.locator("#train-step .stepper-head")
    expect(head).to_contain_text("Step", timeout=30_000)
    number = int(re.sub(r"\D", "", head.inner_text().split("batch")[0]))
    names = []
    for _ in range(4):
        names.append(page.locator("#train-step [data-phase]").get_attribute("data-phase"))
        assert page.locator(".phase[data-state=now] td").count() > 0
        if len(names) < 4:
            page.locator(".stepper-next").click()
    assert names == ["encode", "decode", "generator", "discriminator"]
    expect(page.locator(".stepper-next")).to_have_text("Next step")
    page.locator(".stepper-next").click()
    expect(head).to_contain_text(f"Step {number + 1:,}", timeout=30_000)
    expect(page.locator("#btn-epoch")).to_be_enabled()
    page.click("#btn-epoch")
    expect(status(page)).to_contain_text(re.compile(r"Paused at epoch \d+\.00"), timeout=30_000)
    expect(page.locator("#btn-more")).to_be_enabled()


def test_steps_follow_each_other_however_fast_they_are_asked_for(page):
    # "Next step" was lost, and the button with it, where the run of the step before had not let go yet.
    page.evaluate("""() => {
      const box = document.querySelector('#train-step');
      window.steps = [];
      const press = () => {
        const next = box.querySelector('.stepper-next'), head = box.querySelector('.stepper-head').firstChild.textContent;
        if (window.steps.at(-1) !== head) window.steps.push(head);
        if (next.disabled || window.steps.length > 3) return;
        next.focus();
        next.click();
      };
      const watched = { subtree: true, childList: true, attributeFilter: ['disabled'] };
      new MutationObserver(() => setTimeout(press)).observe(box, watched);
    }""")
    page.click("#btn-step")
    page.wait_for_function("() => window.steps.length > 3", timeout=60_000)
    expect(page.locator(".stepper-next")).to_be_focused()
    expect(page.locator("#btn-step")).to_be_enabled()


def test_changed_settings_are_marked_and_in_the_command_until_they_are_reset(page):
    set_up(page, epochs=7)
    command = page.locator("#train-command textarea")
    page.get_by_text("Advanced: every setting").click()
    rate = page.locator("#set-learning-rate")
    rate.locator("input").fill("0.001")
    expect(rate).to_contain_text("● Learning rate (preset: 0.0002)")
    expect(command).to_have_value(re.compile(r"--dataset digits-sample --preset reference .*--epochs 7 --learning-rate 0.001"))
    page.click("#btn-reset")
    expect(rate.locator("input")).to_have_value("0.0002")
    expect(rate).not_to_contain_text("●")
    expect(command).not_to_have_value(re.compile("learning-rate"))


def test_absurd_settings_get_one_sentence_and_the_page_goes_on(page):
    set_up(page, epochs=1)
    page.locator("#epochs input").fill("")
    page.click("#btn-train")
    expect(status(page)).to_contain_text("Epochs must be a whole number")
    page.locator("#epochs input").fill("1")
    page.click("#btn-train")
    expect(status(page)).to_contain_text("Done: 1 epochs", timeout=60_000)


def test_failed_download_trains_on_the_offline_sample_and_says_so(page):
    page.locator("#dataset input").click()
    page.get_by_role("option", name="MNIST", exact=True).click()
    page.click("#btn-train")
    expect(status(page)).to_contain_text("offline sample of 5,000 MNIST digits is used instead", timeout=60_000)
    expect(status(page)).to_contain_text("Done: 1 epochs", timeout=90_000)


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
