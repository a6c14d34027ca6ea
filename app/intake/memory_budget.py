"""How much may be taken apart at once: a body of one megabyte becomes thirty of Python's objects.

Without a bound every thread of a process could hold such a heap at the same moment. Small bodies,
which nearly all are, never ask.
"""

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

SMALL_BYTES = 16_384
AT_ONCE_BYTES = 2 * 1_048_576
"""Of larger bodies together, in one process; some 70 MB while they are read."""

_ENOUGH = nullcontext()


class MemoryBudget:
    """Lets callers in while what they bring fits; what is larger than all of it comes alone."""

    def __init__(self, size: int = AT_ONCE_BYTES) -> None:
        self._size = size
        self._free = size
        self._changed = threading.Condition()

    def for_bytes(self, amount: int) -> AbstractContextManager[None]:
        """There is room for so much, until the block ends."""
        return _ENOUGH if amount <= SMALL_BYTES else self._taken(amount)

    @contextmanager
    def _taken(self, amount: int) -> Iterator[None]:
        taken = min(amount, self._size)
        with self._changed:
            self._changed.wait_for(lambda: self._free >= taken)
            self._free -= taken
        try:
            yield
        finally:
            with self._changed:
                self._free += taken
                self._changed.notify_all()
