"""Models of other sizes than the opening one's, and a visitor's own: all of Explore works for them too."""

from __future__ import annotations

import dataclasses
import io

import numpy as np
import pytest
import torch
from PIL import Image
from playwright.sync_api import expect

from aae import AAE, walks
from aae.checkpoints import Checkpoint, load_checkpoint, save_checkpoint
from aae.config import ModelConfig
from tests.browser.conftest import ROOT, painted, serve, sliders
from tests.browser.test_plane import at, axes, code, frame
from tests.browser.test_walk import board, way

SHIPPED = load_checkpoint(ROOT / "checkpoints" / "mnist-10d.safetensors")


def untrained(latent_dim: int, codes: int) -> Checkpoint:
    model = AAE(ModelConfig(latent_dim=latent_dim)).eval()
    checkpoint = dataclasses.replace(Checkpoint.of(model, SHIPPED.record), train_config=SHIPPED.train_config)
    if not codes:
        return checkpoint
    labels = torch.arange(codes, dtype=torch.uint8) % 10
    return dataclasses.replace(checkpoint, codes=torch.randn(codes, latent_dim).half(), labels=labels)


@pytest.fixture(scope="module")
def odd_app(tmp_path_factory):
    """Models of 2 and 64 dimensions, untrained; the second without codes."""
    folder = tmp_path_factory.mktemp("odd")
    (folder / "checkpoints").mkdir()
    save_checkpoint(folder / "checkpoints" / "2d.safetensors", untrained(2, codes=300))
    save_checkpoint(folder / "checkpoints" / "64d.safetensors", untrained(64, codes=0))
    yield from serve(folder / "checkpoints", folder)


def test_models_of_2_and_64_dimensions_and_without_codes_move_too(odd_app, visit):
    page = visit(odd_app.url)
    painted_plane = "n => window.aae?.axes?.[0].length === n && window.aae.z.length === n"
    for latent_dim in (2, 64):
        if latent_dim == 64:
            page.locator("#model input").click()
            page.get_by_role("option", name="64d").click()
        page.wait_for_function(painted_plane, arg=latent_dim)
        page.wait_for_function("() => !window.aae.slidersBehind && document.querySelector('#plane .nsewdrag')")
        page.mouse.move(*at(page, "prior", -1, 0))
        page.mouse.down()
        page.mouse.move(*at(page, "prior", 1.5, -1))
        page.mouse.up()
        frame(page)
        np.testing.assert_allclose(axes(page) @ code(page), [1.5, -1], atol=0.03)
        page.wait_for_timeout(400)
        np.testing.assert_allclose(sliders(page)[:latent_dim], code(page).clip(-3.5, 3.5), atol=0.0051)
        expect(page.locator("#readout")).to_contain_text("D(z)")
        page.locator("#traversal").scroll_into_view_if_needed()
        page.wait_for_function(
            "n => document.querySelector('#traversal .tiles').height === 32 * n"
            " && document.querySelector('#traversal .board').dataset.state === 'shown'",
            arg=latent_dim,
        )
        page.locator("#plane").scroll_into_view_if_needed()
    page.get_by_role("tab", name="Nearest", exact=True).click()
    page.locator("#nearest").scroll_into_view_if_needed()
    expect(page.locator("#nearest")).to_contain_text("This model carries no codes of images")


def test_all_ways_work_for_a_visitors_own_model_and_boards_are_saved(odd_app, visit, tmp_path):
    own = untrained(3, codes=100)
    save_checkpoint(tmp_path / "own.safetensors", own)
    model, codes = own.model(), own.codes.float().numpy()
    page = visit(odd_app.url)
    painted(page)
    page.get_by_role("tab", name="Train").click()
    page.locator("#keep input[type=file]").set_input_files(str(tmp_path / "own.safetensors"))
    expect(page.get_by_text("This is your model now")).to_be_visible()
    page.get_by_role("tab", name="Explore").click()
    page.wait_for_function("() => window.aae.axes?.[0].length === 3 && window.aae.decode([0, 0, 0])")
    page.evaluate("() => window.aae.move([0.5, -1, 1.5])")
    frame(page)

    def assert_shown(element: str, expected: np.ndarray) -> None:
        with torch.no_grad():
            x = model.decode(torch.tensor(expected, dtype=torch.float32).reshape(-1, 3))[:, 0].numpy()
        assert np.abs(board(page, element).reshape(-1, 32, 32) - (x + 1) * 127.5).max() <= 2

    way(page, "Traversal", "traversal")
    assert_shown("traversal", walks.traversal(code(page)))
    way(page, "Manifold", "manifold")
    assert_shown("manifold", walks.manifold(axes(page), code(page), 15))
    part = way(page, "A to B", "journey")
    ends = np.array([[0.5, -1, 1.5], [-1, 0.25, 2]])
    for name, z in zip("AB", ends.tolist(), strict=True):
        page.evaluate("z => window.aae.move(z)", z)
        frame(page)
        page.get_by_role("button", name=f"Set {name} to z").click()
    part.get_by_label("linear").check()
    assert_shown("journey", np.array([walks.linear(*ends, t) for t in np.linspace(0, 1, 11)]))
    way(page, "Nearest", "nearest")
    places, distances = walks.nearest(code(page), codes)
    expect(page.locator(".nearest span").first).to_have_text(f"{own.labels[places[0]]} · {distances[0]:.2f}")

    # Boards are saved as they were painted.
    painted_board = board(page, "traversal")
    page.get_by_role("tab", name="Share and keep").click()
    saved = []
    page.on("download", lambda download: saved.append(download))
    page.locator("[data-act=boards]").click()
    expect(page.locator(".share .told")).to_contain_text("boards are saved")
    found = {download.suggested_filename: download for download in saved}
    assert {"your-model-traversal.png", "your-model-manifold.png"} <= set(found)
    image = np.asarray(Image.open(io.BytesIO(found["your-model-traversal.png"].path().read_bytes())).convert("L"), float)
    assert np.array_equal(image.reshape(3, 32, 9, 32).swapaxes(1, 2), painted_board)


def test_on_a_phone_neither_the_legend_nor_plotlys_buttons_cover_a_plot_or_its_title(app, visit):
    page = visit(f"{app.url}/?model=fashion-10d", viewport={"width": 390, "height": 844}, has_touch=True)
    painted(page)
    page.wait_for_function("() => document.querySelector('#plane .legendtext')?.textContent === 'T-shirt'")
    edges = page.evaluate("""() => {
      const box = (selector) => document.querySelector(`#plane ${selector}`).getBoundingClientRect();
      return [box(".modebar").bottom, box(".annotation-text").top, box(".x2tick").bottom, box(".legend").top];
    }""")
    assert edges[0] <= edges[1]
    assert edges[2] <= edges[3]
