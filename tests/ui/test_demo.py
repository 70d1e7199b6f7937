from __future__ import annotations

import sys

import pytest

from aae.ui.demo import build_demo, launch_options
from tests.browser.conftest import App


@pytest.fixture(scope="module")
def config():
    return build_demo().get_config_file()


def test_elements_have_the_ids_that_others_build_on(config):
    ids = {component["props"].get("elem_id") for component in config["components"]}
    fixed = {"plane", "model", "btn-random", "btn-origin", "btn-encode", "btn-train", "btn-stop", "train-status"}
    assert fixed | {f"z-{i}" for i in range(64)} <= ids


def test_only_decode_is_a_public_endpoint(config):
    public = [dependency["api_name"] for dependency in config["dependencies"] if dependency["api_visibility"] == "public"]
    assert public == ["decode"]


def test_empty_folder_still_makes_a_page(tmp_path):
    assert build_demo(tmp_path).get_config_file()["components"]


def test_nothing_is_shared_sent_or_shown_that_should_not_be():
    options = launch_options()
    assert options["show_error"] is options["enable_monitoring"] is options["ssr_mode"] is False
    assert "share" not in options
    assert "server_port" not in options


@pytest.mark.skipif(sys.platform == "win32", reason="no such signal")
def test_a_terminated_app_leaves_nothing_in_the_temporary_folder(tmp_path):
    app = App(None, tmp_path)
    app.wait()
    assert list(app.temporary.glob("aae-*"))
    app.stop()
    assert not list(app.temporary.glob("aae-*"))
    assert "Traceback" not in app.log.read_text()
