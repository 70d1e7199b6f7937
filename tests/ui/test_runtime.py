from __future__ import annotations

import os

import pytest
import torch

from aae.ui import runtime


def test_a_zero_gpu_web_process_does_not_use_its_pretended_cuda(monkeypatch):
    monkeypatch.setenv("SPACES_ZERO_GPU", "1")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert runtime.training_device().type == "cpu"


@pytest.mark.parametrize(("cores", "threads"), [(None, 1), (1, 1), (2, 1), (4, 2), (64, 4)])
def test_training_leaves_half_of_the_cores_to_the_page(monkeypatch, cores, threads):
    chosen = []
    monkeypatch.setattr(os, "cpu_count", lambda: cores)
    monkeypatch.setattr(torch, "set_num_threads", chosen.append)
    runtime.leave_room_for_the_page()
    assert chosen == [threads]
