"""The process that a training run has to itself: what happens there, a crash or want of memory too, ends that run alone.

On Linux it is forked from a server that has loaded what a run needs and done nothing else, so that it begins at once and
shares that memory. Elsewhere, where a fork is not safe, a new interpreter loads it, which takes seconds.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Iterator
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext, SpawnContext
from pathlib import Path
from types import ModuleType, TracebackType

import torch

from aae.errors import TrainingError
from aae.ui.crossing import crossing
from aae.ui.training_show import View
from aae.ui.training_work import call

QUICK = sys.platform == "linux"
"""Whether a process begins at once."""
_lock = threading.Lock()
context: ForkServerContext | SpawnContext = (
    multiprocessing.get_context("forkserver") if QUICK else multiprocessing.get_context("spawn")
)
# PyTorch by its own name too: the server finds the modules of this app only where it was started in its folder (Python 3.11).
context.set_forkserver_preload(["torch._dynamo", "aae.ui.training_preload"])

NICENESS = 19
"""How far the page's process goes before runs."""
FIRST_TO_GO = 500
"""Of 1000: how far runs go before the page's process where the system must end one for want of memory (Linux)."""
BEAT_SECONDS = 0.4
"""Longest silence: the page closes a run only when it hears something."""
GRACE_SECONDS = 0.5
"""How long a process has to end by itself once nothing more is to come from it."""
SILENCE = crossing(View())


def prepare() -> None:
    """Load what runs are forked from, in the background, so that the first visitor who trains need not wait for it."""
    if QUICK:
        from multiprocessing import forkserver

        with without_main():
            forkserver.ensure_running()


class Worker:
    """The process of one run, as the page's process sees it; leaving the block ends it.

    Args:
        task: what `training_work.call` takes.
        seconds: the same.

    Raises:
        TrainingError: the system has no process to give.
    """

    def __init__(self, task: bytes, seconds: float) -> None:
        self.patience: threading.Timer | None = None
        self.connection, theirs = context.Pipe()
        arguments = (theirs, seconds, torch.get_num_threads())
        self.process = context.Process(target=work, args=arguments, name="training", daemon=True)
        try:
            with without_main():
                self.process.start()
        except (OSError, EOFError) as error:
            self.connection.close()
            raise TrainingError("The system has no process for this run; try again when fewer people train.") from error
        finally:
            theirs.close()
        with contextlib.suppress(OSError):  # it is gone already: its exit code says why
            self.connection.send_bytes(task)

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.end()

    def parts(self) -> Iterator[bytes]:
        """What the run gives, until it ends."""
        with contextlib.suppress(EOFError, OSError):
            while True:
                yield self.connection.recv_bytes() if self.connection.poll(BEAT_SECONDS) else SILENCE

    def stop(self, seconds: float) -> None:
        """Ask the run to end where it stands, and end it if it has not in so many seconds."""
        with contextlib.suppress(OSError):
            self.connection.send_bytes(b"stop")
        self.patience = threading.Timer(seconds, self.process.kill)
        self.patience.daemon = True
        self.patience.start()

    def end(self) -> int:
        """See to it that the process is gone; its exit code."""
        if not self.connection.closed:
            self.connection.close()
            self.process.join(GRACE_SECONDS)
            self.process.kill()
            self.process.join()
            if self.patience is not None:
                self.patience.cancel()
        return self.process.exitcode or 0


@contextlib.contextmanager
def without_main() -> Iterator[None]:
    """For as long as a process begins, let there be no main module: it would be run again there, the page and all."""
    with _lock:
        main, sys.modules["__main__"] = sys.modules["__main__"], ModuleType("__main__")
        try:
            yield
        finally:
            sys.modules["__main__"] = main


def work(connection: Connection, seconds: float, threads: int) -> None:
    """What the process does: the task that it is sent, until it is done, told to stop, or nobody listens any more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the page's process, which then closes the connection
    stand_back()
    torch.set_num_threads(threads)
    task, stopped = connection.recv_bytes(), threading.Event()
    parts = call(task, seconds, stop=stopped.is_set)
    del task
    threading.Thread(target=listen, args=(connection, stopped), daemon=True).start()
    with contextlib.suppress(OSError):
        for part in parts:
            connection.send_bytes(part)


def listen(connection: Connection, stopped: threading.Event) -> None:
    """Hear the one word that there is; ends the process at once where the page's is gone."""
    try:
        connection.recv_bytes()
    except (EOFError, OSError):
        os._exit(0)
    stopped.set()


def stand_back() -> None:
    """Leave the page's process the first turn at the processor, and the last at being ended for want of memory."""
    if hasattr(os, "nice"):
        os.nice(NICENESS)
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(str(FIRST_TO_GO))
