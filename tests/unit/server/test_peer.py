"""A connection is kept only if gunicorn's parser ends a request where our reader did."""

import socket
from collections.abc import Iterator

import pytest
from gunicorn.config import Config

from app.server.framing import Progress
from app.server.incoming import Limits
from app.server.peer import Peer

LIMITS = Limits(line_bytes=4_094, head_bytes=8_192, body_bytes=100_000, seconds=5.0)


@pytest.fixture
def conn() -> Iterator[Peer]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield Peer(Config(), ours, "", "", LIMITS)


def was_read_to_the_end(conn: Peer, head: str, body: bytes) -> bool:
    arrived = f"POST / HTTP/1.1\r\n{head}\r\n\r\n".encode() + body
    conn.begin_answer(conn.add(arrived))
    conn.parser.unreader._data = conn.request = arrived
    next(conn.parser)
    return conn.was_read_to_the_end()


@pytest.mark.parametrize(
    ("head", "body", "is_read"),
    [
        ("Content-Length: 2", b"ab", True),
        ("Content-Length: 2", b"abc", False),
        ("Content-Length: 2", b"a", False),
        ("Content-Length: 2", b"", False),
        ("Content-Length: 20000", b"a" * 19_999, False),
        ("Content-Length: 20000", b"a" * 20_000, True),
        ("Host: here", b"", True),
        ("Host: here", b"a", False),
        ("Transfer-Encoding: chunked", b"1\r\na\r\n0\r\n\r\n", True),
        ("Transfer-Encoding: chunked", b"1\r\na\r\n0\r\n\r\na", False),
        ("Transfer-Encoding: chunked", b"1\r\na\r\n0\r\n", False),
        ("Transfer-Encoding: chunked", b"1\r\na\r\n", False),
        ("Transfer-Encoding: chunked", b"1;=\r\na\r\n0\r\n\r\n", False),
    ],
)
def test_the_parser_reads_all_bytes_of_the_request_and_wants_no_more(
    conn: Peer, head: str, body: bytes, is_read: bool
) -> None:
    assert was_read_to_the_end(conn, head, body) is is_read


def test_only_a_request_with_a_known_end_is_whole(conn: Peer) -> None:
    conn.begin_answer(Progress.UNUSUAL)
    assert not conn.is_whole

    conn.begin_answer(Progress.WHOLE)

    assert conn.is_whole


def test_a_connection_that_cannot_be_read_has_no_more_bytes(conn: Peer) -> None:
    assert conn.receive() is None
    conn.sock.close()

    assert conn.receive() == b""
