from __future__ import annotations

import dataclasses

import pytest

from aae.bench import PlainLoop
from aae.classifier import classifier_path, load_classifier
from aae.config import PRESETS, ModelConfig
from aae.data import load_images
from aae.models import AAE
from aae.race import Result, judge, race, table
from tests.test_bench import SAMPLE, Pairs

HELD_OUT = load_images("digits-sample", "test")
CLASSIFIER = load_classifier(classifier_path("digits-sample"))


def test_training_lowers_both_numbers_and_the_plain_loop_is_extrapolated_to_its_epochs():
    config = dataclasses.replace(PRESETS["fast"].train, dataset="digits-sample", epochs=3)
    loops = [PlainLoop(Pairs(), PRESETS["reference"].train, 0)]
    model = ModelConfig(latent_dim=8, hidden_dim=128)
    (result,) = race(SAMPLE, HELD_OUT, CLASSIFIER, loops, ("fast", model, config), [5], epochs=20, steps=2)
    untrained = judge(AAE(model).eval(), HELD_OUT, CLASSIFIER)
    assert (result.name, result.seed) == ("fast", 5)
    assert result.l1 < 0.8 * untrained[0]
    assert result.frechet < 0.8 * untrained[1]
    step = loops[0].watch.total / loops[0].watch.steps
    assert result.plain_seconds == pytest.approx(step * 20 * len(loops[0].loader), rel=0.9)
    assert result.seconds > 0


def test_the_table_has_a_row_for_each_model_its_ratio_and_the_mean():
    rows = [
        Result("file", None, None, None, 0.07, 40.0),
        *(Result("fast", s, 50.0, 500.0, 0.07 + s / 100, 30.0) for s in (0, 1)),
    ]
    lines = table(rows, 20).splitlines()
    assert lines[4] == "| file |  |  |  |  | 0.0700 | 40.0 |"
    assert lines[5] == "| fast | 0 | 50 | 500 | 10.0 | 0.0700 | 30.0 |"
    assert lines[7] == "| fast, mean ± spread | | | | | 0.0750 ± 0.0071 | 30.0 ± 0.0 |"
