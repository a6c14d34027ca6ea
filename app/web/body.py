"""Read a request body completely, up to a limit; hold the body of the usual response."""

import json
from collections.abc import Iterator
from contextlib import suppress

import falcon
from falcon.typing import ReadableIO

from app.errors import TooLarge, Unreadable
from app.intake.message import OK

DRAINED_BYTES = 8 * 1024 * 1024
"""Bytes of an oversize body that are read and discarded.

A sender whose body is not read sees a connection reset instead of the 413.
"""
OK_BODY = json.dumps(OK.body).encode()
"""Body of nearly every response to a webhook, which Falcon would otherwise encode for each."""
_CHUNK = 64 * 1024
_encode = json.JSONEncoder(ensure_ascii=False).encode


def read(request: falcon.Request, limit: int) -> bytes:
    """Return the body's bytes, sent chunked or with a Content-Length.

    Raises TooLarge beyond the limit, Unreadable if the body is shorter than its Content-Length or
    its transfer broke off.
    """
    content_length = request.content_length
    stream = request.env["wsgi.input"]
    if content_length is not None and content_length > limit:
        _drain(stream, min(content_length, DRAINED_BYTES))
        raise TooLarge(f"the body must not exceed {limit} bytes")
    body = b"".join(_chunks(stream, limit + 1 if content_length is None else content_length))
    if len(body) > limit:
        _drain(stream, DRAINED_BYTES)
        raise TooLarge(f"the body must not exceed {limit} bytes")
    if content_length is not None and len(body) < content_length:
        raise Unreadable(f"Content-Length is {content_length}, but {len(body)} bytes were received")
    return body


def _chunks(stream: ReadableIO, wanted: int) -> Iterator[bytes]:
    while wanted > 0:
        try:
            chunk = stream.read(min(wanted, _CHUNK))
        except BlockingIOError as error:
            raise Unreadable("the body was not received in time") from error
        except Exception as error:  # broken chunks, a closed connection: each server's own errors
            raise Unreadable(f"the transfer of the body broke off: {error}") from error
        if not chunk:
            return
        wanted -= len(chunk)
        yield chunk


def _drain(stream: ReadableIO, at_most: int) -> None:
    """Discard the rest; our server reads no further than the limit, and drains by itself."""
    with suppress(Unreadable):
        for _ in _chunks(stream, at_most):
            pass


def json_bytes(value: object) -> bytes:
    """Return the value in JSON; in ASCII if it has half a character (a lone surrogate).

    An event may name one as `\\ud800`, and UTF-8 has no bytes for it.
    """
    try:
        return _encode(value).encode()
    except UnicodeEncodeError:
        return json.dumps(value).encode()


def text_bytes(text: str) -> bytes:
    """Return the text in UTF-8, half a character in it as the escape that JSON has for it."""
    return text.encode("utf-8", "backslashreplace")
