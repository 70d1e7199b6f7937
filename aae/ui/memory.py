"""What visitors who left have freed goes back to the system."""

from __future__ import annotations

import contextlib
import ctypes
import threading

_lock = threading.Lock()
_timer: threading.Timer | None = None


def give_back_soon(seconds: float = 4.0) -> None:
    """Give freed memory back to the system after so many seconds, once for all that ask meanwhile.

    C's allocator keeps what many threads have freed for itself: some 5 MiB a visitor, 200 MiB after twenty.
    """
    global _timer
    with _lock:
        if _timer is None:
            _timer = threading.Timer(seconds, _give_back)
            _timer.daemon = True
            _timer.start()


def _give_back() -> None:
    global _timer
    with _lock:
        _timer = None
    with contextlib.suppress(OSError, AttributeError, TypeError):  # only glibc has it, and only it needs it
        ctypes.CDLL(None).malloc_trim(0)
