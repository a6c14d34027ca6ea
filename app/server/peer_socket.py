"""Send responses without waiting for their readers."""

import socket
import time
from typing import Any

from app.clock import Clock
from app.server.incoming import LEAST_BYTES_PER_SECOND


class PeerSocket:
    """A connection's socket that never blocks; bytes that the peer does not take yet are kept.

    A thread that waited for a slow reader would be held for as long as the reader likes. The
    polling thread sends the kept bytes when the peer takes them.
    """

    def __init__(self, sock: socket.socket, clock: Clock = time.monotonic) -> None:
        self._socket = sock
        self._clock = clock
        self._unsent = bytearray()
        self._sent = 0
        self._began = self._last = 0.0
        sock.setblocking(False)
        self.recv = sock.recv
        self.fileno = sock.fileno
        self.shutdown = sock.shutdown
        self.close = sock.close

    @property
    def unsent_bytes(self) -> int:
        """Return the number of kept bytes."""
        return len(self._unsent)

    def sendall(self, data: bytes) -> None:
        """Send what the peer takes at once, and keep the rest."""
        sent = 0 if self._unsent else self._send(data)
        if sent < len(data):
            if not self._unsent:
                self._began = self._last = self._clock()
                self._sent = 0
            self._unsent += memoryview(data)[sent:]

    def send(self, data: bytes) -> int:
        """Send or keep all the bytes; return their number."""
        self.sendall(data)
        return len(data)

    def send_kept(self) -> None:
        """Send kept bytes that the peer takes now; OSError if it has left."""
        sent = self._send(memoryview(self._unsent)[: 1 << 20])
        del self._unsent[:sent]
        self._sent += sent
        self._last = self._clock() if sent else self._last

    def is_late(self, now: float, seconds: float) -> bool:
        """Return whether the peer takes the kept bytes slower than it may."""
        until = self._began + seconds + self._sent / LEAST_BYTES_PER_SECOND
        return now >= min(until, self._last + seconds)

    def _send(self, data: bytes | memoryview) -> int:
        try:
            return self._socket.send(data)
        except BlockingIOError:
            return 0

    def setblocking(self, _flag: Any) -> None:
        """Do nothing: this socket never blocks."""

    settimeout = setblocking

    def gettimeout(self) -> float:
        """Return 0, as a socket does that never blocks."""
        return 0.0
