"""Who waits gives way to others, hears of its own, and keeps what it knew."""

import gc
import socket
import threading
import time
import weakref
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from selectors import EVENT_READ, EVENT_WRITE

import pytest
from greenlet import getcurrent

from app import cooperative
from app.intake.group_commit import GroupCommit
from app.server import scheduler
from tests.support.answering import DEADLINE_SECONDS, Answering


@pytest.fixture
def answering() -> Iterator[Answering]:
    made = Answering()
    yield made
    made.close()


@pytest.fixture
def alone() -> Iterator[Answering]:
    """Where nobody else is connected."""
    made = Answering(alone=True)
    yield made
    made.close()


def test_while_one_waits_for_work_elsewhere_others_are_answered(answering: Answering) -> None:
    may_end, said = threading.Event(), []

    def slow() -> None:
        cooperative.offload(lambda: may_end.wait(DEADLINE_SECONDS))
        said.append("slow")

    answering.answer(slow, lambda: said.append("quick"))
    may_end.set()
    answering.until(lambda: len(said) == 2)

    assert said == ["quick", "slow"]


def test_work_elsewhere_is_done_by_another_thread_and_its_error_raised_here(
    answering: Answering,
) -> None:
    found: list[object] = []

    def request() -> None:
        found.append(cooperative.offload(threading.get_ident))
        try:
            cooperative.offload(lambda: int("none"))
        except ValueError as error:
            found.append(str(error))
        found.append(threading.get_ident())

    answering.answer(request)
    answering.until(lambda: len(found) == 3)

    there, error, here = found
    assert there != here == threading.get_ident()
    assert "none" in str(error)


def test_a_thread_of_its_own_does_the_work_itself() -> None:
    assert cooperative.offload(threading.get_ident) == threading.get_ident()


def test_each_request_keeps_its_own_context(answering: Answering) -> None:
    name: ContextVar[str] = ContextVar("name")
    found = []

    def request(own: str) -> None:
        name.set(own)
        there = cooperative.offload(name.get)
        found.append((own, there, name.get()))

    answering.answer(lambda: request("a"), lambda: request("b"))
    answering.until(lambda: len(found) == 2)

    assert sorted(found) == [("a", "a", "a"), ("b", "b", "b")]


def test_a_request_knows_nothing_of_the_one_before(answering: Answering) -> None:
    name: ContextVar[str] = ContextVar("name", default="nobody")
    found = []

    def request() -> None:
        found.append(name.get())
        name.set("ada")

    answering.answer(request)
    answering.answer(request)

    assert found == ["nobody", "nobody"]


def test_requests_one_after_another_are_answered_by_one_greenlet(answering: Answering) -> None:
    guests: set[object] = set()

    for _ in range(3):
        answering.answer(lambda: guests.add(getcurrent()))

    assert len(guests) == 1


def test_a_request_that_was_answered_is_not_kept(answering: Answering) -> None:
    class Request:
        def __call__(self) -> None:
            """Answered at once."""

    request = Request()
    kept = weakref.ref(request)
    answering.answer(request)
    del request

    assert kept() is None


def test_no_more_greenlets_are_kept_than_usually_wait(
    answering: Answering, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scheduler, "IDLE_AT_MOST", 2)
    guests: list[weakref.ref[object]] = []
    may_end, ended = threading.Event(), []

    def request() -> None:
        guests.append(weakref.ref(getcurrent()))
        cooperative.offload(lambda: may_end.wait(DEADLINE_SECONDS))
        ended.append(True)

    answering.answer(*[request] * 4)
    may_end.set()
    answering.until(lambda: len(ended) == 4)
    gc.collect()

    assert sum(guest() is not None for guest in guests) == 2


def test_what_was_kept_goes_with_the_round() -> None:
    made = Answering()
    guests: list[weakref.ref[object]] = []
    made.answer(lambda: guests.append(weakref.ref(getcurrent())))
    made.close()
    gc.collect()

    assert [guest() for guest in guests] == [None]


def test_after_a_request_that_failed_the_next_is_answered(answering: Answering) -> None:
    said: list[str] = []
    with pytest.raises(ArithmeticError):
        answering.answer(failing)

    answering.answer(lambda: said.append("next"))

    assert said == ["next"]


def failing() -> None:
    raise ArithmeticError


def test_what_is_answered_in_one_turn_is_worked_on_in_one_batch(answering: Answering) -> None:
    batches, said = [], []

    def work(items: list[int]) -> list[int]:
        batches.append(items)
        return [10 * item for item in items]

    together = GroupCommit(work, heaviest=100)
    answering.answer(*(lambda item=item: said.append(together(item)) for item in range(20)))
    answering.until(lambda: len(said) == 20)

    assert batches == [list(range(20))]
    assert said == [10 * item for item in range(20)]


def test_work_for_those_who_are_answered_in_turn_is_done_by_the_same_thread(
    answering: Answering,
) -> None:
    there: list[int] = []
    together = GroupCommit(lambda items: there.append(threading.get_ident()) or items, 100)

    answering.answer(lambda: together(1))

    assert there == [threading.get_ident()]


def test_work_begins_when_nothing_more_is_ready_to_join_it(answering: Answering) -> None:
    batches: list[list[int]] = []
    together = GroupCommit(lambda items: batches.append(items) or items, 100)

    answering.round.answer(lambda: together(1))
    answering.round.end(quiet=False)
    assert answering.round.gathering
    assert batches == []
    answering.round.answer(lambda: together(2))
    answering.round.end()

    assert batches == [[1, 2]]
    assert not answering.round.gathering


