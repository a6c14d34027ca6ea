"""Give gunicorn's parser the bytes of one request that has arrived, and never wait for more."""

from typing import Any

from gunicorn.http.parser import RequestParser
from gunicorn.http.unreader import Unreader

PIECE_BYTES = 8_192
"""Bytes that the parser gets at a time, unless it asks for more: it copies the rest of a piece."""


class BufferedReader(Unreader):  # type: ignore[misc] # gunicorn has no types
    """A reader of these bytes alone; the parser puts back only bytes that it has just read."""

    def __init__(self, data: bytes) -> None:
        super().__init__()
        self._data = data
        self._at = 0
        self.ran_out = False
        """True once the parser wanted more bytes of a body than there are."""

    @property
    def unread_bytes(self) -> int:
        """Return the number of bytes that have not been read."""
        return len(self._data) - self._at

    def read(self, size: int | None = None, read_ahead: int | None = None) -> bytes:
        """Return `size` bytes, or a piece; fewer, or none, once the bytes end."""
        if size is None or size < 0:
            piece = self._data[self._at : self._at + max(PIECE_BYTES, read_ahead or 0)]
        else:
            piece = self._data[self._at : self._at + size]
            self.ran_out = self.ran_out or len(piece) < size
        self._at += len(piece)
        return piece

    def unread(self, data: bytes) -> None:
        """Go back by so many bytes."""
        self._at -= len(data)

    def take_buffered(self) -> bytes:
        """Return all bytes that have not been read."""
        return self.read(self.unread_bytes)


def parser_of(request: bytes, cfg: Any, peer: Any) -> Any:
    """Return gunicorn's parser of exactly these bytes."""
    parser = RequestParser(cfg, (), peer)
    parser.unreader = BufferedReader(request)
    return parser
