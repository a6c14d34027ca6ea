"""Requests are read as they arrive; the oldest unfinished one is refused where room is short."""

import selectors
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from http import HTTPStatus

import pytest
from gunicorn.config import Config

from app.server import request_reader
from app.server.framing import Progress
from app.server.incoming import Limits
from app.server.peer import CONTINUE, Peer
from app.server.request_reader import RequestReader

LIMITS = Limits(line_bytes=4_094, head_bytes=8_192, body_bytes=100_000, seconds=5.0)
LARGE = b"POST / HTTP/1.1\r\nContent-Length: 90000\r\n\r\n"


@dataclass
class Reading:
    """A reader with real sockets, and what it reported."""

    poller: selectors.BaseSelector
    answered: list[tuple[Peer, Progress]] = field(default_factory=list)
    refused: list[tuple[Peer, HTTPStatus]] = field(default_factory=list)
    senders: list[socket.socket] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.reader = RequestReader(
            self.poller,
            LIMITS,
            lambda *answer: self.answered.append(answer),
            lambda *refusal: self.refused.append(refusal),
        )

    def peer(self) -> tuple[Peer, socket.socket]:
        ours, theirs = socket.socketpair()
        self.senders += [ours, theirs]
        return Peer(Config(), ours, "", "", LIMITS), theirs

    def poll(self) -> None:
        for key, _ in self.poller.select(0):
            key.data(key.fileobj)


@pytest.fixture
def reading() -> Iterator[Reading]:
    made = Reading(selectors.DefaultSelector())
    yield made
    made.poller.close()
    for each in made.senders:
        each.close()


def test_a_request_is_answered_once_its_last_byte_has_come(reading: Reading) -> None:
    conn, sender = reading.peer()

    reading.reader.begin(conn, b"POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\n")
    sender.send(b"{")
    reading.poll()
    assert not reading.answered
    sender.send(b"}POST")
    reading.poll()

    assert reading.answered == [(conn, Progress.WHOLE)]
    assert conn.request.endswith(b"{}")
    assert conn.take_rest() == b"POST"
    assert not reading.poller.get_map()


def test_the_parser_judges_a_request_whose_sender_has_left(reading: Reading) -> None:
    conn, sender = reading.peer()

    reading.reader.begin(conn, b"POST / HT")
    sender.close()
    reading.poll()

    assert reading.answered == [(conn, Progress.UNUSUAL)]
    assert conn.request == b"POST / HT"


def test_a_sender_that_waits_for_permission_gets_it_once(reading: Reading) -> None:
    conn, sender = reading.peer()

    reading.reader.begin(conn, LARGE.replace(b"\r\n\r\n", b"\r\nExpect: 100-continue\r\n\r\n"))
    sender.send(b"a")
    reading.poll()

    assert sender.recv(100) == CONTINUE


def test_a_sender_that_left_gets_no_permission(reading: Reading) -> None:
    conn, sender = reading.peer()
    sender.close()

    reading.reader.begin(conn, LARGE.replace(b"\r\n\r\n", b"\r\nExpect: 100-continue\r\n\r\n"))
    reading.poll()

    assert reading.answered == [(conn, Progress.UNUSUAL)]


def test_a_head_that_is_too_large_is_refused(reading: Reading) -> None:
    conn, _ = reading.peer()

    reading.reader.begin(conn, b"POST / HTTP/1.1\r\n" + b"X: a\r\n" * 2_000)

    assert reading.refused == [(conn, HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)]


def test_late_requests_are_refused(reading: Reading, monkeypatch: pytest.MonkeyPatch) -> None:
    conn, _ = reading.peer()
    reading.reader.begin(conn, b"POST")
    reading.reader.refuse_late()
    assert not reading.refused

    monkeypatch.setattr(conn.incoming, "is_late", lambda _now: True)
    reading.reader.refuse_late()

    assert reading.refused == [(conn, HTTPStatus.REQUEST_TIMEOUT)]
    assert not reading.poller.get_map()


def test_the_oldest_unfinished_request_gives_way(reading: Reading) -> None:
    oldest, _ = reading.peer()
    newest, _ = reading.peer()
    for conn in (oldest, newest):
        reading.reader.begin(conn, b"POST")

    assert [reading.reader.oldest() for _ in range(3)] == [oldest, newest, None]


@pytest.mark.parametrize("rest_is_answered", [False, True])
def test_where_memory_is_short_the_oldest_large_request_is_refused(
    reading: Reading, monkeypatch: pytest.MonkeyPatch, rest_is_answered: bool
) -> None:
    monkeypatch.setattr(request_reader, "BUFFERED_BYTES", 0)  # so twice the body: 200,000 bytes
    reading.__post_init__()
    small, _ = reading.peer()
    reading.reader.begin(small, LARGE + b"a" * 100)
    peers = []
    for _ in range(3):
        conn, sender = reading.peer()
        peers.append(conn)
        reading.reader.begin(conn, LARGE + b"a" * 70_000)
        sender.send(b"a" * (20_000 if rest_is_answered and conn is peers[0] else 10))
        reading.poll()

    answered = [conn for conn, _ in reading.answered]
    first = peers[1] if rest_is_answered else peers[0]
    assert answered == ([peers[0]] if rest_is_answered else [])
    assert reading.refused == [(first, HTTPStatus.SERVICE_UNAVAILABLE)]


def test_an_answered_request_frees_its_memory(reading: Reading) -> None:
    conn, _ = reading.peer()

    reading.reader.begin(conn, LARGE + b"a" * 90_000)
    assert reading.reader._answering_bytes == len(LARGE) + 90_000
    reading.reader.release(conn)

    assert reading.reader._answering_bytes == 0
    assert conn.request == b""