def test_work_begins_in_the_end_though_there_is_always_more(
    answering: Answering, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scheduler, "GATHERING_SECONDS", 0.0)
    batches: list[list[int]] = []
    together = GroupCommit(lambda items: batches.append(items) or items, 100)

    answering.round.answer(lambda: together(1))
    answering.round.end(quiet=False)

    assert batches == [[1]]


def test_where_nobody_else_can_join_it_work_begins_at_once(alone: Answering) -> None:
    batches: list[list[int]] = []
    together = GroupCommit(lambda items: batches.append(items) or items, 100)

    alone.round.answer(lambda: together(1))
    alone.round.end(quiet=False)

    assert batches == [[1]]


def heard(at: socket.socket) -> Generator[int, int, bytes]:
    """Steps that wait until it can be written to, then until there is something to read."""
    assert (yield EVENT_WRITE) == EVENT_WRITE
    assert (yield EVENT_READ) == EVENT_READ
    return at.recv(9)


def waits_until_another_has_written(who: Answering) -> list[object]:
    """What two requests say: one waits at a socket for what the next one sends there."""
    here, there = socket.socketpair()
    said: list[object] = []

    with here, there:
        who.answer(
            lambda: said.append(cooperative.wait_io(heard(here), here.fileno())),
            lambda: said.append(there.send(b"well")),
        )
        who.until(lambda: len(said) == 2)
    return said


def test_while_one_waits_at_a_socket_others_are_answered(answering: Answering) -> None:
    assert waits_until_another_has_written(answering) == [4, b"well"]


def test_where_nobody_else_is_the_thread_itself_waits_at_a_socket_for_a_moment(
    alone: Answering,
) -> None:
    here, there = socket.socketpair()
    said: list[object] = []

    with here, there:
        there.send(b"well")
        alone.round.answer(lambda: said.append(cooperative.wait_io(heard(here), here.fileno())))

    assert said == [b"well"]


def test_and_then_gives_way_to_those_who_may_have_come(alone: Answering) -> None:
    began = time.monotonic()

    assert waits_until_another_has_written(alone) == [4, b"well"]
    assert time.monotonic() - began < 1.0, "others would have waited"


def test_nor_does_it_wait_longer_than_it_may_for_one_who_keeps_talking(alone: Answering) -> None:
    here, there = socket.socketpair()
    said: list[str] = []

    def talking() -> Generator[int, int, None]:
        enough = time.monotonic() + 3.0
        while time.monotonic() < enough:
            yield EVENT_WRITE

    def request() -> None:
        try:
            cooperative.wait_io(talking(), here.fileno(), seconds=0.1)
        except TimeoutError:
            said.append("late")

    with here, there:
        alone.answer(request)
        alone.until(lambda: said)

    assert said == ["late"]


def test_an_error_of_a_step_is_raised_where_it_was_waited_for(answering: Answering) -> None:
    here, there = socket.socketpair()
    said: list[str] = []

    def steps() -> Generator[int, int, None]:
        yield EVENT_WRITE
        raise ArithmeticError("no")

    def request() -> None:
        try:
            cooperative.wait_io(steps(), here.fileno())
        except ArithmeticError as error:
            said.append(str(error))

    with here, there:
        answering.answer(request)
        answering.until(lambda: said)

    assert said == ["no"]


def test_who_waits_too_long_at_a_socket_gives_up_and_can_wait_again(
    answering: Answering,
) -> None:
    here, there = socket.socketpair()
    said: list[object] = []

    def request() -> None:
        try:
            cooperative.wait_io(heard(here), here.fileno(), seconds=0.0)
        except TimeoutError:
            said.append("late")
        said.append(cooperative.wait_io(heard(here), here.fileno(), seconds=20.0))

    with here, there:
        answering.round.answer(request)
        answering.round.end()
        there.send(b"well")
        answering.until(lambda: len(said) == 2)

    assert said == ["late", b"well"]


def test_who_has_a_thread_of_its_own_is_not_answered_in_turn(answering: Answering) -> None:
    said = [cooperative.on_answering_thread()]

    answering.answer(lambda: said.append(cooperative.on_answering_thread()))

    assert said == [False, True]


def test_threads_and_requests_in_turn_share_batches_and_each_hears_of_its_own(
    answering: Answering,
) -> None:
    batches, said = [], []
    together = GroupCommit(lambda items: batches.append(items) or [-item for item in items], 7)
    count = 200

    with ThreadPoolExecutor(8) as pool:
        futures = [pool.submit(together, number) for number in range(count)]
        for number in range(count, 2 * count):
            answering.answer(lambda number=number: said.append((number, together(number))))
        answering.until(lambda: len(said) == count)

    assert [future.result() for future in futures] == [-number for number in range(count)]
    assert all(result == -number for number, result in said)
    assert sorted(item for batch in batches for item in batch) == list(range(2 * count))
    assert max(map(len, batches)) <= 7


def test_work_that_fails_is_told_to_all_that_waited_for_it(answering: Answering) -> None:
    def work(_items: list[int]) -> list[int]:
        raise ArithmeticError("no")

    together, said = GroupCommit(work, 100), []

    def request() -> None:
        try:
            together(1)
        except ArithmeticError as error:
            said.append(str(error))

    answering.answer(request, request)
    answering.until(lambda: len(said) == 2)

    assert said == ["no", "no"]


def test_a_thread_that_answers_nobody_asks_greenlet_nothing(
    answering: Answering, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked_by: list[int] = []

    def told() -> object:
        asked_by.append(threading.get_ident())
        return getcurrent()

    monkeypatch.setattr(scheduler, "getcurrent", told)

    def ask() -> None:
        cooperative.handoff()
        cooperative.on_answering_thread()
        cooperative.offload(lambda: None)

    other = threading.Thread(target=ask)
    other.start()
    other.join()
    answering.answer(cooperative.on_answering_thread)

    assert asked_by == [threading.get_ident()]
