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
from app.server.large_requests import LargeRequests
from app.server.peer import Peer

BUFFERED_BYTES = 67_108_864
"""Bytes of requests that one process keeps, whether they are arriving or being answered.

Two of the largest body if that is more. Large requests wait until there is memory for them."""

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
        self._arriving: dict[Peer, None] = {}
        self._large = LargeRequests(max(BUFFERED_BYTES, 2 * limits.body_bytes))

    def begin(self, conn: Peer, piece: bytes) -> None:
        """Read a request that begins with these bytes; the poller does not know its connection."""
        progress = conn.add(piece)
        if progress is not Progress.PARTIAL:
            self._finish(conn, progress)
            return
        self._arriving[conn] = None
        self._large.kept_bytes += len(conn.incoming)
        if self._large.may_read_on(conn):
            self._watch(conn)

    def release(self, conn: Peer) -> bool:
        """Free the memory of a request that was answered; return whether the request was large."""
        is_large = len(conn.request) > SMALL_REQUEST_BYTES
        if conn.request:
            self._large.end_answer(conn)
        conn.end_answer()
        if is_large:
            self._resume()
        return is_large

    def oldest(self) -> Peer | None:
        """Return the connection whose request began first, and forget it; None if there is none.

        One that waits for memory is the last to go: it does not wait for its peer.
        """
        conn = next(
            (each for each in self._arriving if not self._large.is_waiting(each)),
            next(iter(self._arriving), None),
        )
        if conn is not None:
            self._stop(conn)
        return conn

    def refuse_late(self) -> None:
        """Refuse the requests that took longer to arrive, or to get memory, than they may."""
        now = time.monotonic()
        for conn in [each for each in self._arriving if each.incoming.is_late(now)]:
            if not self._large.is_waiting(conn):
                self._stop(conn)
                self._refuse(conn, HTTPStatus.REQUEST_TIMEOUT)
        self._resume()
        while (kept := self._large.refusable()) is not None:
            self._stop(kept)
            self._refuse(kept, HTTPStatus.SERVICE_UNAVAILABLE)
            self._resume()

    def _resume(self) -> None:
        """Read on the requests that waited for memory and have it now."""
        for conn in self._large.resumed():
            self._watch(conn)

    def _watch(self, conn: Peer) -> None:
        self._poller.register(conn.sock, EVENT_READ, partial(self._read, conn))

    def _read(self, conn: Peer, _client: Any) -> None:
        piece = conn.receive()
        if piece is None:
            return
        self._large.kept_bytes += len(piece)
        progress = conn.add(piece)
        if progress is not Progress.PARTIAL:
            self._stop(conn)
            self._finish(conn, progress)
        elif not self._large.may_read_on(conn):
            self._poller.unregister(conn.sock)

    def _finish(self, conn: Peer, progress: Progress) -> None:
        if progress is Progress.LARGE_HEAD:
            self._refuse(conn, HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
            return
        conn.begin_answer(progress)
        self._large.begin_answer(conn)
        self._answer(conn, progress)

    def _stop(self, conn: Peer) -> None:
        if not self._large.is_waiting(conn):
            self._poller.unregister(conn.sock)
        self._large.forget(conn)
        del self._arriving[conn]
        self._large.kept_bytes -= len(conn.incoming)
