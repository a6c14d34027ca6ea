"""Every worker process sees how many connections the others have."""

import os

import pytest

from app.server import connection_counts
from app.server.connection_counts import (
    SLOTS,
    STALE_SECONDS,
    ConnectionBalancer,
    ConnectionCounts,
)


class Clock:
    """A clock that a test moves on."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def counts(clock: Clock) -> ConnectionCounts:
    return ConnectionCounts(clock)


def test_fewest_is_the_smallest_count_of_any_worker(counts: ConnectionCounts) -> None:
    counts.note(1, 7)
    counts.note(2, 3)

    assert counts.fewest() == 3


def test_a_worker_that_ended_is_left_out(counts: ConnectionCounts) -> None:
    counts.note(1, 7)
    counts.note(2, 0)
    counts.forget(2)

    assert counts.fewest() == 7


def test_a_worker_that_hangs_is_left_out_until_it_notes_its_count_again(
    counts: ConnectionCounts, clock: Clock
) -> None:
    counts.note(1, 0)
    clock.now += STALE_SECONDS
    counts.note(2, 7)

    hanging = counts.fewest()
    counts.note(1, 0)

    assert (hanging, counts.fewest()) == (7, 0)


def test_an_idle_worker_is_counted_from_one_poll_to_the_next(
    counts: ConnectionCounts, clock: Clock
) -> None:
    counts.note(1, 0)
    clock.now += 1.0  # the seconds that gunicorn polls at most
    counts.note(2, 7)

    assert counts.fewest() == 0


def test_without_any_worker_the_fewest_are_none(counts: ConnectionCounts) -> None:
    assert counts.fewest() == 0


def test_a_parent_sees_the_count_that_its_child_notes(counts: ConnectionCounts) -> None:
    counts.note(1, 9)

    if (child := os.fork()) == 0:
        counts.note(2, 4)
        os._exit(0)
    os.waitpid(child, 0)

    assert counts.fewest() == 4


def test_the_number_of_a_worker_grows_without_end(counts: ConnectionCounts) -> None:
    counts.note(5 * SLOTS + 1, 2)
    counts.forget(1)

    assert counts.fewest() == 0


@pytest.fixture
def yields(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """An entry for each time that a worker lets another process run first."""
    made: list[bool] = []
    monkeypatch.setattr(connection_counts.os, "sched_yield", lambda: made.append(True))
    return made


def test_a_worker_with_more_connections_leaves_one_to_another_for_a_moment(
    counts: ConnectionCounts, clock: Clock, yields: list[bool]
) -> None:
    worker = ConnectionBalancer(counts, 1, clock)
    counts.note(2, 3)

    assert worker.leaves_to_another(4)
    clock.now += connection_counts.LEAVE_SECONDS
    assert not worker.leaves_to_another(4)
    assert not worker.leaves_to_another(5), "the other has not taken the last one: it may hang"
    clock.now += connection_counts.TAKE_SECONDS
    assert worker.leaves_to_another(5)
    assert yields == [True, True]


def test_a_worker_with_no_more_connections_than_others_takes_one(
    counts: ConnectionCounts, clock: Clock
) -> None:
    worker = ConnectionBalancer(counts, 1, clock)
    counts.note(2, 3)

    assert not worker.leaves_to_another(3)


def test_a_worker_leaves_no_connection_to_one_that_accepts_none(
    counts: ConnectionCounts, clock: Clock
) -> None:
    worker, stopping = ConnectionBalancer(counts, 1, clock), ConnectionBalancer(counts, 2)
    stopping.note(0, accepting=True)
    stopping.note(0, accepting=False)

    assert not worker.leaves_to_another(4)
