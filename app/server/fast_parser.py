"""The plainest requests are read here; gunicorn's parser reads all that HTTP allows besides.

What is read here means exactly what gunicorn would have found in it, so that all that follows is
gunicorn's. What is unusual in any way is not read here at all.
"""

import io
import re
from enum import Enum
from typing import Any

from gunicorn.http.message import (
    DEFAULT_MAX_HEADERFIELD_SIZE,
    MAX_HEADERS,
    MAX_REQUEST_LINE,
    Request,
)

from app.cooperative import SMALL_REQUEST_BYTES

LONGEST_HEAD = min(MAX_REQUEST_LINE, DEFAULT_MAX_HEADERFIELD_SIZE)
"""No part of a head may be longer, whatever the operator allows."""
_REQUEST_LINE = re.compile(rb"POST (/[A-Za-z0-9_./~-]*) HTTP/1\.1\r\n")
# as RFC 9110 has them in 5.6.2 and 5.5, but no underscore: to WSGI it is the same as a hyphen
_FIELDS = re.compile(rb"(?:[A-Za-z0-9!#$%&'*+.^`|~-]+:[\t -~\x80-\xff]*\r\n)+")
_END = b"\r\n\r\n"
_ASK_FOR_MORE = frozenset({"TRANSFER-ENCODING", "EXPECT", "UPGRADE"})
_CONNECTIONS = frozenset({"keep-alive", "close"})

Headers = list[tuple[str, str]]


class Completeness(Enum):
    """How much of a request that can be answered in turn some bytes are."""

    WHOLE = "from its first byte to its last"
    BEGINNING = "the rest is yet to come"
    NONE = "something else, or there is a doubt: a thread reads it in gunicorn's own way"


def part_of_request(arrived: bytes, beginning: bytes) -> Completeness:
    """What these bytes are of one request that begins so, has a short body and says how short."""
    if not arrived or len(arrived) >= SMALL_REQUEST_BYTES or not _begins(arrived, beginning):
        return Completeness.NONE
    head, ended, body = arrived.partition(b"\r\n\r\n")
    if not ended:
        return Completeness.BEGINNING
    length = _announced(head.lower())
    if length is None or length < len(body):
        return Completeness.NONE
    return Completeness.WHOLE if length == len(body) else Completeness.BEGINNING


def _begins(arrived: bytes, beginning: bytes) -> bool:
    return arrived.startswith(beginning[: len(arrived)])


def _announced(head: bytes) -> int | None:
    """The length of the body, where nothing else is said of it."""
    if any(name in head for name in (b"\r\ntransfer-encoding", b"\r\nexpect", b"\r\nupgrade")):
        return None
    _before, named, after = head.partition(b"\r\ncontent-length:")
    if not named or b"\r\ncontent-length:" in after:
        return None
    length = after.partition(b"\r\n")[0].strip()
    short = len(length) <= len(str(SMALL_REQUEST_BYTES))
    return int(length) if short and length.isdigit() else None


class FastRequest(Request):  # type: ignore[misc] # gunicorn says nothing of its types
    """What gunicorn's parser makes of the same bytes."""

    def __init__(self, cfg: Any, peer: Any, target: str, headers: Headers, body: bytes) -> None:
        """gunicorn's own beginning is passed over: it would parse."""
        self.cfg = cfg
        self.peer_addr = self.remote_addr = peer
        self.method, self.version, self.scheme = "POST", (1, 1), "http"
        self.uri = self.path = target
        self.query = self.fragment = ""
        self.headers = headers
        self.trailers: Headers = []
        self.body = io.BytesIO(body)
        self.proxy_protocol_info = None
        self.must_close = self._expected_100_continue = False


class FastParser:
    """Reads what begins so, as a gunicorn with this configuration would."""

    def __init__(self, cfg: Any, beginning: bytes) -> None:
        self._cfg = cfg
        self._beginning = beginning
        self._reads = cfg.proxy_protocol == "off" and cfg.protocol == "http" and not cfg.is_ssl
        limits = (cfg.limit_request_line, cfg.limit_request_field_size)
        self._longest_head = min(LONGEST_HEAD, *(limit or LONGEST_HEAD for limit in limits))
        self._most_fields = cfg.limit_request_fields or MAX_HEADERS
        self._tell_scheme = cfg.secure_scheme_headers

    def read(self, arrived: bytes, peer: Any) -> FastRequest | None:
        """The one request that these bytes are, to their last; None where gunicorn must look."""
        line, end = _REQUEST_LINE.match(arrived), arrived.find(_END) + 2
        # where the whole head is short, no part of it is too long
        if line is None or not self._reads or not line.end() < end <= self._longest_head:
            return None
        if not arrived.startswith(self._beginning) or len(arrived) >= SMALL_REQUEST_BYTES:
            return None
        if not _FIELDS.fullmatch(arrived, line.end(), end):
            return None
        headers, body = _headers(arrived[line.end() : end - 2]), arrived[end + 2 :]
        named = dict(headers)
        if not len(named) == len(headers) <= self._most_fields or not _is_plain(named, body):
            return None
        request = FastRequest(self._cfg, peer, line[1].decode(), headers, body)
        said = self._tell_scheme.keys() & named.keys()
        if said and request._peer_is_trusted_proxy():
            (name, *others) = said
            if others:
                return None
            request.scheme = "https" if named[name] == self._tell_scheme[name] else "http"
        return request


def _headers(lines: bytes) -> Headers:
    parted = (line.partition(":") for line in lines.decode("latin-1").split("\r\n"))
    return [(name.upper(), value.strip(" \t")) for name, _, value in parted]


def _is_plain(named: dict[str, str], body: bytes) -> bool:
    """Whether nothing but an answer to this body is asked for."""
    return (
        named.get("CONTENT-LENGTH") == str(len(body))
        and _ASK_FOR_MORE.isdisjoint(named)
        and named.get("CONNECTION", "close").lower() in _CONNECTIONS
    )
