"""Limit the bytes of bodies that are parsed at once: 1 MB becomes 30 MB of Python's objects.

Without a limit every thread of a process could hold such a heap at the same moment. Small bodies,
which nearly all are, are not counted.
"""

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

from app import cooperative

AT_ONCE_BYTES = 2 * 1_048_576
"""Bytes of larger bodies that one process parses at once; they take some 70 MB."""

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
        reserved = min(amount, self._size)
        with self._changed:
            self._changed.wait_for(lambda: self._free >= reserved)
            self._free -= reserved
        try:
            yield
        finally:
            with self._changed:
                self._free += reserved
                self._changed.notify_all()
