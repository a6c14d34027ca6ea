"""A closed connection lingers until its peer closes it or time is up, whatever its socket does."""

import selectors
import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from app.server.lingering_close import LingeringClose


@dataclass
class Lingering:
    """A lingering connection over TCP, and the connections that were closed."""

    poller: selectors.BaseSelector
    ours: socket.socket
    theirs: socket.socket
    closed: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.conn: Any = SimpleNamespace(sock=self.ours, timeout=0.0)
        self.lingering = LingeringClose(self.poller, self.closed.append)

    def poll(self) -> None:
        for key, _ in self.poller.select(1):
            key.data(key.fileobj)


@pytest.fixture
def tcp() -> Iterator[Lingering]:
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        socket.create_connection(listener.getsockname()) as theirs,
        listener.accept()[0] as ours,
        selectors.DefaultSelector() as poller,
    ):
        yield Lingering(poller, ours, theirs)


def test_what_a_peer_still_sends_is_thrown_away_until_it_closes(tcp: Lingering) -> None:
    tcp.lingering.add(tcp.conn)
    tcp.theirs.sendall(b"too late")
    tcp.poll()
    assert not tcp.closed

    tcp.theirs.close()
    tcp.poll()

    assert tcp.closed == [tcp.conn]
    assert not tcp.lingering.waiting
    assert not tcp.poller.get_map()


def test_an_event_without_bytes_closes_nothing(tcp: Lingering) -> None:
    tcp.lingering.add(tcp.conn)
    (key,) = tcp.poller.get_map().values()

    key.data(key.fileobj)

    assert not tcp.closed
    assert list(tcp.lingering.waiting) == [tcp.conn]


def test_a_peer_that_resets_the_connection_is_gone(tcp: Lingering) -> None:
    tcp.lingering.add(tcp.conn)
    tcp.theirs.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    tcp.theirs.close()
    tcp.poll()

    assert tcp.closed == [tcp.conn]


def test_a_socket_that_cannot_be_shut_down_is_closed_at_once(tcp: Lingering) -> None:
    tcp.ours.close()

    tcp.lingering.add(tcp.conn)

    assert tcp.closed == [tcp.conn]
    assert not tcp.lingering.waiting
