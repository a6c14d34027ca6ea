"""No more is taken apart at once than there is room for, and nobody is kept out for ever."""

import threading
from concurrent.futures import ThreadPoolExecutor

from app.intake.memory_budget import SMALL_BYTES, MemoryBudget
from app.server.fast_parser import WHOLE_BYTES

LARGE = SMALL_BYTES + 1
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

    with room.for_bytes(LARGE), room.for_bytes(SMALL_BYTES):
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


def test_what_is_answered_in_turn_never_waits_for_room() -> None:
    assert WHOLE_BYTES <= SMALL_BYTES
