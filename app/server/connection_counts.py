"""How many connections each worker process has, seen by all of them.

Whoever polls first takes a new connection, and that is nearly always the same one: it then serves
dozens of senders while its sister has none. So a process that has more lets others go first.
"""

import mmap

PROCESSES_AT_MOST = 256
ABSENT = -1


class ConnectionCounts:
    """To be made before the processes are forked."""

    def __init__(self) -> None:
        shared = mmap.mmap(-1, 4 * PROCESSES_AT_MOST)
        self._counts = memoryview(shared).cast("i")
        for place in range(PROCESSES_AT_MOST):
            self._counts[place] = ABSENT

    def note(self, worker: int, connections: int) -> None:
        """This worker, by its number, has so many."""
        self._counts[worker % PROCESSES_AT_MOST] = connections

    def forget(self, worker: int) -> None:
        """This worker is no more."""
        self.note(worker, ABSENT)

    def fewest(self) -> int:
        """How many the worker has that has the fewest; 0 where none is."""
        return min((count for count in self._counts if count != ABSENT), default=0)
