"""The process of a run: it stands back, needs neither the page nor its main module, and does not outlive who began it."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
import time
from multiprocessing.spawn import get_preparation_data
from pathlib import Path

import pytest

from aae.errors import TrainingError
from aae.ui import runtime, training_process
from aae.ui.crossing import arrived, crossing
from aae.ui.training_apart import Here, InCalls, InProcess, begin
from aae.ui.training_process import Worker, without_main
from aae.ui.training_show import Story, View
from aae.ui.training_work import Standing, Task
from tests.runs import SMALL, settings

LOOK = """
import sys, torch
import aae.ui.training_process, aae.figures, aae.ui.packing
assert not {"gradio", "spaces"} & sys.modules.keys()
assert not torch.cuda.is_initialized()
"""
linux_only = pytest.mark.skipif(sys.platform != "linux", reason="Linux says it this way")


@pytest.fixture
def task(take, held_out) -> Task:
    config = settings(epochs=1000)
    return Task(take(70), held_out, SMALL, config, None, Story(), "train", runtime.LIMITS["local"])


@linux_only
def test_it_stands_back_for_the_page_and_ends_once_nobody_listens(task):
    worker = Worker(crossing(task), 1000)
    assert any(arrived(part).plane for part in worker.parts())
    pid = worker.process.pid
    assert os.getpriority(os.PRIO_PROCESS, pid) == training_process.NICENESS
    assert Path(f"/proc/{pid}/oom_score_adj").read_text().strip() == str(training_process.FIRST_TO_GO)
    worker.connection.close()  # as where the page's process is gone
    worker.process.join(30)
    assert worker.process.exitcode == 0


def test_told_to_stop_it_says_how_it_stands_and_ends(task):
    with Worker(crossing(task), 1000) as worker:
        parts = worker.parts()
        while not (arrived(next(parts)).status or {}).get("text", "").startswith("Epoch"):
            pass
        started = time.monotonic()
        worker.stop(10)
        *_, last = (part for part in map(arrived, parts) if part != View())
        assert time.monotonic() - started < 5
        assert isinstance(last, Standing)
        assert last.checkpoint.record.epochs == last.checkpoint.training["step"].item() / 5
        assert worker.end() == 0


def test_what_runs_are_forked_from_has_no_page_and_no_gpu():
    done = subprocess.run([sys.executable, "-c", LOOK], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_no_process_runs_the_main_module_again():
    main = sys.modules["__main__"]
    with without_main():
        assert not [name for name in get_preparation_data("training") if name.startswith("init_main")]
    assert sys.modules["__main__"] is main


def test_a_system_without_a_process_to_give_says_so(task, monkeypatch):
    class Full:
        def start(self):
            raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(training_process.context, "Process", lambda **options: Full())
    with pytest.raises(TrainingError, match="try again when fewer people train"):
        Worker(crossing(task), 1000)


def test_where_a_process_takes_seconds_to_begin_a_single_step_is_taken_here(task, monkeypatch):
    step = dataclasses.replace(task, action="step")
    for quick, kinds in ((True, (InProcess, InProcess)), (False, (InProcess, Here))):
        monkeypatch.setattr(training_process, "QUICK", quick)
        assert (type(begin(task)), type(begin(step))) == kinds
    monkeypatch.setenv("SPACES_ZERO_GPU", "true")
    assert type(begin(step)) is InCalls
