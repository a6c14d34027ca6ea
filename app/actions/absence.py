"""Wait a moment for a file that is absent: a deployment replaces a directory in several steps."""

import threading
import time
from collections.abc import Callable
from typing import TypeVar

from cachetools import LRUCache

from app.errors import Absent

T = TypeVar("T")
MOMENT_SECONDS = 0.5
"""Seconds that an attempt waits for a file, counted from the first attempt that missed it."""
_LOOK_SECONDS = 0.02
_NAMES = 1_000

_lock = threading.Lock()
_missing_since: LRUCache[str, float] = LRUCache(_NAMES)
"""Monotonic time at which each name was first found absent: later attempts fail at once."""


def within_a_moment(name: str, start: Callable[[], T]) -> T:
    """Return the result of `start`, called again for a moment while it raises Absent."""
    while True:
        try:
            result = start()
        except Absent:
            if not _worth_another_look(name):
                raise
            time.sleep(_LOOK_SECONDS)
        else:
            if _missing_since:
                with _lock:
                    _missing_since.pop(name, None)
            return result


def _worth_another_look(name: str) -> bool:
    now = time.monotonic()
    with _lock:
        return now - _missing_since.setdefault(name, now) < MOMENT_SECONDS
