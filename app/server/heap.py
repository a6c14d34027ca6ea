"""Return freed memory of malloc's heaps to the system after large requests were answered.

malloc returns the end of a heap by itself, but keeps the holes in it. The holes of the largest
requests that a process ever held at one moment would stay its own.
https://man7.org/linux/man-pages/man3/malloc_trim.3.html
"""

import ctypes
import time
from collections.abc import Callable

from app.clock import Clock

TRIM_SECONDS = 1.0
"""Seconds between two trims at least: one takes a millisecond or two, and holds malloc's locks."""

_malloc_trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # only glibc has it


def trim() -> None:
    """Return the free pages of all heaps of this process."""
    if _malloc_trim is not None:
        _malloc_trim(0)


class HeapTrimmer:
    """The heaps of this process, to be trimmed once a large request has left holes in them."""

    def __init__(self, trim: Callable[[], object] = trim, clock: Clock = time.monotonic) -> None:
        self._trim = trim
        self._clock = clock
        self._has_holes = False
        self._next_at = clock()

    def note_large(self) -> None:
        """Remember that a large request was answered."""
        self._has_holes = True

    def trim_if_due(self) -> None:
        """Trim after large requests, at most once in `TRIM_SECONDS`."""
        now = self._clock()
        if self._has_holes and now >= self._next_at:
            self._has_holes, self._next_at = False, now + TRIM_SECONDS
            self._trim()
