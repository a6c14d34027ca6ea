"""Limit the bytes of bodies that are parsed at once: 1 MB becomes 30 MB of Python's objects.

Without a limit every thread of a process could hold such a heap at the same moment. Small bodies,
which nearly all are, are not counted.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

from app import cooperative
from app.db import time_limit
from app.errors import DatabaseUnavailable

AT_ONCE_BYTES = 1_048_576
"""Bytes of larger bodies that one process parses at once; they take some 35 MB."""

WAIT_SECONDS = 10.0
"""Seconds after its arrival that a request waits for memory; GitHub waits no longer."""

_UNCOUNTED = nullcontext()


class MemoryBudget:
    """Budget of bytes that callers reserve; one larger than the whole budget runs alone."""

    def __init__(self, size: int = AT_ONCE_BYTES) -> None:
        self._size = size
        self._free = size
        self._changed = threading.Condition()

    def for_bytes(self, amount: int) -> AbstractContextManager[None]:
        """Reserve so many bytes until the block ends; wait until they are free."""
        return _UNCOUNTED if amount <= cooperative.SMALL_REQUEST_BYTES else self._reserved(amount)

    @cooperative.blocking
    @contextmanager
    def _reserved(self, amount: int) -> Iterator[None]:
        """Reserve so many bytes; the wait for them does not count as one for the database.

        Raises DatabaseUnavailable if they are not free in time.
        """
        reserved, began = min(amount, self._size), time.monotonic()
        with self._changed:
            if not self._changed.wait_for(lambda: self._free >= reserved, _seconds_left()):
                raise DatabaseUnavailable("the large bodies before took too long")
            self._free -= reserved
        try:
            with time_limit.postponed(time.monotonic() - began):
                yield
        finally:
            with self._changed:
                self._free += reserved
                self._changed.notify_all()


def _seconds_left() -> float:
    arrived_at = cooperative.arrived_at()
    waited = 0.0 if arrived_at is None else time.monotonic() - arrived_at
    return max(0.0, WAIT_SECONDS - waited)
