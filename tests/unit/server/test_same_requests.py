"""No bytes become a request that gunicorn alone would not find in the same stream."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from gunicorn.config import Config
from gunicorn.http.errors import NoMoreData, ParseException
from gunicorn.http.parser import RequestParser
from hypothesis import given, settings
from hypothesis import strategies as st

from app.server.framing import Progress
from app.server.incoming import Limits
from app.server.peer import Peer

LIMITS = Limits(line_bytes=4_094, head_bytes=8_192, body_bytes=1_000, seconds=5.0)
CLIENT = ("127.0.0.1", 1)
Found = tuple[str, str, bytes | None]
"""Method, target and body of a request; None is a broken body."""
BROKEN = (ParseException, NoMoreData)

LINES = (
    *[b"POST /a HTTP/1.1", b"GET /b HTTP/1.1"] * 4,
    b"GET /c HTTP/1.0",
    b"CONNECT a:80 HTTP/1.1",
    b"\r\nGET /d HTTP/1.1",
    b"\r\n\r\nGET /e HTTP/1.1",
    b"GET /f\nHTTP/1.1",
)
HEADERS = (
    *[b"Content-Length: 2", b"Transfer-Encoding: chunked", b"Content-Length: 18"] * 4,
    b"Content-Length: 0",
    b"Content-Length: 1",
    b"Content-Length:\t2 ",
    b"Content-Length : 2",
    b"Content-Length: +2",
    b"Content-Length: 2, 2",
    b"Content-Length: " + b"0" * 20 + b"2",
    b"Content-Length: 1001",
    b"Content_Length: 1",
    b" Content-Length: 2",
    b"Transfer-Encoding: identity, chunked",
    b"Transfer-Encoding: gzip, chunked",
    b"Transfer-Encoding: chunked, chunked",
    b"Transfer-Encoding: \x0bchunked",
    b"Transfer-Encoding : chunked",
    b"Transfer-Encoding: chunked;a",
    b"Expect: 100-continue",
    b"Expect: other",
    b"Connection: close",
    b"X: a\nContent-Length: 2",
    b"X: a\rContent-Length: 2",
)
BODIES = (
    *[b"", b"{}", b"2\r\n{}\r\n0\r\n\r\n", b"GET /h HTTP/1.1\r\n\r\n"] * 3,
    b"12\r\nGET /h HTTP/1.1\r\n\r\n\r\n0\r\n\r\n",
    b"2;a=b\r\n{}\r\n0;c\r\nX: b\r\n\r\n",
    b"2;=\r\n{}\r\n0\r\n\r\n",
    b"2;a\nb\r\n{}\r\n0\r\n\r\n",
    b"0" * 20 + b"2\r\n{}\r\n0\r\n\r\n",
    b"2 \r\n{}\r\n0\r\n\r\n",
    b"3\r\n{}\r\n0\r\n\r\n",
    b"1\r\n{}\r\n0\r\n\r\n",
    b"2\r\n{}0\r\n\r\n",
    b"2\n{}\n0\n\n",
    b"0\r\nContent-Length: 1\r\n\r\n",
    b"0\r\nX : b\r\n\r\n",
    b"zz\r\n",
)
REQUESTS = st.builds(
    lambda line, headers, body: [b"\r\n".join([line, *headers, b"", b""]), body],
    st.sampled_from(LINES),
    st.lists(st.sampled_from(HEADERS), max_size=2),
    st.sampled_from(BODIES),
)
"""Heads and bodies."""


class Socket:
    """A socket of a peer that reads nothing and has sent all it will."""

    def setblocking(self, _flag: bool) -> None: ...

    recv = fileno = shutdown = close = setblocking

    def send(self, data: bytes) -> int:
        return len(data)


def next_request(parser: Any) -> tuple[Found, Any] | None:
    """Return the next request that gunicorn finds, as an application would read it."""
    try:
        request = next(parser)
    except (*BROKEN, StopIteration):
        return None
    try:
        return (request.method, request.uri, request.body.read()), request
    except BROKEN:
        return (request.method, request.uri, None), request


def by_gunicorn(stream: bytes) -> Iterator[Found]:
    parser = RequestParser(Config(), [stream], CLIENT)
    while found := next_request(parser):
        yield found[0]


def by_us(pieces: list[bytes]) -> Iterator[Found]:
    """Yield the requests of the connection as the worker reads them.

    Of one whose end the reader does not find, and after which it reads no other, the body is left
    out: gunicorn would wait for all of it.
    """
    conn = Peer(Config(), Socket(), CLIENT, ("127.0.0.1", 80), LIMITS)
    pieces = [*pieces, b""]
    while pieces:
        progress = conn.add(pieces.pop(0))
        if progress is Progress.PARTIAL:
            continue
        conn.begin_answer(progress)
        found = next_request(conn.parser)
        if found is None:
            return
        method, target, body = found[0]
        yield method, target, body if conn.is_whole else b"not waited for"
        if not conn.is_whole or found[1].should_close() or not conn.was_read_to_the_end():
            return
        if rest := conn.take_rest():
            pieces.insert(0, rest)


@settings(max_examples=400, deadline=None)
@given(
    requests=st.lists(REQUESTS, min_size=1, max_size=3),
    cuts=st.none() | st.lists(st.integers(0, 200), max_size=4),
)
def test_all_requests_are_found_by_gunicorn_too(
    requests: list[list[bytes]], cuts: list[int] | None
) -> None:
    pieces = [piece for request in requests for piece in request if piece]
    stream = b"".join(pieces)
    if cuts is not None:
        ends = sorted({0, *(min(cut, len(stream)) for cut in cuts), len(stream)})
        pieces = [stream[start:end] for start, end in pairwise(ends)]
    ours = list(by_us(pieces))

    theirs = list(by_gunicorn(stream))[: len(ours)]
    if ours and ours[-1][2] == b"not waited for":
        theirs[-1] = (*theirs[-1][:2], b"not waited for")
    assert ours == theirs
