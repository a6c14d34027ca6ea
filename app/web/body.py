"""Reading a request's body: whole, bounded, and honest about what did not come."""

from collections.abc import Iterator

import falcon
from falcon.typing import ReadableIO

from app.errors import TooLarge, Unreadable

DRAINED_BYTES = 8 * 1024 * 1024
"""How much of an oversize body is read away, so that its sender sees the answer and not a reset."""
_CHUNK = 64 * 1024


def read(request: falcon.Request, limit: int) -> bytes:
    """The body's bytes, chunked or not.

    Raises TooLarge beyond the limit, Unreadable if it broke off or less came than was announced.
    """
    announced = request.content_length
    stream = request.env["wsgi.input"]
    if announced is not None and announced > limit:
        _drain(stream, min(announced, DRAINED_BYTES))
        raise TooLarge(f"a body may have at most {limit} bytes")
    body = b"".join(_pieces(stream, limit + 1 if announced is None else announced))
    if len(body) > limit:
        _drain(stream, DRAINED_BYTES)
        raise TooLarge(f"a body may have at most {limit} bytes")
    if announced is not None and len(body) < announced:
        raise Unreadable(f"{announced} bytes were announced, {len(body)} came")
    return body


def _pieces(stream: ReadableIO, wanted: int) -> Iterator[bytes]:
    while wanted > 0:
        try:
            piece = stream.read(min(wanted, _CHUNK))
        except BlockingIOError as error:
            raise Unreadable("the body stopped coming") from error
        except Exception as error:  # broken chunks, a hung-up sender: each server's own errors
            raise Unreadable(f"the body broke off: {error}") from error
        if not piece:
            return
        wanted -= len(piece)
        yield piece


def _drain(stream: ReadableIO, at_most: int) -> None:
    for _ in _pieces(stream, at_most):
        pass
