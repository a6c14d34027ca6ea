"""No more is taken apart at once than there is room for, and nobody is kept out for ever."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from app.cooperative import SMALL_REQUEST_BYTES, BlocksAnsweringThread
from app.intake.memory_budget import MemoryBudget
from tests.support.answering import Answering

LARGE = SMALL_REQUEST_BYTES + 1
DEADLINE_SECONDS = 20.0


def test_large_bodies_are_never_more_at_once_than_fit() -> None:
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


def test_a_small_body_passes_while_the_room_is_full() -> None:
    room = MemoryBudget(LARGE)

    with room.for_bytes(LARGE), room.for_bytes(SMALL_REQUEST_BYTES):
        entered = True

    assert entered


def test_what_is_larger_than_the_room_comes_alone() -> None:
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


def test_room_is_given_back_when_what_it_was_for_fails() -> None:
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
