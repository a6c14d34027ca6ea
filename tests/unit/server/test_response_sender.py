"""A response that its peer does not take at once is sent later, and holds no thread."""

import selectors
import socket
from collections.abc import Iterator

import pytest
from gunicorn.config import Config

from app.server.incoming import LEAST_BYTES_PER_SECOND, Limits
from app.server.peer import Peer
from app.server.peer_socket import PeerSocket
from app.server.response_sender import ResponseSender

LIMITS = Limits(line_bytes=4_094, head_bytes=8_192, body_bytes=100_000, seconds=5.0)
LARGE = bytes(range(256)) * 40_000


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


class Sending:
    """A sender of responses to one peer, and what it reported."""

    def __init__(self, ours: socket.socket) -> None:
        self.poller = selectors.DefaultSelector()
        self.conn = Peer(Config(), ours, "", "", LIMITS)
        self.sent: list[Peer] = []
        self.closed: list[Peer] = []
        self.sender = ResponseSender(self.poller, 5.0, self.sent.append, self.closed.append)

    def poll(self) -> None:
        for key, _ in self.poller.select(0):
            key.data(key.fileobj)


def test_a_response_that_was_taken_at_once_is_sent(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    sending = Sending(pair[0])
    sending.conn.sock.sendall(b"small")

    sending.sender.send(sending.conn)

    assert sending.sent == [sending.conn]
    assert pair[1].recv(100) == b"small"


def test_the_rest_is_sent_in_its_order_as_the_peer_takes_it(
    pair: tuple[socket.socket, socket.socket],
) -> None:
    sending, taken = Sending(pair[0]), b""
    sending.conn.sock.sendall(LARGE)
    taken += pair[1].recv(1 << 20)
    sending.conn.sock.sendall(b"end")  # there is room for it, but the rest comes first
    sending.sender.send(sending.conn)
    assert not sending.sent

    while not sending.sent:
        sending.poll()
        taken += pair[1].recv(1 << 20)
    sending.conn.sock.shutdown(socket.SHUT_WR)
    while piece := pair[1].recv(1 << 20):
        taken += piece

    assert taken == LARGE + b"end"
    assert not sending.poller.get_map()


def test_a_peer_that_has_left_is_closed(pair: tuple[socket.socket, socket.socket]) -> None:
    sending = Sending(pair[0])
    sending.conn.sock.sendall(LARGE)
    sending.sender.send(sending.conn)

    pair[1].close()
    sending.poll()

    assert sending.closed == [sending.conn]


def test_a_peer_that_takes_nothing_in_time_is_closed(
    pair: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    sending = Sending(pair[0])
    sending.conn.sock.sendall(LARGE)
    sending.sender.send(sending.conn)
    sending.sender.close_late()
    assert not sending.closed

    monkeypatch.setattr(sending.conn.sock, "is_late", lambda _now, _seconds: True)
    sending.sender.close_late()

    assert sending.closed == [sending.conn]
    assert sending.sender.oldest() is None


@pytest.mark.parametrize(
    ("taken_each_second", "pause", "late"),
    [
        (0, 0, True),
        (LEAST_BYTES_PER_SECOND // 8, 0, True),
        (LEAST_BYTES_PER_SECOND, 0, False),
        (LEAST_BYTES_PER_SECOND * 8, 4, False),
        (LEAST_BYTES_PER_SECOND * 8, 5, True),
    ],
)
def test_a_response_must_be_taken_at_the_least_rate(
    taken_each_second: int, pause: int, late: bool
) -> None:
    now = 100.0

    class Taker(socket.socket):
        room = 0

        def send(self, data: bytes, _flags: int = 0) -> int:
            if not self.room:
                raise BlockingIOError
            return min(self.room, len(data))

    with Taker() as taker:
        sock = PeerSocket(taker, lambda: now)
        sock.sendall(LARGE)
        taker.room = taken_each_second
        for _ in range(10):
            now += 1
            sock.send_kept()
        taker.room = 0
        for _ in range(pause):
            now += 1
            sock.send_kept()

        assert sock.is_late(now, 5.0) is late
