"""Requests are read as they arrive; the oldest unfinished one is refused where room is short."""

import selectors
import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from http import HTTPStatus

import pytest
from gunicorn.config import Config

from app.cooperative import SMALL_REQUEST_BYTES
from app.server import large_requests, request_reader
from app.server.framing import Progress
from app.server.incoming import Limits
from app.server.large_requests import PACE_SECONDS, WAIT_SECONDS
from app.server.peer import CONTINUE, Peer
from app.server.request_reader import RequestReader

LIMITS = Limits(line_bytes=4_094, head_bytes=8_192, body_bytes=100_000, seconds=5.0)
LARGE = b"POST / HTTP/1.1\r\nContent-Length: 90000\r\n\r\n"
SMALL = LARGE.replace(b"90000", b"10")
CHUNKED = LARGE.replace(b"Content-Length: 90000", b"Transfer-Encoding: chunked")
REFUSED = HTTPStatus.SERVICE_UNAVAILABLE


@dataclass
class Reading:
    """A reader with real sockets, and what it reported."""

    poller: selectors.BaseSelector
    answered: list[tuple[Peer, Progress]] = field(default_factory=list)
    refused: list[tuple[Peer, HTTPStatus]] = field(default_factory=list)
    senders: list[socket.socket] = field(default_factory=list)
    peers: dict[Peer, socket.socket] = field(default_factory=dict)
    now: float = 100.0

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
        conn = Peer(Config(), ours, "", "", LIMITS)
        self.peers[conn] = theirs
        return conn, theirs

    def sender(self, conn: Peer) -> socket.socket:
        return self.peers[conn]

    def send(self, conn: Peer, data: bytes) -> None:
        self.peers[conn].sendall(data)

    def poll(self) -> None:
        """Read until nothing more has arrived of a request that is read."""
        while events := self.poller.select(0):
            for key, _ in events:
                if self.poller.get_map().get(key.fd) is key:
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
    """Return a reader that keeps twice the largest body, 200,000 bytes, and grants 20,000."""
    monkeypatch.setattr(request_reader, "BUFFERED_BYTES", 0)
    monkeypatch.setattr(large_requests, "STEP_BYTES", 20_000)
    reading.__post_init__()
    reading.reader._large._clock = lambda: reading.now
    return reading


def large(reading: Reading, head: bytes = LARGE, body: bytes = b"a" * 90_000) -> Peer:
    """Begin a large request, of which these bytes have been sent already."""
    conn, sender = reading.peer()
    sender.sendall(body)
    reading.reader.begin(conn, head)
    return conn


def test_large_requests_wait_for_memory_and_none_is_refused(little_memory: Reading) -> None:
    peers = [large(little_memory) for _ in range(6)]
    for answered in range(6):
        little_memory.poll()
        assert [conn for conn, _ in little_memory.answered[:answered]] == peers[:answered]
        assert len(little_memory.answered) <= answered + 2
        little_memory.reader.release(peers[answered])

    assert len(little_memory.answered) == 6
    assert not little_memory.refused
    assert little_memory.reader._large.kept_bytes == 0


def test_small_requests_do_not_wait_for_memory(little_memory: Reading) -> None:
    for _ in range(3):
        large(little_memory)
    little_memory.poll()
    little_memory.reader._large.kept_bytes += 100_000
    whole, partial = little_memory.peer()[0], large(little_memory, SMALL, b"a" * 10)
    little_memory.reader.begin(whole, b"GET / HTTP/1.1\r\n\r\n")
    little_memory.poll()

    assert {whole, partial} < {conn for conn, _ in little_memory.answered}


@pytest.mark.parametrize("silent", [False, True])
def test_the_oldest_that_waits_gets_memory_first_unless_it_is_silent(
    little_memory: Reading, silent: bool
) -> None:
    first, _ = large(little_memory), large(little_memory)
    waiting = large(little_memory, body=b"a" * (SMALL_REQUEST_BYTES if silent else 90_000))
    newest = large(little_memory)
    little_memory.poll()

    little_memory.reader.release(first)
    little_memory.poll()

    assert little_memory.answered[-1][0] is (newest if silent else waiting)


def test_a_little_is_not_kept_waiting_by_more(little_memory: Reading) -> None:
    for _ in range(3):
        large(little_memory, LARGE.replace(b"90000", b"80000"), b"a" * 80_000)
    little_memory.poll()
    less = large(little_memory, LARGE.replace(b"90000", b"20000"), b"a" * 20_000)
    little_memory.poll()

    assert [conn for conn, _ in little_memory.answered][-1] is less
    assert len(little_memory.answered) == 3


def test_one_with_much_to_come_waits_behind_another(little_memory: Reading) -> None:
    first = large(little_memory)
    middle = LARGE.replace(b"90000", b"60000")
    large(little_memory, middle, b"a" * SMALL_REQUEST_BYTES)
    waiting = large(little_memory)
    behind = large(little_memory, middle, b"a" * 60_000)
    little_memory.poll()
    assert little_memory.answered == [(first, Progress.WHOLE)]

    little_memory.reader._large.kept_bytes -= 32_000  # enough for the one behind
    little_memory.reader.refuse_late()
    little_memory.poll()
    assert behind not in dict(little_memory.answered)
    little_memory.reader.release(first)
    little_memory.poll()

    assert waiting in dict(little_memory.answered)


