"""Read requests as their bytes arrive, without a thread, within limits of time and memory."""

import time
from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from selectors import EVENT_READ, BaseSelector
from typing import Any

from app.cooperative import SMALL_REQUEST_BYTES
from app.server.framing import Progress
from app.server.incoming import Limits
from app.server.peer import Peer

BUFFERED_BYTES = 67_108_864
"""Bytes of requests that one process keeps, whether they are arriving or being answered."""

Answer = Callable[[Peer, Progress], object]
Refuse = Callable[[Peer, HTTPStatus], object]


class RequestReader:
    """The requests that are arriving at one poller.

    `answer` is called with each request that has arrived, `refuse` with each that will not.
    """

    def __init__(self, poller: BaseSelector, limits: Limits, answer: Answer, refuse: Refuse):
        self._poller = poller
        self._answer = answer
        self._refuse = refuse
        self._most_bytes = max(BUFFERED_BYTES, 2 * limits.body_bytes)
        self._arriving: dict[Peer, None] = {}
        self._kept_bytes = 0

    def begin(self, conn: Peer, piece: bytes) -> None:
        """Read a request that begins with these bytes; the poller does not know its connection."""
        progress = conn.add(piece)
        if progress is not Progress.PARTIAL:
            self._finish(conn, progress)
            return
        self._arriving[conn] = None
        self._kept_bytes += len(conn.incoming)
        self._poller.register(conn.sock, EVENT_READ, partial(self._read, conn))

    def release(self, conn: Peer) -> None:
        """Free the memory of a request that was answered."""
        self._kept_bytes -= len(conn.request)
        conn.end_answer()

    def oldest(self) -> Peer | None:
        """Return the connection whose request began first, and forget it; None if there is none."""
        conn = next(iter(self._arriving), None)
        if conn is not None:
            self._stop(conn)
        return conn

    def refuse_late(self) -> None:
        """Refuse the requests that took longer to arrive than they may."""
        now = time.monotonic()
        for conn in [each for each in self._arriving if each.incoming.is_late(now)]:
            self._stop(conn)
            self._refuse(conn, HTTPStatus.REQUEST_TIMEOUT)

    def _read(self, conn: Peer, _client: Any) -> None:
        piece = conn.receive()
        if piece is None:
            return
        self._kept_bytes += len(piece)
        progress = conn.add(piece)
        if progress is not Progress.PARTIAL:
            self._stop(conn)
            self._finish(conn, progress)
        elif len(conn.incoming) > SMALL_REQUEST_BYTES:
            self._has_memory_for(0)

    def _finish(self, conn: Peer, progress: Progress) -> None:
        arrived = len(conn.incoming)
        if progress is Progress.LARGE_HEAD:
            self._refuse(conn, HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
        elif arrived > SMALL_REQUEST_BYTES and not self._has_memory_for(arrived):
            self._refuse(conn, HTTPStatus.SERVICE_UNAVAILABLE)
        else:
            conn.begin_answer(progress)
            self._kept_bytes += len(conn.request)
            self._answer(conn, progress)

    def _has_memory_for(self, more_bytes: int) -> bool:
        """Refuse large requests while there is too little memory, the oldest unfinished first.

        Return whether there is enough at last.
        """
        while self._kept_bytes + more_bytes > self._most_bytes:
            large = (each for each in self._arriving if len(each.incoming) > SMALL_REQUEST_BYTES)
            oldest = next(large, None)
            if oldest is None:
                return False
            self._stop(oldest)
            self._refuse(oldest, HTTPStatus.SERVICE_UNAVAILABLE)
        return True

    def _stop(self, conn: Peer) -> None:
        self._poller.unregister(conn.sock)
        del self._arriving[conn]
        self._kept_bytes -= len(conn.incoming)
