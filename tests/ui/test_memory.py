from __future__ import annotations

import ctypes
import subprocess
import sys
import threading

import pytest

from aae.ui import memory

FREED = """
import threading, time
from pathlib import Path
from aae.ui import memory
def resident():
    return int(Path("/proc/self/status").read_text().split("VmRSS:")[1].split()[0]) // 1024
kept = [bytearray(50_000) for _ in range(4000)]
ends = bytearray(50_000)  # as long as the heap's end is in use, the rest stays
kept.clear()
before = resident()
memory.give_back_soon(0.01)
time.sleep(0.5)
print(before - resident())
"""


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None) if sys.platform != "win32" else None, "malloc_trim"), reason="not glibc")
def test_what_was_freed_goes_back_to_the_system():
    told = subprocess.run([sys.executable, "-c", FREED], capture_output=True, text=True, check=True)
    assert int(told.stdout) > 100


def test_many_who_leave_at_once_are_one_reason_and_later_ones_another(monkeypatch):
    given, done = [], threading.Event()

    class Library:
        def malloc_trim(self, pad):
            given.append(pad)
            done.set()

    monkeypatch.setattr(memory.ctypes, "CDLL", lambda name: Library())
    for _ in range(2):
        done.clear()
        for _ in range(20):
            memory.give_back_soon(0.1)
        assert done.wait(5)
    assert given == [0, 0]


def test_other_systems_have_nothing_to_give_back_and_no_pools(monkeypatch):
    monkeypatch.setattr(memory.ctypes, "CDLL", lambda name: object())
    memory._give_back()
    memory.share_arenas()


def test_threads_share_few_pools_of_memory(monkeypatch):
    asked = []

    class Library:
        def mallopt(self, *options):
            asked.append(options)

    monkeypatch.setattr(memory.ctypes, "CDLL", lambda name: Library())
    memory.share_arenas()
    assert asked == [(memory.M_ARENA_MAX, memory.ARENAS)]
