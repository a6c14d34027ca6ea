"""The log grows by a line a second for each reason, however many connections are closed."""

import logging
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from app.server.closed_log import LOG_SECONDS, ClosedLog

PEER = ("192.0.2.1", 4_000)


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_many_closed_connections_are_one_line_a_second(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    closed = ClosedLog(logging.getLogger("test"), clock)
    for _ in range(3):
        closed.count("late", PEER)
        closed.count("malformed", "")
        closed.write()
    assert [each.args for each in caplog.records] == [
        (1, "late", "192.0.2.1"),
        (1, "malformed", "a local socket"),
    ]

    clock.now += LOG_SECONDS
    closed.write()
    closed.write()

    assert [each.args and each.args[0] for each in caplog.records] == [1, 1, 2, 2]


@pytest.fixture
def _hasty_threads() -> Iterator[None]:
    """Let the threads take turns as often as they can."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(usual)


@pytest.mark.usefixtures("_hasty_threads")
def test_threads_count_while_another_writes(caplog: pytest.LogCaptureFixture) -> None:
    clock = Clock()
    closed = ClosedLog(logging.getLogger("test"), clock)

    def count(thread: int) -> None:
        for number in range(2_000):
            closed.count(f"{thread} {number % 50}", PEER)

    with ThreadPoolExecutor(3) as pool:
        counting = [pool.submit(count, thread) for thread in range(3)]
        while not all(each.done() for each in counting):
            clock.now += LOG_SECONDS
            closed.write()
    clock.now += LOG_SECONDS
    closed.write()

    assert not [each.exception() for each in counting if each.exception()]
    assert sum(int(each.args[0]) for each in caplog.records) == 6_000  # type: ignore[arg-type, index]
