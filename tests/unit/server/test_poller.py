"""The poller reports what one of `selectors` reports, for sockets and for open files by number."""

import os
import select
import selectors
import socket
import time
from collections.abc import Iterator

import pytest

from app.server import poller as module

READ, WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE
Pair = tuple[socket.socket, socket.socket]


@pytest.fixture(params=[module.create, selectors.EpollSelector])
def poller(request: pytest.FixtureRequest) -> Iterator[selectors.BaseSelector]:
    made = request.param()
    yield made
    made.close()


@pytest.fixture
def pair() -> Iterator[Pair]:
    ours, theirs = socket.socketpair()
    yield ours, theirs
    ours.close()
    theirs.close()


@pytest.mark.parametrize(
    ("wanted", "arrived", "reported"),
    [(READ, True, READ), (READ, False, 0), (WRITE, True, WRITE), (READ | WRITE, True, 3)],
)
def test_only_the_events_that_are_wanted_are_reported(
    poller: selectors.BaseSelector, pair: Pair, wanted: int, arrived: bool, reported: int
) -> None:
    registered = poller.register(pair[0], wanted, "its data")
    pair[1].sendall(b"a" * arrived)

    assert poller.select(0) == ([(registered, reported)] if reported else [])
    assert (registered.fileobj, registered.data) == (pair[0], "its data")


@pytest.mark.parametrize("wanted", [READ, WRITE, READ | WRITE])
def test_a_hang_up_is_reported_as_each_event_that_is_wanted(
    poller: selectors.BaseSelector, wanted: int
) -> None:
    ours, theirs = os.pipe()
    registered = poller.register(ours, wanted)
    os.close(theirs)

    assert poller.select(0) == [(registered, wanted)]
    os.close(ours)


def test_an_open_file_is_known_by_its_number(poller: selectors.BaseSelector) -> None:
    ours, theirs = os.pipe()
    registered = poller.register(ours, READ)
    os.write(theirs, b"a")

    assert poller.select(None) == [(registered, READ)]
    assert poller.get_map()[ours] is poller.unregister(ours) is registered
    os.close(ours)
    os.close(theirs)


def test_nothing_is_reported_of_a_file_that_is_registered_no_more(
    poller: selectors.BaseSelector, pair: Pair
) -> None:
    poller.register(pair[0], READ)
    pair[1].sendall(b"a")

    poller.unregister(pair[0])

    assert poller.select(0) == []
    assert not poller.get_map()
    with pytest.raises(KeyError):
        poller.unregister(pair[0])


def test_a_number_whose_file_was_closed_may_be_unregistered_and_used_again(
    poller: selectors.BaseSelector,
) -> None:
    ours, theirs = os.pipe()
    poller.register(ours, READ)
    os.close(ours)

    poller.unregister(ours)

    again = os.dup(theirs)
    assert again == ours
    assert poller.select(0) == []
    poller.register(again, WRITE)
    assert [events for _, events in poller.select(0)] == [WRITE]
    os.close(again)
    os.close(theirs)


def test_a_closed_socket_is_refused(poller: selectors.BaseSelector, pair: Pair) -> None:
    pair[0].close()

    with pytest.raises((ValueError, KeyError)):
        poller.register(pair[0], READ)
    with pytest.raises((ValueError, KeyError)):
        poller.unregister(pair[0])


def test_a_wait_without_events_takes_the_time_that_it_may(poller: selectors.BaseSelector) -> None:
    began = time.monotonic()

    assert poller.select(0.0101) == []
    assert time.monotonic() - began >= 0.0101


def test_a_system_without_epoll_gets_a_poller_of_selectors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(select, "epoll")

    made = module.create()

    assert type(made) is selectors.DefaultSelector
    made.close()
