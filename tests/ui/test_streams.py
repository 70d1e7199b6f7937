from __future__ import annotations

import threading
import time

from aae.ui.streams import closed_aside


def test_closing_does_not_wait_for_what_is_tidied_up():
    tidied = threading.Event()

    def updates():
        try:
            yield 1
            yield 2
        finally:
            time.sleep(2)
            tidied.set()

    stream = closed_aside(updates())
    assert next(stream) == 1
    started = time.monotonic()
    stream.close()
    assert time.monotonic() - started < 1
    assert not tidied.is_set()
    assert tidied.wait(5)


def test_all_updates_pass():
    assert list(closed_aside(iter("abc"))) == ["a", "b", "c"]