def test_one_with_much_to_come_waits_behind_one_that_has_just_begun_to_wait(
    little_memory: Reading,
) -> None:
    memory = little_memory.reader._large
    memory.kept_bytes += 150_000
    waiting = large(little_memory)
    little_memory.poll()

    memory.kept_bytes -= 150_000  # enough for both, but none of them has been resumed yet
    behind = large(little_memory, LARGE.replace(b"90000", b"60000"), b"a" * 60_000)
    little_memory.poll()

    assert [memory.is_waiting(conn) for conn in (waiting, behind)] == [True, True]


def test_a_request_that_waited_too_long_for_memory_is_refused(little_memory: Reading) -> None:
    waiting = [large(little_memory) for _ in range(3)][-1]
    little_memory.poll()
    little_memory.now += WAIT_SECONDS - 0.1
    little_memory.reader.refuse_late()
    assert not little_memory.refused

    little_memory.now += 0.1
    little_memory.reader.refuse_late()

    assert little_memory.refused == [(waiting, HTTPStatus.SERVICE_UNAVAILABLE)]
    assert len(little_memory.reader._arriving) == 0


@pytest.mark.parametrize(
    ("more_bytes", "seconds", "waits", "is_refused"),
    [
        (60_000, PACE_SECONDS, True, True),
        (1_000, PACE_SECONDS / 2, True, False),
        (60_000, PACE_SECONDS, False, False),
        (70_000, PACE_SECONDS, True, False),
    ],
)
def test_a_slow_request_keeps_no_memory_from_another(
    little_memory: Reading,
    monkeypatch: pytest.MonkeyPatch,
    more_bytes: int,
    seconds: float,
    waits: bool,
    is_refused: bool,
) -> None:
    monkeypatch.setattr(large_requests, "PACE_BYTES_PER_SECOND", 65_000 / PACE_SECONDS)
    slow = large(little_memory, body=b"a" * SMALL_REQUEST_BYTES)
    little_memory.poll()
    fast = large(little_memory, body=b"a" * SMALL_REQUEST_BYTES)
    little_memory.poll()
    for conn, size in ((slow, more_bytes), (fast, 70_000)):
        little_memory.send(conn, b"a" * size)
    little_memory.poll()
    waiting = large(little_memory) if waits else None
    little_memory.poll()

    little_memory.now += seconds
    little_memory.reader.refuse_late()
    little_memory.poll()

    assert little_memory.refused == ([(slow, REFUSED)] if is_refused else [])
    assert [conn for conn, _ in little_memory.answered] == ([waiting] if is_refused else [])


def test_half_read_requests_without_a_length_do_not_wait_for_each_other_for_ever(
    little_memory: Reading,
) -> None:
    answered = large(little_memory)
    little_memory.poll()
    little_memory.reader.release(answered)
    little_memory.answered.clear()
    peers = [large(little_memory, CHUNKED, b"15f90\r\n") for _ in range(3)]
    for _ in range(9):
        for conn in peers:
            little_memory.send(conn, b"a" * 10_000)
        little_memory.poll()
    assert not little_memory.answered
    little_memory.reader.refuse_late()
    for conn in peers[:2]:
        little_memory.send(conn, b"\r\n0\r\n\r\n")
    for _ in range(20):
        little_memory.poll()
        little_memory.reader.refuse_late()

    assert little_memory.refused == [(peers[2], REFUSED)]
    assert {conn for conn, _ in little_memory.answered} == set(peers[:2])


def test_what_waits_for_memory_is_the_last_to_make_room(little_memory: Reading) -> None:
    little_memory.reader._large.kept_bytes = 150_000
    waiting = large(little_memory)
    little_memory.poll()
    newer, _ = little_memory.peer()
    little_memory.reader.begin(newer, b"POST")

    assert [little_memory.reader.oldest() for _ in range(3)] == [newer, waiting, None]


def test_a_sender_that_left_waits_no_longer(little_memory: Reading) -> None:
    first, _, waiting = (large(little_memory, body=b"a" * 50_000) for _ in range(3))
    little_memory.poll()
    for conn in (waiting, first):
        little_memory.sender(conn).close()
    little_memory.poll()
    little_memory.reader.release(first)
    little_memory.poll()

    assert {conn for conn, _ in little_memory.answered} == {first, waiting}


def test_requests_that_were_answered_refused_or_evicted_free_their_memory(
    reading: Reading,
) -> None:
    memory = reading.reader._large
    conn = large(reading)
    reading.poll()
    assert memory.kept_bytes == len(LARGE) + 90_000
    reading.reader.release(conn)
    assert (memory.kept_bytes, conn.request) == (0, b"")

    large(reading, body=b"a" * 110)
    reading.poll()
    assert memory.kept_bytes == len(LARGE) + 110
    reading.reader.oldest()

    assert memory.kept_bytes == 0


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


def test_the_time_that_a_request_waits_for_memory_is_not_its_senders(
    little_memory: Reading, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, _, waiting = (large(little_memory) for _ in range(3))
    little_memory.poll()
    postponed: list[float] = []
    monkeypatch.setattr(waiting.incoming, "is_late", lambda _now: True)
    monkeypatch.setattr(waiting.incoming, "postpone", postponed.append)
    little_memory.now += 5
    little_memory.reader.refuse_late()
    little_memory.reader.release(first)

    assert not little_memory.refused
    assert postponed == [5.0]


def test_large_pieces_are_read_once_there_is_memory_for_them(reading: Reading) -> None:
    conn, sender = reading.peer()
    sender.sendall(b"a" * 90_000)
    conn.add(LARGE)
    assert len(conn.receive() or b"") == SMALL_REQUEST_BYTES

    reading.reader.begin(conn, b"a" * SMALL_REQUEST_BYTES)
    assert len(conn.receive() or b"") > SMALL_REQUEST_BYTES
    conn.forget_request()

    assert not conn.reads_large_pieces
