"""Close connections without waiting for their peers to close them too.

A closed connection lingers until its peer closes it or two seconds have passed. Bytes that the peer
sends meanwhile are read and thrown away: left unread, they would make the kernel discard our
response. https://www.rfc-editor.org/rfc/rfc9112#section-9.6
"""

import socket
import time
from collections import deque
from collections.abc import Callable
from functools import partial
from selectors import EVENT_READ, BaseSelector
from typing import Any

LINGER_SECONDS = 2.0
"""Seconds that a peer has to close its end."""
DRAINED_BYTES = 65_536
"""Bytes that are read and thrown away at a time."""


class LingeringClose:
    """The lingering connections of one poller; `close` is called for each in the end."""

    def __init__(self, poller: BaseSelector, close: Callable[[Any], object]) -> None:
        self._poller = poller
        self._close = close
        self.waiting: deque[Any] = deque()
        """The lingering connections, oldest first."""

    def add(self, conn: Any) -> None:
        """Send nothing more on the connection, and close it once its peer has or time is up."""
        try:
            conn.sock.setblocking(False)
            conn.sock.shutdown(socket.SHUT_WR)
        except OSError:
            self._close(conn)
            return
        conn.timeout = time.monotonic() + LINGER_SECONDS
        self.waiting.append(conn)
        self._poller.register(conn.sock, EVENT_READ, partial(self._drain, conn))

    def close_expired(self) -> None:
        """Close the connections whose peers had their time."""
        while self.waiting and self.waiting[0].timeout <= time.monotonic():
            self._finish(self.waiting[0])

    def _drain(self, conn: Any, client: Any) -> None:
        try:
            if client.recv(DRAINED_BYTES):
                return
        except BlockingIOError:
            return
        except OSError:
            pass  # the peer reset the connection
        self._finish(conn)

    def _finish(self, conn: Any) -> None:
        self.waiting.remove(conn)
        self._poller.unregister(conn.sock)
        self._close(conn)
