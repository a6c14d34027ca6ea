"""Bodies parsed at once never exceed the budget, and no request waits for ever."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from app.cooperative import SMALL_REQUEST_BYTES, BlocksAnsweringThread
from app.db import time_limit
from app.errors import DatabaseUnavailable
from app.intake import memory_budget
from app.intake.memory_budget import MemoryBudget
from tests.support.answering import Answering

LARGE = SMALL_REQUEST_BYTES + 1
DEADLINE_SECONDS = 120.0


def test_large_bodies_never_exceed_the_budget() -> None:
    room, lock = MemoryBudget(3 * LARGE), threading.Lock()
    inside, most = 0, 0

    def visit(_number: int) -> None:
        nonlocal inside, most
        with room.for_bytes(LARGE):
            with lock:
                inside += 1
                most = max(most, inside)
            threading.Event().wait(0.001)
            with lock:
                inside -= 1

    with ThreadPoolExecutor(20) as pool:
        list(pool.map(visit, range(200)))

    assert most == 3


def test_a_small_body_never_waits_for_the_budget() -> None:
    room = MemoryBudget(LARGE)

    with room.for_bytes(LARGE), room.for_bytes(SMALL_REQUEST_BYTES):
        entered = True

    assert entered


def test_a_body_larger_than_the_budget_runs_alone() -> None:
    room, entered = MemoryBudget(LARGE), threading.Event()

    def enter() -> None:
        with room.for_bytes(LARGE):
            entered.set()

    with room.for_bytes(1000 * LARGE):
        waiting = threading.Thread(target=enter)
        waiting.start()
        kept_out = not entered.wait(0.05)
    waiting.join(DEADLINE_SECONDS)

    assert kept_out
    assert entered.is_set()


def test_a_wait_for_the_budget_does_not_count_as_one_for_the_database() -> None:
    room, inside, over = MemoryBudget(LARGE), threading.Event(), threading.Event()

    def hold() -> None:
        with room.for_bytes(LARGE):
            inside.set()
            over.wait(DEADLINE_SECONDS)

    holder, timer = threading.Thread(target=hold), threading.Timer(0.2, over.set)
    holder.start()
    inside.wait(DEADLINE_SECONDS)
    with time_limit.until(1_000.0):
        timer.start()
        with room.for_bytes(LARGE):
            postponed_to = time_limit.end()
        after = time_limit.end()
    holder.join(DEADLINE_SECONDS)

    assert postponed_to is not None
    assert postponed_to >= 1_000.1
    assert after == 1_000.0


def test_a_body_that_waits_too_long_for_the_budget_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(memory_budget, "WAIT_SECONDS", 0.05)
    room, inside, over = MemoryBudget(LARGE), threading.Event(), threading.Event()

    def hold() -> None:
        with room.for_bytes(LARGE):
            inside.set()
            over.wait(DEADLINE_SECONDS)

    holder = threading.Thread(target=hold)
    holder.start()
    inside.wait(DEADLINE_SECONDS)
    with pytest.raises(DatabaseUnavailable), room.for_bytes(LARGE):
        pass
    over.set()
    holder.join(DEADLINE_SECONDS)

    with room.for_bytes(LARGE):
        pass


def test_the_budget_is_released_after_an_error() -> None:
    room = MemoryBudget(LARGE)

    for _ in range(3):
        try:
            with room.for_bytes(LARGE):
                raise ValueError
        except ValueError:
            pass

    with room.for_bytes(LARGE):
        pass


def test_a_request_of_the_answering_thread_never_waits_for_memory() -> None:
    room, entered = MemoryBudget(LARGE), []

    def request(size: int) -> None:
        with room.for_bytes(size):
            entered.append(size)

    answering = Answering()
    try:
        with room.for_bytes(LARGE):
            answering.answer(lambda: request(SMALL_REQUEST_BYTES))
        with pytest.raises(BlocksAnsweringThread, match="answering thread"):
            answering.answer(lambda: request(LARGE))
    finally:
        answering.close()

    assert entered == [SMALL_REQUEST_BYTES]
