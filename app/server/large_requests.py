"""Share the memory of a process among large requests, so that one that is read on can be finished.

A large request is read on only once there is memory for all of it: half-read ones would otherwise
hold all memory and wait for each other. Small requests never wait.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

from app.cooperative import SMALL_REQUEST_BYTES
from app.server.peer import Peer

STEP_BYTES = 1_048_576
"""Bytes that are granted at a time to a request that does not give its length.

A request with no more than this to come also gets its memory before one with more that waits.
"""
WAIT_SECONDS = 10.0
"""Seconds that a request waits for memory altogether; GitHub waits no longer for its response."""
PACE_BYTES_PER_SECOND = 262_144
"""Bytes that must arrive in each second of a request with memory while another waits for memory.

At the least rate of a body a few slow senders could keep all memory for hours.
"""
PACE_SECONDS = 2.0
"""Seconds over which that rate is measured."""


@dataclass(slots=True)
class _Turn:
    """The memory of one large request, or its wait for it."""

    granted_bytes: int = 0
    """Bytes that the request may have."""
    waiting_since: float | None = None
    waited_seconds: float = 0.0
    measured_at: float = 0.0
    measured_bytes: int = 0

    def waited(self, now: float) -> float:
        """Return the seconds of all waits."""
        since = now if self.waiting_since is None else self.waiting_since
        return self.waited_seconds + now - since


class LargeRequests:
    """The large requests that are arriving at one process: with memory, or waiting for it."""

    def __init__(self, most_bytes: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._most_bytes = most_bytes
        self._clock = clock
        self._turns: dict[Peer, _Turn] = {}
        self._answering = 0
        self._is_short = False
        """True if a request whose next bytes have arrived waits for memory."""
        self.kept_bytes = 0
        """Bytes of all requests, small ones too, that are arriving or being answered."""

    def is_waiting(self, conn: Peer) -> bool:
        """Return whether the request waits for memory; then it is not read."""
        turn = self._turns.get(conn)
        return turn is not None and turn.waiting_since is not None

    def may_read_on(self, conn: Peer) -> bool:
        """Return whether there is memory for more of this request; if not, it waits from now on."""
        arrived = len(conn.incoming)
        if arrived < SMALL_REQUEST_BYTES:
            return True
        turn = self._turns.setdefault(conn, _Turn())
        if arrived < turn.granted_bytes or self._grants(conn, turn, behind=self._is_short):
            return True
        turn.waiting_since, self._is_short = self._clock(), True
        return False

    def forget(self, conn: Peer) -> None:
        """Free the memory that a request has not used, or end its wait."""
        self._turns.pop(conn, None)

    def begin_answer(self, conn: Peer) -> None:
        """Keep the bytes of a request that is being answered."""
        self.kept_bytes += len(conn.request)
        self._answering += len(conn.request) > SMALL_REQUEST_BYTES

    def end_answer(self, conn: Peer) -> None:
        """Free the bytes of a request that was answered."""
        self.kept_bytes -= len(conn.request)
        self._answering -= len(conn.request) > SMALL_REQUEST_BYTES

    def resumed(self) -> list[Peer]:
        """Return the waiting requests that have memory now, oldest first.

        A sender that has sent nothing more gets none: a silent one would keep it from others.
        """
        resumed = []
        self._is_short = False
        for conn, turn in self._turns.items():
            if turn.waiting_since is None or not conn.has_bytes():
                continue
            if self._grants(conn, turn, behind=self._is_short):
                resumed.append(conn)
            else:
                self._is_short = True
        return resumed

    def refusable(self) -> Peer | None:
        """Return a request to be refused: it waited too long, or keeps the memory from others."""
        now = self._clock()
        for conn, turn in self._turns.items():
            if turn.waiting_since is not None and turn.waited(now) >= WAIT_SECONDS:
                return conn
        if not self._is_short:
            return None
        granted = [each for each in self._turns.items() if each[1].waiting_since is None]
        slow = (conn for conn, turn in granted if self._is_slow(conn, turn, now))
        return next(slow, None) or (None if granted or self._answering else self._half_read())

    def _half_read(self) -> Peer | None:
        """Return the newest request that waits for more memory than it has.

        Without a length, such requests can hold all memory together and wait for each other.
        """
        held = (conn for conn, turn in reversed(self._turns.items()) if turn.granted_bytes)
        return next(held, None)

    def _grants(self, conn: Peer, turn: _Turn, *, behind: bool) -> bool:
        """Grant memory for the rest of a request, or for its next step, if there is enough.

        `behind` others that wait, a request with much to come waits too.
        """
        more_bytes = conn.incoming.missing_bytes or STEP_BYTES
        if behind and more_bytes > STEP_BYTES:
            return False
        if self.kept_bytes + self._promised_bytes() + more_bytes > self._most_bytes:
            return False
        now, arrived = self._clock(), len(conn.incoming)
        if turn.waiting_since is not None:
            conn.incoming.postpone(now - turn.waiting_since)
            turn.waited_seconds, turn.waiting_since = turn.waited(now), None
        turn.granted_bytes = arrived + more_bytes
        turn.measured_at, turn.measured_bytes = now, arrived
        conn.reads_large_pieces = True
        return True

    def _promised_bytes(self) -> int:
        """Return the bytes that were granted and have not arrived."""
        return sum(
            max(0, turn.granted_bytes - len(conn.incoming)) for conn, turn in self._turns.items()
        )

    def _is_slow(self, conn: Peer, turn: _Turn, now: float) -> bool:
        """Return whether too little arrived since the last measurement; measure from now on."""
        seconds, arrived = now - turn.measured_at, len(conn.incoming)
        if seconds < PACE_SECONDS:
            return False
        more_bytes = arrived - turn.measured_bytes
        turn.measured_at, turn.measured_bytes = now, arrived
        return more_bytes < seconds * PACE_BYTES_PER_SECOND
