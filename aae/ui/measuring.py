"""`python -m aae evaluate` for one visitor, in a process of its own, which Stop or a closed page ends at once."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Generator
from pathlib import Path
from typing import IO

import torch

import aae
from aae.checkpoints import save_checkpoint
from aae.errors import AAEError
from aae.evaluation import Evaluation
from aae.measures import Stage
from aae.ui.session import ShownModel

ROOT = Path(aae.__file__).parents[1]
TICK_SECONDS = 0.4
"""How often it says where it stands; also how soon a Stop is noticed."""


def measured(shown: ShownModel, file: Path | None = None) -> Generator[Stage | Evaluation, None, None]:
    """Where it stands, every `TICK_SECONDS`, and last the evaluation: what the command prints for the same model and data.

    Args:
        shown: the model.
        file: its checkpoint, if there is one; else one is written for the while.

    Raises:
        AAEError: in the command's own words, or that it was ended from outside.
    """
    with tempfile.TemporaryDirectory(prefix="aae-measure-") as folder:
        if file is None:
            file = Path(folder) / f"{shown.title.lower().replace(' ', '-')}.safetensors"
            save_checkpoint(file, shown.checkpoint.slim())
        command = [sys.executable, "-m", "aae", "evaluate", str(file), "--json", "--progress"]
        # As many threads as the page's own process may use: see runtime.leave_room_for_the_page.
        environment = {**os.environ, "OMP_NUM_THREADS": str(torch.get_num_threads())}
        with (Path(folder) / "result.json").open("w+", encoding="utf-8") as result:
            process = subprocess.Popen(
                command, cwd=ROOT, env=environment, stdout=result, stderr=subprocess.PIPE, text=True, encoding="utf-8"
            )
            try:
                words = yield from followed(process)
                if process.wait():
                    raise AAEError(complaint(words, process.returncode))
                result.seek(0)
                yield Evaluation.from_json(result.read())
            finally:
                process.kill()
                process.wait()


def followed(process: subprocess.Popen[str]) -> Generator[Stage, None, list[str]]:
    """The stages that a process tells on its standard error, the latest again at every tick; returns what else it said."""
    assert process.stderr is not None
    lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
    reader = threading.Thread(target=read_lines, args=(process.stderr, lines), daemon=True)
    reader.start()
    stage, started = Stage("starting", 0.0), time.monotonic()
    other: list[str] = []
    while True:
        try:
            line = lines.get(timeout=TICK_SECONDS)
        except queue.Empty:
            yield Stage(f"{stage.text} ({time.monotonic() - started:.0f} s)", stage.share)
            continue
        if line is None:
            reader.join()
            return other
        try:
            stage = Stage(**json.loads(line))
            yield stage
        except (ValueError, TypeError):  # no stage: what the command says to people
            other.append(line.strip())


def read_lines(stream: IO[str], lines: queue.SimpleQueue[str | None]) -> None:
    with stream:
        for line in stream:
            lines.put(line)
    lines.put(None)


def complaint(words: list[str], code: int) -> str:
    """Why the command failed, in one sentence; never a traceback."""
    own = [line.removeprefix("aae: ") for line in words if line.startswith("aae: ")]
    if own:
        return own[-1]
    print("\n".join(words), file=sys.stderr)  # noqa: T201
    if code < 0:
        return "Measuring was ended from outside, most likely for lack of memory; try again when the machine is less busy."
    return "Measuring failed by an error of ours; the model is untouched, and all other parts of the page work."
