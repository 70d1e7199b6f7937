"""A step on the page: four phases with words and numbers."""

from __future__ import annotations

import json

import pytest

from aae.phases import dissect
from aae.ui.stepper import readable, step_value


def test_each_phase_has_its_title_words_and_numbers(trainer):
    value = step_value(dissect(trainer), "aae")
    assert [phase["name"] for phase in value["phases"]] == ["encode", "decode", "generator", "discriminator"]
    assert all(phase["title"] and phase["words"] and phase["numbers"] for phase in value["phases"])
    assert all(len(row) == 3 for phase in value["phases"] for row in phase["numbers"])
    assert (value["number"], value["batch"], value["count"]) == (1, 16, 8)
    json.dumps(value)


@pytest.mark.parametrize(("value", "text"), [(0.123456, "0.1235"), (0, "0"), (1.5e-6, "1.500e-06"), (1234.5, "1234")])
def test_numbers_are_short(value, text):
    assert readable(value) == text
