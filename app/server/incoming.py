"""Collect the bytes of one request until it is whole, within limits of size and time."""

import time
from dataclasses import dataclass

from app.clock import Clock
from app.server.framing import ChunkedBody, Framing, Progress, read_framing

LEAST_BYTES_PER_SECOND = 1_024
"""Bytes that a sender must send in each second on average, once its first seconds are over."""
_END = b"\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of a request."""

    line_bytes: int
    head_bytes: int
    body_bytes: int
    seconds: float
    """Seconds for the whole head, and for a pause within the body."""


class IncomingRequest:
    """The bytes of a connection's next request that have arrived."""

    def __init__(self, limits: Limits, clock: Clock = time.monotonic) -> None:
        self._limits = limits
        self._clock = clock
        self._arrived = bytearray()
        self._searched = 0
        self._end = 0
        self._framing: Framing | None = None
        self._chunks: ChunkedBody | None = None
        self._began = self._last = 0.0

    def __len__(self) -> int:
        return len(self._arrived)

    def add(self, piece: bytes) -> Progress:
        """Add the next bytes; return how much of the request has arrived."""
        self._last = self._clock()
        self._began = self._began or self._last
        self._arrived += piece
        if self._framing is None:
            progress = self._find_head()
            if self._framing is None:
                return progress
        return self._find_end(self._framing)

    def take(self) -> tuple[bytes, bytes]:
        """Return the bytes of the request (all if its end is unknown), and those after it."""
        arrived, end = bytes(self._arrived), self._end
        return (arrived[:end], arrived[end:]) if end else (arrived, b"")

    @property
    def missing_bytes(self) -> int:
        """Return the number of bytes that the body still needs; 0 if it is not known."""
        length = (self._framing and self._framing.length) or 0
        return max(0, self._searched + length - len(self._arrived)) if length else 0

    @property
    def awaits_continue(self) -> bool:
        """Return whether the sender waits for `100 Continue` before it sends the body."""
        expected = self._framing is not None and self._framing.expects_continue
        return expected and len(self._arrived) == self._searched

    def is_late(self, now: float) -> bool:
        """Return whether the sender took longer than it may."""
        seconds = self._limits.seconds
        if self._framing is None:
            return now - self._began >= seconds
        until = self._began + seconds + len(self._arrived) / LEAST_BYTES_PER_SECOND
        return now >= min(until, self._last + seconds)

    def postpone(self, seconds: float) -> None:
        """Grant the sender the time for which we did not read its request."""
        self._began += seconds
        self._last += seconds

    def _find_head(self) -> Progress:
        """Look for the end of the head, from where the last look ended."""
        arrived, searched = self._arrived, self._searched
        end = arrived.find(_END, max(0, searched - len(_END) + 1)) + len(_END)
        self._searched = len(arrived)
        if end < len(_END):
            return self._unfinished_head(searched)
        if end > self._limits.head_bytes:
            return Progress.LARGE_HEAD
        self._searched = end
        self._framing = read_framing(bytes(arrived[: end - len(_END)]))
        return Progress.UNUSUAL if self._framing is None else Progress.WHOLE

    def _unfinished_head(self, searched: int) -> Progress:
        """Look at the bytes behind `searched` for what gunicorn's parser refuses at once."""
        arrived, limits = self._arrived, self._limits
        line_end = limits.line_bytes + 4
        if len(arrived) > line_end and arrived.find(b"\r\n", 2, line_end) < 0:
            return Progress.UNUSUAL
        if arrived.count(b"\n", searched) != arrived.count(b"\r\n", max(0, searched - 1)):
            return Progress.UNUSUAL
        return Progress.LARGE_HEAD if len(arrived) > limits.head_bytes else Progress.PARTIAL

    def _find_end(self, framing: Framing) -> Progress:
        """Look for the end of the body; the head ends at `_searched`."""
        if framing.length is None:
            return self._find_last_chunk()
        if framing.length > self._limits.body_bytes:
            return Progress.UNUSUAL
        end = self._searched + framing.length
        if len(self._arrived) < end:
            return Progress.PARTIAL
        self._end = end
        return Progress.WHOLE

    def _find_last_chunk(self) -> Progress:
        limits = self._limits
        self._chunks = self._chunks or ChunkedBody(
            self._searched, limits.body_bytes, limits.head_bytes
        )
        progress = self._chunks.progress(self._arrived)
        self._end = self._chunks.end if progress is Progress.WHOLE else 0
        return progress
