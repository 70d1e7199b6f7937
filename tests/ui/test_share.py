from __future__ import annotations

import pytest

from aae.errors import AAEError
from aae.ui.panels import AXES, LDA
from aae.ui.session import YOUR_MODEL
from aae.ui.share import read_link

Z = ",".join(["0.125"] * 10)


def test_a_link_names_model_code_view_axes_and_switches(shelf):
    query = {"model": "mnist-10d", "z": Z, "projection": "axes", "axes": "2,5", "show": "field,overlay"}
    link = read_link({**query, "zoom": "-1,1.5,0,2", "hide": "3,7"}, shelf)
    assert link.shown.key == "mnist-10d"
    assert link.z == [0.125] * 10
    assert (link.view, link.axes, link.toggles) == (AXES, (2, 5), ["field", "overlay"])
    assert (link.zoom, link.hidden) == ([-1, 1.5, 0, 2], [3, 7])


def test_a_link_may_leave_out_all_but_one_thing(shelf):
    assert read_link({"model": "mnist-2d"}, shelf).z is None
    link = read_link({"z": Z, "projection": "LDA"}, shelf)
    assert (link.shown, link.view) == (shelf.first(), LDA)


BAD = [
    (None, "cannot be read"),
    ({"model": 3}, "cannot be read"),
    ({"model": "mnist-10d", "z": "1," * 2000}, "cannot be read"),
    ({"model": "../etc/passwd"}, "no model"),
    ({"model": YOUR_MODEL}, "trained"),
    ({"model": "mnist-10d", "z": "1,2"}, "list of 10 numbers"),
    ({"model": "mnist-10d", "z": "a"}, "must be numbers"),
    ({"model": "mnist-10d", "z": ",".join(["nan"] * 10)}, "between -100 and 100"),
    ({"model": "mnist-10d", "z": ",".join(["1e9"] * 10)}, "between -100 and 100"),
    ({"model": "mnist-10d", "projection": "t-SNE"}, "there are pca"),
    ({"model": "mnist-10d", "axes": "1,1"}, "two different dimensions"),
    ({"model": "mnist-10d", "axes": "0,10"}, "two different dimensions"),
    ({"model": "mnist-10d", "axes": "0,0.5"}, "two different dimensions"),
    ({"model": "mnist-10d", "zoom": "1,2,3"}, "left, right, bottom and top"),
    ({"model": "mnist-10d", "zoom": "1,1,0,2"}, "left, right, bottom and top"),
    ({"model": "mnist-10d", "hide": "10"}, "classes 0 to 9"),
    ({"model": "mnist-10d", "show": "alert(1)"}, "nothing else"),
]


@pytest.mark.parametrize(("query", "sentence"), BAD)
def test_a_link_that_is_wrong_gets_one_sentence(shelf, query, sentence):
    with pytest.raises(AAEError, match=sentence) as caught:
        read_link(query, shelf)
    assert str(caught.value).endswith(".")
