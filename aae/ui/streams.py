"""Streams of updates to a page."""

from __future__ import annotations

import threading
from collections.abc import Generator, Iterator
from typing import TypeVar

T = TypeVar("T")


def closed_aside(updates: Iterator[T]) -> Generator[T, None, None]:
    """The updates. Where the page closes them midway, they tidy up in a thread of their own.

    Gradio closes a generator on its event loop, where every other page would wait for the tidying up.
    """
    try:
        for update in updates:  # noqa: UP028 (`yield from` would close them here and now)
            yield update
    except GeneratorExit:
        threading.Thread(target=updates.close).start()  # type: ignore[attr-defined]
        raise
