"""Parse the most ordinary requests; gunicorn's parser reads everything else that HTTP allows.

A request that is parsed here means exactly what gunicorn would have found in it, so the rest of
gunicorn can work with it. A request that is unusual in any way is not parsed here at all.
"""

import io
import re
from typing import Any

from gunicorn.http.message import (
    DEFAULT_MAX_HEADERFIELD_SIZE,
    MAX_HEADERS,
    MAX_REQUEST_LINE,
    Request,
)

from app.cooperative import SMALL_REQUEST_BYTES

LONGEST_HEAD = min(MAX_REQUEST_LINE, DEFAULT_MAX_HEADERFIELD_SIZE)
"""Bytes of the longest head that is parsed here, even if the operator allows longer ones."""
_REQUEST_LINE = re.compile(rb"POST (/[A-Za-z0-9_./~-]*) HTTP/1\.1\r\n")
# as RFC 9110 has them in 5.6.2 and 5.5, but no underscore: to WSGI it is the same as a hyphen
_FIELDS = re.compile(rb"(?:[A-Za-z0-9!#$%&'*+.^`|~-]+:[\t -~\x80-\xff]*\r\n)+")
_END = b"\r\n\r\n"
_NEED_MORE_THAN_A_RESPONSE = frozenset({"TRANSFER-ENCODING", "EXPECT", "UPGRADE"})
_CONNECTIONS = frozenset({"keep-alive", "close"})

Headers = list[tuple[str, str]]


class FastRequest(Request):  # type: ignore[misc] # gunicorn has no types
    """The request object that gunicorn's parser would make of the same bytes."""

    def __init__(self, cfg: Any, peer: Any, target: str, headers: Headers, body: bytes) -> None:
        """Set gunicorn's attributes without calling its own `__init__`, which would parse."""
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

    def should_close(self) -> bool:
        """Return whether the sender, or the server, wants the connection closed."""
        return self.must_close


class FastParser:
    """A parser of requests with one prefix, under one configuration of gunicorn."""

    def __init__(self, cfg: Any, prefix: bytes) -> None:
        self._cfg = cfg
        self._prefix = prefix
        self._is_enabled = cfg.proxy_protocol == "off" and cfg.protocol == "http" and not cfg.is_ssl
        limits = (cfg.limit_request_line, cfg.limit_request_field_size)
        self._longest_head = min(LONGEST_HEAD, *(limit or LONGEST_HEAD for limit in limits))
        self._most_fields = cfg.limit_request_fields or MAX_HEADERS
        self._scheme_headers = cfg.secure_scheme_headers

    def read(self, arrived: bytes, peer: Any) -> FastRequest | None:
        """Return the one request that all these bytes are; None if gunicorn must parse them."""
        line, end = _REQUEST_LINE.match(arrived), arrived.find(_END) + 2
        # where the whole head is short, no part of it is too long
        if line is None or not self._is_enabled or not line.end() < end <= self._longest_head:
            return None
        if not arrived.startswith(self._prefix) or len(arrived) >= SMALL_REQUEST_BYTES:
            return None
        if not _FIELDS.fullmatch(arrived, line.end(), end):
            return None
        headers, body = _headers(arrived[line.end() : end - 2]), arrived[end + 2 :]
        by_name = dict(headers)
        if not len(by_name) == len(headers) <= self._most_fields or not _is_usual(by_name, body):
            return None
        request = FastRequest(self._cfg, peer, line[1].decode(), headers, body)
        request.must_close = by_name.get("CONNECTION", "").lower() == "close"
        scheme_headers = self._scheme_headers.keys() & by_name.keys()
        if scheme_headers and request._peer_is_trusted_proxy():
            (name, *others) = scheme_headers
            if others:
                return None
            request.scheme = "https" if by_name[name] == self._scheme_headers[name] else "http"
        return request


def _headers(lines: bytes) -> Headers:
    fields = (line.partition(":") for line in lines.decode("latin-1").split("\r\n"))
    return [(name.upper(), value.strip(" \t")) for name, _, value in fields]


def _is_usual(headers: dict[str, str], body: bytes) -> bool:
    """Return whether the headers frame this body and ask for nothing but a response."""
    return (
        headers.get("CONTENT-LENGTH") == str(len(body))
        and _NEED_MORE_THAN_A_RESPONSE.isdisjoint(headers)
        and headers.get("CONNECTION", "close").lower() in _CONNECTIONS
    )
