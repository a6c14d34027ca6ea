"""A connection whose requests are read, and whose responses are sent, without waiting."""

import socket
from contextlib import suppress
from typing import Any

from gunicorn.workers.gthread import TConn

from app.cooperative import SMALL_REQUEST_BYTES
from app.server.buffered_reader import parser_of
from app.server.fast_parser import FastRequest
from app.server.framing import Progress
from app.server.incoming import IncomingRequest, Limits
from app.server.peer_socket import PeerSocket

LARGE_PIECE_BYTES = 262_144
"""Bytes that are read at a time of a request that is not small.

No more than the request still needs: bytes of the next one would take memory, and be copied.
"""
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class Peer(TConn):  # type: ignore[misc] # gunicorn has no types
    """gunicorn's connection, with the request that is arriving or being answered."""

    def __init__(self, cfg: Any, client: Any, address: Any, server: Any, limits: Limits) -> None:
        super().__init__(cfg, PeerSocket(client), address, server)
        self._limits = limits
        self.incoming = IncomingRequest(limits)
        self.reads_large_pieces = False
        """True once there is memory for the rest of a large request."""
        self.request = b""
        """The bytes of the request that is being answered."""
        self.rest = b""
        self.is_whole = False
        """True if the reader found the end of the request that is being answered."""
        self.fast_request: FastRequest | None = None
        self.keep = False
        """True if the connection is kept once the response is sent."""

    def receive(self) -> bytes | None:
        """Return the bytes that have arrived; none if the peer sends no more, None if none yet."""
        wanted = 0
        if self.reads_large_pieces:
            wanted = min(self.incoming.missing_bytes, LARGE_PIECE_BYTES)
        try:
            piece: bytes = self.sock.recv(max(wanted, SMALL_REQUEST_BYTES))
        except BlockingIOError:
            return None
        except OSError:
            return b""
        return piece

    def has_bytes(self) -> bool:
        """Return whether `receive` returns at once: bytes have arrived, or the peer has left."""
        try:
            self.sock.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return False
        except OSError:
            pass
        return True

    def add(self, piece: bytes) -> Progress:
        """Add the next bytes to the request; the sender that waits for it gets `100 Continue`."""
        progress = self.incoming.add(piece) if piece else Progress.UNUSUAL
        if progress is Progress.PARTIAL and self.incoming.awaits_continue:
            with suppress(OSError):  # the next read finds out that the peer has left
                self.sock.sendall(CONTINUE)
        return progress

    def begin_answer(self, progress: Progress) -> None:
        """Take the request out of what has arrived; `rest` is what came of the next one."""
        self.request, self.rest = self.incoming.take()
        self.is_whole = progress is Progress.WHOLE
        self.forget_request()
        self.parser = parser_of(self.request, self.cfg, self.client)

    def forget_request(self) -> None:
        """Free the memory of what has arrived; the connection may linger or be kept."""
        self.incoming = IncomingRequest(self._limits)
        self.reads_large_pieces = False

    def was_read_to_the_end(self) -> bool:
        """Return whether the parser found the request's end where the reader did."""
        reader = self.parser.unreader
        try:
            is_read = bool(self.parser.finish_body())
        except Exception:  # broken chunks; the request has had its one response
            return False
        return is_read and not reader.ran_out and not reader.unread_bytes

    def end_answer(self) -> None:
        """Free the memory of the request."""
        self.request, self.fast_request, self.parser = b"", None, None

    def take_rest(self) -> bytes:
        """Return the bytes of the next request that came with the last one."""
        rest, self.rest = self.rest, b""
        return rest
