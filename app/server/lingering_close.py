"""Connections that we have closed, until their peers let go of them too.

What a peer still sends meanwhile is thrown away: left unread, it would have our answer thrown away.
https://www.rfc-editor.org/rfc/rfc9112#section-9.6
"""

import socket
import time
from collections import deque
from collections.abc import Callable
from functools import partial
from selectors import EVENT_READ, BaseSelector
from typing import Any

LINGER_SECONDS = 2.0
"""How long a peer has to let go."""
DRAINED_BYTES = 65_536
"""How much is read at once."""


class LingeringClose:
    """Those of one poller; `close` is called for each in the end."""

    def __init__(self, poller: BaseSelector, close: Callable[[Any], object]) -> None:
        self._poller = poller
        self._close = close
        self._waiting: deque[Any] = deque()

    def add(self, conn: Any) -> None:
        """Nothing more is sent on it, and nobody waits for its peer."""
        try:
            conn.sock.setblocking(False)
            conn.sock.shutdown(socket.SHUT_WR)
        except OSError:
            self._close(conn)
            return
        conn.timeout = time.monotonic() + LINGER_SECONDS
        self._waiting.append(conn)
        self._poller.register(conn.sock, EVENT_READ, partial(self._drain, conn))

    def give_up(self) -> None:
        """Let go of those whose peers had their time."""
        while self._waiting and self._waiting[0].timeout <= time.monotonic():
            self._let_go(self._waiting[0])

    def _drain(self, conn: Any, client: Any) -> None:
        try:
            if client.recv(DRAINED_BYTES):
                return
        except BlockingIOError:
            return
        except OSError:
            pass  # the peer is gone, in whatever way
        self._let_go(conn)

    def _let_go(self, conn: Any) -> None:
        self._waiting.remove(conn)
        self._poller.unregister(conn.sock)
        self._close(conn)
