"""Send what a peer did not take of its response at once, as it takes it, without a thread."""

import time
from collections.abc import Callable
from functools import partial
from selectors import EVENT_WRITE, BaseSelector
from typing import Any

from app.server.peer import Peer

Close = Callable[[Peer], object]


class ResponseSender:
    """The responses that are leaving one poller.

    `sent` is called with each connection whose response was sent, `close` with each whose peer has
    left or took longer than `seconds` for the next bytes.
    """

    def __init__(self, poller: BaseSelector, seconds: float, sent: Close, close: Close) -> None:
        self._poller = poller
        self._seconds = seconds
        self._sent = sent
        self._close = close
        self._leaving: dict[Peer, None] = {}

    def send(self, conn: Peer) -> None:
        """Send the rest of the response, of a connection that the poller does not know."""
        if not conn.sock.unsent_bytes:
            self._sent(conn)
            return
        self._poller.register(conn.sock, EVENT_WRITE, partial(self._continue, conn))
        self._leaving[conn] = None

    def oldest(self) -> Peer | None:
        """Return the connection whose response began first, and forget it; None if none waits."""
        conn = next(iter(self._leaving), None)
        if conn is not None:
            self._stop(conn)
        return conn

    def close_late(self) -> None:
        """Close the connections whose peers take their responses slower than they may."""
        now = time.monotonic()
        for conn in [each for each in self._leaving if each.sock.is_late(now, self._seconds)]:
            self._stop(conn)
            self._close(conn)

    def _continue(self, conn: Peer, _client: Any) -> None:
        try:
            conn.sock.send_kept()
        except OSError:
            self._stop(conn)
            self._close(conn)
            return
        if not conn.sock.unsent_bytes:
            self._stop(conn)
            self._sent(conn)

    def _stop(self, conn: Peer) -> None:
        self._poller.unregister(conn.sock)
        del self._leaving[conn]
