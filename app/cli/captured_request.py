"""Read an HTTP request from a file: request line, headers, an empty line, the body. Pure."""

import re
from dataclasses import dataclass

from app.errors import InvalidRequest

_HEAD_ENDS = re.compile(rb"\r?\n\r?\n")
_REQUEST_LINE = re.compile(r"([A-Z]+) (\S+)(?: HTTP/\d(?:\.\d)?)?")


@dataclass(frozen=True, slots=True)
class CapturedRequest:
    """A request as it was captured. `headers` has lower-case names."""

    method: str
    target: str
    """The path with its query, or the whole URL."""
    headers: dict[str, str]
    body: bytes
    note: str = ""
    """A sentence if the body differs from its Content-Length."""


def parse(content: bytes) -> CapturedRequest:
    """Return the request; raise InvalidRequest with a sentence for a file that holds none."""
    head, *rest = _HEAD_ENDS.split(content.lstrip(b"\r\n"), maxsplit=1)
    line, *lines = head.decode("latin-1").splitlines() or [""]
    request_line = _REQUEST_LINE.fullmatch(line.strip())
    if request_line is None:
        raise InvalidRequest(
            "the file must begin with a request line such as POST /hook HTTP/1.1, then headers, "
            "an empty line and the body"
        )
    headers = _headers(lines)
    body, note = _body(rest[0] if rest else b"", headers)
    return CapturedRequest(request_line[1], request_line[2], headers, body, note)


def _headers(lines: list[str]) -> dict[str, str]:
    """Return the headers; of a repeated name the values are joined, as a server does."""
    headers: dict[str, str] = {}
    for number, line in enumerate(lines, 2):
        name, colon, value = line.partition(":")
        if not colon or not name.strip():
            raise InvalidRequest(f"line {number} of the file is not a header such as Name: value")
        key = name.strip().lower()
        headers[key] = ",".join(filter(None, [headers.get(key), value.strip()]))
    return headers


def _body(body: bytes, headers: dict[str, str]) -> tuple[bytes, str]:
    """Return the body up to its Content-Length; an editor adds a line feed that was not sent."""
    text = headers.get("content-length", "")
    if not (text.isascii() and text.isdigit()) or int(text) == len(body):
        return body, ""
    length = int(text)
    if length < len(body):
        return body[:length], f"of {len(body)} bytes the first {length} are used: Content-Length"
    return body, f"the file has {len(body)} bytes of body, Content-Length says {length}"
