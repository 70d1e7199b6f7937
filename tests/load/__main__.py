"""Load test on this machine: ``python -m tests.load``. Visitors explore while some train; prints what it found.

Starts the app on a free port of 127.0.0.1, talks to it as browsers do (page, heartbeat, event streams) and ends in two or three
minutes. It shares the machine's cores with the app, which alone would be faster. An update is lost if an answer is not that of
the request, or a view that the server has in its curves did not arrive.
``--models N`` measures instead the memory that the models of N visitors take.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import torch

from aae.config import PRESETS
from aae.data import load_images
from aae.latent import with_held_out
from aae.training import Trainer
from aae.ui.session import Shelf, Visitor
from tests.load.page import Findings
from tests.load.visits import visits

SERVE = """
from dataclasses import replace
from aae.ui import runtime
from aae.ui.demo import serve
runtime.LIMITS[runtime.host()] = replace(runtime.limits(), slots=3, kept_seconds=2.0)
serve()
"""  # kept for two seconds instead of half an hour: memory is measured when the models of those who left are due to go
ROOT = Path(__file__).parents[2]
ACTIONS = ("decode", "view", "encode", "model")


def resident(process: subprocess.Popen[bytes] | None = None) -> float:
    """Memory of a process, or of this one, and of all that it has begun, MiB (Linux); what several share counts once."""
    return sum(proportional(pid) for pid in family(process.pid if process else os.getpid()))


def family(pid: int) -> Iterator[int]:
    """A process, its children, and theirs."""
    yield pid
    with suppress(OSError):  # it ended meanwhile
        for path in Path(f"/proc/{pid}/task").glob("*/children"):
            for child in path.read_text().split():
                yield from family(int(child))


def proportional(pid: int) -> float:
    with suppress(OSError):
        return int(Path(f"/proc/{pid}/smaps_rollup").read_text().split("Pss:")[1].split()[0]) / 1024
    return 0.0


def settled(process: subprocess.Popen[bytes], seconds: float = 8.0) -> float:
    """Memory some seconds later: what is kept for those who left is due to go by then."""
    time.sleep(seconds)
    return resident(process)


async def watch(process: subprocess.Popen[bytes], work: Coroutine[Any, Any, None]) -> float:
    """Do the work; the most memory that the process and its own took meanwhile, MiB."""
    peak, task = 0.0, asyncio.create_task(work)
    while not task.done():
        peak = max(peak, resident(process))
        await asyncio.wait([task], timeout=0.5)
    await task
    return peak


@contextmanager
def served() -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """The app, in its own process, on a free port of this machine."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url, env = f"http://127.0.0.1:{port}", {**os.environ, "GRADIO_SERVER_PORT": str(port), "GRADIO_SERVER_NAME": "127.0.0.1"}
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen([sys.executable, "-c", SERVE], cwd=ROOT, env=env, stdout=log, stderr=log)
        try:
            for _ in range(600):
                try:
                    httpx.get(url)
                    break
                except httpx.TransportError:
                    time.sleep(0.2)
            yield url, process
            log.seek(0)
            told = log.read().decode()
            if "Traceback" in told:
                raise SystemExit(told)
        finally:
            process.terminate()
            process.wait(20)


def measure(explorers: int, trainers: int, seconds: float, rounds: int) -> dict[str, Any]:
    """The figures of one load test."""
    findings, peaks = Findings(), []
    with served() as (url, process):
        asyncio.run(visits(url, 1, 3, 3.0, Findings()))  # what is loaded once, on first use, is no leak
        left = [settled(process)]
        for _ in range(rounds):  # of new visitors
            peaks.append(asyncio.run(watch(process, visits(url, explorers, trainers, seconds, findings))))
            left.append(settled(process))
    return {
        "explorers": explorers,
        "trainers": trainers,
        "seconds": seconds,
        "rounds": rounds,
        "requests": sum(len(findings.seconds.get(what, [])) for what in ACTIONS),
        "updates": findings.updates,
        "errors": findings.errors,
        "lost updates": findings.lost,
        **{f"{what} p95 ms": round(1000 * quantile(findings.seconds.get(what, [0.0]))) for what in ACTIONS},
        "frames a second": round(min(findings.rates), 2),
        "stop s": round(max(findings.seconds["stop"]), 2),
        "closed tab s": round(max(findings.seconds["closed tab"]), 2),
        "memory MiB": {
            "before": round(left[0]),
            "peak": round(max(peaks)),
            "after each round": [round(after) for after in left[1:]],
        },
        "memory after / before": round(left[-1] / left[0], 3),
    }


def measure_models(count: int) -> dict[str, Any]:
    """Memory of so many visitors' models of preset size, each with what it takes to train on, after all have been shown."""
    shelf = Shelf(ROOT / "checkpoints")
    train_data, held_out = load_images("digits-sample", "train"), load_images("digits-sample", "test")
    trainer = Trainer(train_data, PRESETS["fast"].model, PRESETS["fast"].train)
    trainer.step()
    before, visitors = resident(), [Visitor(shelf.kept) for _ in range(count)]
    for visitor in visitors:
        visitor.keep(shelf.own(with_held_out(trainer.checkpoint(), held_out)))
        if visitor.own is not None:
            visitor.own.model.decode(torch.zeros(1, visitor.own.latent_dim))
    taken = resident() - before
    return {
        "models": count,
        "kept": len(shelf.kept),
        "counted MiB": round(shelf.kept.nbytes / 2**20),
        "memory MiB": round(taken),
        "bound MiB": shelf.limits.model_mebibytes,
    }


def quantile(values: list[float], share: float = 0.95) -> float:
    return float(np.quantile(values, share))


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.load", description=__doc__.splitlines()[0])
    parser.add_argument("--explorers", type=int, default=20)
    parser.add_argument("--trainers", type=int, default=3, choices=[3], help="as many as run at a time; one more waits in line")
    parser.add_argument("--seconds", type=float, default=30.0, help="how long all of them are there")
    parser.add_argument("--rounds", type=int, default=2, help="how often new visitors come once those before have left")
    parser.add_argument(
        "--models", type=int, default=0, help="measure the memory of so many visitors' models, and nothing else"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    torch.set_num_threads(1)
    figures = (
        measure_models(options.models)
        if options.models
        else measure(options.explorers, options.trainers, options.seconds, options.rounds)
    )
    if options.json:
        print(json.dumps(figures))
    else:
        for what, value in figures.items():
            print(f"{what:>24}  {value if value != [] else 0}")
    return 0 if options.models or sound(figures) else 1


def sound(figures: dict[str, Any]) -> bool:
    """Whether they are what the README promises."""
    kept = not figures["errors"] and not figures["lost updates"] and figures["memory after / before"] <= 1.1
    return kept and figures["decode p95 ms"] <= 300 and figures["stop s"] <= 2 and figures["closed tab s"] <= 5


if __name__ == "__main__":
    sys.exit(main())
