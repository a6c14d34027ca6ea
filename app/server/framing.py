"""Find where a request ends, without judging it: gunicorn's parser reads the same bytes again.

Both read by the same rules, so they find the same end. Should they ever differ, the parser gets no
more than the bytes found here, and a connection with bytes left over is closed.
https://www.rfc-editor.org/rfc/rfc9112#section-6.3
"""

import string
from dataclasses import dataclass
from enum import Enum

LONGEST_SIZE_LINE = 8_190
"""Bytes of the longest line that gives a chunk's size, as gunicorn's parser has it."""
LONGEST_LENGTH = 18
"""Digits of the longest Content-Length that is read as a number; a longer one is too large."""
FRAMING_BYTES = 65_536
"""Bytes that the framing of a chunked body may take besides as many as the body has.

Each chunk costs time: a body in chunks of one byte took the parser three seconds.
"""
_HEX_DIGITS = frozenset(string.hexdigits.encode())
_END = b"\r\n\r\n"


class Progress(Enum):
    """The part of a request that has arrived."""

    PARTIAL = "the rest is awaited"
    WHOLE = "all of it, from its first byte to its last"
    UNUSUAL = "bytes that gunicorn's parser refuses, or a body that the application refuses"
    LARGE_HEAD = "more bytes than a head may have"


@dataclass(frozen=True, slots=True)
class Framing:
    """The end of a request's body, as its head says."""

    length: int | None
    """Bytes of the body; None if it is sent in chunks."""
    expects_continue: bool


def read_framing(head: bytes) -> Framing | None:
    """Return the framing that this head gives; None if it is doubtful."""
    lengths: list[bytes] = []
    codings: list[bytes] = []
    expectations: list[bytes] = []
    fields = {b"content-length": lengths, b"transfer-encoding": codings, b"expect": expectations}
    request_line, *lines = head.removeprefix(b"\r\n").split(b"\r\n")
    for line in lines:
        name, _, value = line.partition(b":")
        # gunicorn refuses spaces before the colon, or ignores them (--strip-header-spaces)
        if (values := fields.get(name.rstrip(b" \t").lower())) is not None:
            values.append(value.strip(b" \t").lower())
    if expectations not in ([], [b"100-continue"]) or len(lengths) + len(codings) > 1:
        return None
    # https://www.rfc-editor.org/rfc/rfc9110#section-10.1.1, HTTP/1.0 has no `100 Continue`
    expects_continue = bool(expectations) and not request_line.endswith(b"HTTP/1.0")
    if codings:
        last = codings[0].rpartition(b",")[2].strip(b" \t")
        return Framing(None, expects_continue) if last == b"chunked" else None
    length = _length(lengths[0]) if lengths else 0
    return None if length is None else Framing(length, expects_continue)


def _length(digits: bytes) -> int | None:
    return int(digits) if digits.isdigit() and len(digits) <= LONGEST_LENGTH else None


class ChunkedBody:
    """The chunks of a body that have arrived."""

    def __init__(self, start: int, most_bytes: int, most_trailer_bytes: int) -> None:
        """Look for chunks from `start`; a body of more than `most_bytes` is unusual."""
        self._start = self._at = start
        self._most_bytes = most_bytes
        self._most_trailer_bytes = most_trailer_bytes
        self._body_bytes = 0
        self._in_trailers = False
        self.end = 0
        """The position behind the body once it is whole."""

    def progress(self, arrived: bytearray) -> Progress:
        """Return how much of the body has arrived."""
        while not self._in_trailers:
            verdict = self._next_chunk(arrived)
            if verdict is not None:
                return verdict
        self.end = arrived.find(_END, self._at) + len(_END)
        if self.end >= len(_END):
            return Progress.WHOLE
        too_long = len(arrived) - self._at > self._most_trailer_bytes
        return Progress.UNUSUAL if too_long else Progress.PARTIAL

    def _next_chunk(self, arrived: bytearray) -> Progress | None:
        """Go to the next chunk; return a verdict if there is no whole one."""
        line_end = arrived.find(b"\r\n", self._at, self._at + LONGEST_SIZE_LINE)
        if line_end < 0:
            too_long = len(arrived) - self._at >= LONGEST_SIZE_LINE
            return Progress.UNUSUAL if too_long else Progress.PARTIAL
        size = _chunk_size(bytes(arrived[self._at : line_end]))
        if size is None or self._is_too_much(min(size, len(arrived) - line_end - 2), line_end):
            return Progress.UNUSUAL
        if size == 0:
            self._at, self._in_trailers = line_end, True
            return None
        after = line_end + 2 + size + 2
        if len(arrived) < after:
            return Progress.PARTIAL
        if arrived[after - 2 : after] != b"\r\n":
            return Progress.UNUSUAL
        self._at, self._body_bytes = after, self._body_bytes + size
        return None

    def _is_too_much(self, more_bytes: int, line_end: int) -> bool:
        """Return whether the body is too large by what has arrived, so that all can see it."""
        framing_bytes = line_end - self._start - self._body_bytes
        body_bytes = self._body_bytes + more_bytes
        return body_bytes > self._most_bytes or framing_bytes > body_bytes + FRAMING_BYTES


def _chunk_size(line: bytes) -> int | None:
    digits, extension, _ = line.partition(b";")
    if extension:
        digits = digits.rstrip(b" \t")
    is_size = 0 < len(digits) <= 16 and _HEX_DIGITS.issuperset(digits)
    return int(digits, 16) if is_size else None
