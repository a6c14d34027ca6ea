"""Requests are read as they arrive; the oldest unfinished one is refused where room is short."""

import selectors
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from http import HTTPStatus

import pytest
from gunicorn.config import Config

from app.cooperative import SMALL_REQUEST_BYTES
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


@pytest.fixture
def little_memory(reading: Reading, monkeypatch: pytest.MonkeyPatch) -> Reading:
    """Return a reader that keeps twice the largest body: 200,000 bytes."""
    monkeypatch.setattr(request_reader, "BUFFERED_BYTES", 0)
    reading.__post_init__()
    return reading


def large(reading: Reading, size: int, more: int) -> Peer:
    """Begin a large request and send more bytes of it."""
    conn, sender = reading.peer()
    reading.reader.begin(conn, LARGE + b"a" * size)
    sender.send(b"a" * more)
    reading.poll()
    return conn


@pytest.mark.parametrize("first_is_answered", [False, True])
def test_where_memory_is_short_the_oldest_large_request_is_refused(
    little_memory: Reading, first_is_answered: bool
) -> None:
    small, _ = little_memory.peer()
    little_memory.reader.begin(small, LARGE + b"a" * 100)
    peers = [large(little_memory, 70_000, 20_000 if first_is_answered else 10)]
    peers += [large(little_memory, 70_000, 10) for _ in range(2)]

    answered = [conn for conn, _ in little_memory.answered]
    assert answered == ([peers[0]] if first_is_answered else [])
    refused = peers[1] if first_is_answered else peers[0]
    assert little_memory.refused == [(refused, HTTPStatus.SERVICE_UNAVAILABLE)]


def test_as_many_requests_are_refused_as_there_is_too_little_memory_for(
    little_memory: Reading,
) -> None:
    peers = [large(little_memory, size, 10) for size in (20_000, 20_000, 70_000, 70_000)]

    large(little_memory, 50_000, 10)

    assert [conn for conn, _ in little_memory.refused] == peers[:2]


def test_a_request_that_has_arrived_is_refused_if_the_others_are_being_answered(
    little_memory: Reading,
) -> None:
    peers = [large(little_memory, 89_000, 1_000) for _ in range(3)]
    small, _ = little_memory.peer()
    little_memory.reader.begin(small, b"GET / HTTP/1.1\r\n\r\n")

    assert [conn for conn, _ in little_memory.answered] == [*peers[:2], small]
    assert little_memory.refused == [(peers[2], HTTPStatus.SERVICE_UNAVAILABLE)]


def test_a_request_that_has_arrived_takes_the_memory_of_those_that_have_not(
    little_memory: Reading,
) -> None:
    unfinished = [large(little_memory, 80_000, 10) for _ in range(2)]
    whole = large(little_memory, 89_000, 1_000)

    assert little_memory.answered == [(whole, Progress.WHOLE)]
    assert [conn for conn, _ in little_memory.refused] == unfinished[:1]


def test_requests_that_were_answered_refused_or_evicted_free_their_memory(
    reading: Reading,
) -> None:
    conn = large(reading, 80_000, 10_000)
    assert reading.reader._kept_bytes == len(LARGE) + 90_000
    reading.reader.release(conn)
    assert (reading.reader._kept_bytes, conn.request) == (0, b"")

    large(reading, 100, 10)
    assert reading.reader._kept_bytes == len(LARGE) + 110
    reading.reader.oldest()

    assert reading.reader._kept_bytes == 0


def test_of_the_next_request_little_is_read_with_the_last_one(reading: Reading) -> None:
    conn, sender = reading.peer()
    for body in (LARGE, LARGE.replace(b"Content-Length: 90000", b"Transfer-Encoding: chunked")):
        sender.send(body + b"a" * 50)
        conn.add(conn.receive() or b"")
        sender.send(b"a" * 150_000)
        conn.add(conn.receive() or b"")
        assert len(conn.incoming) <= len(LARGE) + 90_000 + SMALL_REQUEST_BYTES
        conn.forget_request()
        assert len(conn.incoming) == 0
        conn.sock.recv(1 << 20)
