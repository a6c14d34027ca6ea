"""The deadline of a call, and a socket that keeps it."""

import io
import socket
import ssl
import struct
import time
from collections.abc import Callable
from contextlib import suppress
from contextvars import ContextVar
from typing import Any

WAIT_SECONDS = 0.5
"""Seconds of one wait at most: after a signal the kernel starts the wait again."""
GATHERED_BYTES = 64 * 1024
"""Bytes of a request that are collected before they are sent."""

deadline: ContextVar[float] = ContextVar("deadline")
"""The deadline of the call that this thread makes, by the monotonic clock."""


def _ignore() -> None:
    """Do nothing."""


on_send: ContextVar[Callable[[], None]] = ContextVar("on_send", default=_ignore)
"""Function that is called before bytes of this thread's call leave."""


def remaining() -> float:
    """Return the seconds until the deadline; raise TimeoutError once it has passed."""
    seconds = deadline.get() - time.monotonic()
    if seconds <= 0:
        raise TimeoutError("timed out")
    return seconds


class DeadlineSocket:
    """A socket that stops waiting at the request's deadline.

    A socket's own timeout starts again with each byte, so a target that sends one byte now and
    then would hold its slot without end. The kernel measures the time where it can: Python would
    make three system calls for each wait, and release the interpreter each time.
    """

    def __init__(self, sock: Any) -> None:
        self._sock = sock
        self._unsent = bytearray()
        self._by_kernel = not isinstance(sock, ssl.SSLSocket)
        if self._by_kernel:
            sock.settimeout(None)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)

    def settimeout(self, _seconds: float | None) -> None:
        """Do nothing: each wait sets its own timeout."""

    def sendall(self, data: Any) -> None:
        """Collect the data: a short head and body leave in one packet, before the first read."""
        self._unsent += data
        if len(self._unsent) > GATHERED_BYTES:
            self._send()

    def makefile(self, mode: str, *_args: Any, **_kwargs: Any) -> io.BufferedReader:
        # the target may have sent its response before it read the whole request
        with suppress(BrokenPipeError, ConnectionResetError):
            self._send()
        return io.BufferedReader(_RawReader(self, self._sock.makefile(mode, buffering=0)))

    def limit_next_wait(self, option: int) -> None:
        """Set the timeout of the next wait; `option` is SO_RCVTIMEO or SO_SNDTIMEO.

        Raises TimeoutError if no time is left.
        """
        left = remaining()
        if self._by_kernel:
            timeout = _timeval(min(left, WAIT_SECONDS))
            self._sock.setsockopt(socket.SOL_SOCKET, option, timeout)
        else:
            self._sock.settimeout(left)

    def _send(self) -> None:
        rest, self._unsent = memoryview(self._unsent), bytearray()
        on_send.get()()
        while rest:
            self.limit_next_wait(socket.SO_SNDTIMEO)
            with suppress(BlockingIOError):
                rest = rest[self._sock.send(rest) :]


class _RawReader(io.RawIOBase):
    def __init__(self, sock: DeadlineSocket, raw: Any) -> None:
        self._sock = sock
        self._raw = raw

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        count = None
        while count is None:  # None: nothing came before the timeout
            self._sock.limit_next_wait(socket.SO_RCVTIMEO)
            count = self._raw.readinto(buffer)
        return int(count)

    def close(self) -> None:
        self._raw.close()
        super().close()


def _timeval(seconds: float) -> bytes:
    """Return the struct timeval of C; at least a microsecond, since zero means no timeout."""
    whole, millionths = divmod(max(1, int(seconds * 1_000_000)), 1_000_000)
    return struct.pack("@ll", whole, millionths)
