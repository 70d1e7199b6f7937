from __future__ import annotations

import json

import pytest
import torch
from torch.utils.data import Dataset

from aae.bench import OurLoop, PlainLoop, matmul_flops, matmul_peak, run_bench, table
from aae.config import ModelConfig, TrainConfig
from aae.data import load_images, to_model_range

SAMPLE = load_images("digits-sample", "train")


class Pairs(Dataset):
    """What torchvision's data set gives: a normalised image and its class."""

    def __len__(self) -> int:
        return len(SAMPLE)

    def __getitem__(self, index: int):
        return to_model_range(SAMPLE.images[index]), int(SAMPLE.labels[index])


def test_flops_of_a_product_are_twice_its_multiplications():
    assert matmul_flops(lambda: torch.mm(torch.ones(3, 4), torch.ones(4, 5))) == 2 * 3 * 4 * 5


def test_the_peak_is_a_positive_rate():
    assert matmul_peak(0.01) > 0


def test_both_loops_do_much_the_same_matrix_products_and_every_part_takes_time():
    config = TrainConfig(dataset="digits-sample")
    loops = [PlainLoop(Pairs(), config, 0), OurLoop("ours", SAMPLE, ModelConfig(), config)]
    plain, ours = run_bench(loops, len(SAMPLE), steps=3, rounds=2)
    assert 0.9 < ours.flops / plain.flops < 1  # D(z) is used twice, and D's weights get no gradient in the generator step
    assert plain.steps_per_epoch == ours.steps_per_epoch == -(-len(SAMPLE) // 64)
    for timing in (plain, ours):
        assert min(timing.data_ms, timing.step_ms, timing.optimiser_ms) > 0
        assert timing.total_ms == pytest.approx(timing.data_ms + timing.step_ms + timing.optimiser_ms)
    text = table([plain, ours], 100.0)
    assert "plain loop, 0 workers" in text
    assert "ours" in text
    rows = [json.loads(line) for line in table([plain, ours], 100.0, as_json=True).splitlines()]
    assert rows[0]["speed"] == 1.0
    assert rows[1]["speed"] == pytest.approx(plain.epoch_seconds / ours.epoch_seconds)


def test_the_plain_loop_learns():
    loop = PlainLoop(Pairs(), TrainConfig(dataset="digits-sample"), 0)
    x = to_model_range(SAMPLE.images[torch.arange(0, len(SAMPLE), 71)])
    first, _ = loop.step(x)
    for _ in range(10):
        last, _ = loop.step(x)
    assert last < first
