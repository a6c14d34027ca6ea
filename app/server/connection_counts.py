"""The number of connections of each worker process, in memory that all of them share.

The first process to poll takes a new connection, and that is nearly always the same one: it would
serve dozens of senders while another has none. So a process that has more leaves a new connection
to the others for a moment (docs/adr/0009).
"""

import math
import mmap
import os
import time

from app.clock import Clock

SLOTS = 256
"""The most worker processes that are counted; a worker's slot is its number modulo this."""
STALE_SECONDS = 1.5
"""Seconds after which a count is left out: its worker hangs, an idle one notes its every second.

Otherwise every new connection would be left to the hung worker first.
"""
LEAVE_SECONDS = 0.05
"""Seconds for which a new connection is left to another process that has fewer."""
TAKE_SECONDS = 0.25
"""Seconds for which none is left to others after one was not taken: they may hang."""
NEVER = -math.inf


class ConnectionCounts:
    """The counts of all workers of one master, which makes them before it forks the workers."""

    def __init__(self, clock: Clock = time.monotonic) -> None:
        shared = memoryview(mmap.mmap(-1, 12 * SLOTS))
        self._noted_at = shared[: 8 * SLOTS].cast("d")
        self._counts = shared[8 * SLOTS :].cast("i")
        self._clock = clock
        for slot in range(SLOTS):
            self._noted_at[slot] = NEVER

    def note(self, worker: int, connections: int) -> None:
        """Store the number of connections of this worker."""
        slot = worker % SLOTS
        self._counts[slot] = connections
        self._noted_at[slot] = self._clock()

    def forget(self, worker: int) -> None:
        """Leave out this worker: it ended, or accepts no connections."""
        self._noted_at[worker % SLOTS] = NEVER

    def fewest(self) -> int:
        """Return the smallest count of a worker that accepts connections; 0 if there is none."""
        oldest = self._clock() - STALE_SECONDS
        counts = zip(self._counts, self._noted_at, strict=True)
        return min((count for count, noted_at in counts if noted_at > oldest), default=0)


class ConnectionBalancer:
    """One worker's side of the balance: it notes its count and leaves connections to others."""

    def __init__(
        self, counts: ConnectionCounts, worker: int, clock: Clock = time.monotonic
    ) -> None:
        self._counts = counts
        self._clock = clock
        self._worker = worker
        self._leaves_until: float | None = None
        self._takes_until = 0.0

    def note(self, connections: int, *, accepting: bool) -> None:
        """Tell the other workers how many connections this one has, while it accepts any."""
        if accepting:
            self._counts.note(self._worker, connections)
        else:
            self._counts.forget(self._worker)

    def leaves_to_another(self, connections: int) -> bool:
        """Return whether another process should take the connection that waits, and still may."""
        now = self._clock()
        self._counts.note(self._worker, connections)
        if connections <= self._counts.fewest() or now < self._takes_until:
            self._leaves_until = None
            return False
        self._leaves_until = self._leaves_until or now + LEAVE_SECONDS
        if now < self._leaves_until:
            os.sched_yield()
            return True
        self._takes_until = now + TAKE_SECONDS
        return False
