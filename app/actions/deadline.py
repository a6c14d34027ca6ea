"""A call's deadline, and a socket whose every wait ends with it."""

import io
import socket
import ssl
import struct
import time
from contextlib import suppress
from contextvars import ContextVar
from typing import Any

WAIT_SECONDS = 0.5
"""How long one wait lasts at most: a signal has the kernel begin it anew."""
GATHERED_BYTES = 64 * 1024
"""How much of a request is sent by one call at most."""

deadline: ContextVar[float] = ContextVar("deadline")
"""Of the call that this thread makes, by the monotonic clock."""


def remaining() -> float:
    """Seconds until the deadline; raises TimeoutError once it has passed."""
    seconds = deadline.get() - time.monotonic()
    if seconds <= 0:
        raise TimeoutError("timed out")
    return seconds


class DeadlineSocket:
    """A socket whose every wait ends with the request's deadline.

    A time-out of the socket's own begins anew with each byte, so a target that sends one now and
    then would be waited for without end. The kernel keeps the time where it can: Python would ask
    it three times for each wait, and let go of the interpreter each time.
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
        """Each wait has its own."""

    def sendall(self, data: Any) -> None:
        """Head and body in one packet: what is short goes out when the answer is asked for."""
        self._unsent += data
        if len(self._unsent) > GATHERED_BYTES:
            self._send()

    def makefile(self, mode: str, *_args: Any, **_kwargs: Any) -> io.BufferedReader:
        with suppress(BrokenPipeError, ConnectionResetError):  # it may have answered before
            self._send()
        return io.BufferedReader(_Reading(self, self._sock.makefile(mode, buffering=0)))

    def wait_no_longer(self, option: int) -> None:
        """The next wait, one of this option of SOL_SOCKET, ends in time, if with nothing.

        Raises TimeoutError when there is no time left.
        """
        left = remaining()
        if self._by_kernel:
            some = _timeval(min(left, WAIT_SECONDS))
            self._sock.setsockopt(socket.SOL_SOCKET, option, some)
        else:
            self._sock.settimeout(left)

    def _send(self) -> None:
        rest, self._unsent = memoryview(self._unsent), bytearray()
        while rest:
            self.wait_no_longer(socket.SO_SNDTIMEO)
            with suppress(BlockingIOError):
                rest = rest[self._sock.send(rest) :]


class _Reading(io.RawIOBase):
    def __init__(self, sock: DeadlineSocket, raw: Any) -> None:
        self._sock = sock
        self._raw = raw

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        count = None
        while count is None:  # as a raw file says that there was nothing
            self._sock.wait_no_longer(socket.SO_RCVTIMEO)
            count = self._raw.readinto(buffer)
        return int(count)

    def close(self) -> None:
        self._raw.close()
        super().close()


def _timeval(seconds: float) -> bytes:
    """As C has it; nothing at all would mean for ever."""
    whole, millionths = divmod(max(1, int(seconds * 1_000_000)), 1_000_000)
    return struct.pack("@ll", whole, millionths)
