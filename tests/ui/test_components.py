from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from aae.ui.components import (
    ASSETS,
    PLOTLY_JS,
    digit_box,
    figure_box,
    plane_box,
    readout_box,
    served_modules,
    slider_link,
    status_box,
)

BOXES = [
    figure_box(None, "a figure", "a"),
    digit_box(None, "b"),
    status_box({}, "c"),
    plane_box(None, "a plane", "d", lambda request: None),
    slider_link(),
    readout_box(),
]


@pytest.mark.parametrize("box", BOXES, ids=lambda box: box.elem_id)
def test_templates_are_static_because_gradio_evaluates_them(box):
    template = box.html_template
    assert "${" not in template
    assert "{{" not in template


def test_scripts_come_from_installed_files():
    assert PLOTLY_JS.is_file()
    for path in ASSETS.glob("*.js"):
        loaded = re.findall(r"(?:import|fetch|src|href|Worker)\b[^;\n]*https?:", path.read_text(encoding="utf-8"))
        assert loaded == [], path.name


def test_each_process_serves_its_modules_from_a_folder_of_its_own_so_that_no_browser_mixes_versions():
    assert {path.name for path in served_modules().iterdir()} == {PLOTLY_JS.name, *(path.name for path in ASSETS.glob("*.js"))}
    assert str(served_modules()) in status_box({}, "e").js_on_load
    command = [sys.executable, "-c", "from aae.ui.components import served_modules as s; print(s(), s().is_dir())"]
    other, existed = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    assert existed == "True"
    assert Path(other) != served_modules()
    assert not Path(other).exists(), "the copy goes with its process"


def test_importing_the_page_writes_no_files_into_the_sources():
    assert list(ASSETS.parent.rglob("*.pyi")) == []
