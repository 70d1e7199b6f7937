from __future__ import annotations

import pytest

from aae.ui.components import ASSETS, panel_box
from aae.ui.walk import JOURNEY, MANIFOLD, NEAREST, TRAVERSAL

PARTS = {"traversal": TRAVERSAL, "manifold": MANIFOLD, "journey": JOURNEY, "nearest": NEAREST}


@pytest.mark.parametrize("name", PARTS)
def test_every_way_has_its_module_and_a_static_template(name):
    assert (ASSETS / f"{name}.js").is_file()
    template = panel_box(PARTS[name], f"{name}.js", name).html_template
    assert "${" not in template
    assert "{{" not in template
