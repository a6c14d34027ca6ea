"""A request that waits lets others be answered, and then continues with its own result."""

import gc
import socket
import threading
import time
import weakref
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
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
def single() -> Iterator[Answering]:
    """An answering thread with a single connection."""
    made = Answering(single_connection=True)
    yield made
    made.close()


def test_while_one_request_waits_for_offloaded_work_others_are_answered(
    answering: Answering,
) -> None:
    may_end, results = threading.Event(), []

    def slow() -> None:
        cooperative.offload(lambda: may_end.wait(DEADLINE_SECONDS))
        results.append("slow")

    answering.answer(slow, lambda: results.append("quick"))
    may_end.set()
    answering.until(lambda: len(results) == 2)

    assert results == ["quick", "slow"]


def test_offloaded_work_is_done_by_another_thread_and_its_error_raised_here(
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


def test_an_ordinary_thread_does_offloaded_work_itself() -> None:
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
    name: ContextVar[str] = ContextVar("name", default="unset")
    found = []

    def request() -> None:
        found.append(name.get())
        name.set("ada")

    answering.answer(request)
    answering.answer(request)

    assert found == ["unset", "unset"]


def test_requests_one_after_another_are_answered_by_one_greenlet(answering: Answering) -> None:
    greenlets: set[object] = set()

    for _ in range(3):
        answering.answer(lambda: greenlets.add(getcurrent()))

    assert len(greenlets) == 1


def test_a_request_that_was_answered_is_not_kept(answering: Answering) -> None:
    class Request:
        def __call__(self) -> None:
            """Do nothing: the request ends at once."""

    request = Request()
    kept = weakref.ref(request)
    answering.answer(request)
    del request

    assert kept() is None


def test_offloaded_work_that_fails_leaves_its_request_to_no_collector(
    answering: Answering,
) -> None:
    class Body:
        """A part of a request."""

    kept: list[weakref.ref[Body]] = []

    def request() -> None:
        body = Body()
        kept.append(weakref.ref(body))
        with suppress(ArithmeticError):
            cooperative.offload(failing)
        ended.set()

    ended = threading.Event()
    gc.disable()
    try:
        answering.answer(request)
        answering.until(ended.is_set)
        assert [each() for each in kept] == [None]
    finally:
        gc.enable()


def test_no_more_greenlets_are_kept_than_usually_wait(
    answering: Answering, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scheduler, "IDLE_GREENLETS", 2)
    greenlets: list[weakref.ref[object]] = []
    may_end, ended = threading.Event(), []

    def request() -> None:
        greenlets.append(weakref.ref(getcurrent()))
        cooperative.offload(lambda: may_end.wait(DEADLINE_SECONDS))
        ended.append(True)

    answering.answer(*[request] * 4)
    may_end.set()
    answering.until(lambda: len(ended) == 4)
    gc.collect()

    assert sum(each() is not None for each in greenlets) == 2


def test_idle_greenlets_end_with_the_scheduler() -> None:
    made = Answering()
    greenlets: list[weakref.ref[object]] = []
    made.answer(lambda: greenlets.append(weakref.ref(getcurrent())))
    made.close()
    gc.collect()

    assert [each() for each in greenlets] == [None]


def test_after_a_request_that_failed_the_next_is_answered(answering: Answering) -> None:
    results: list[str] = []
    with pytest.raises(ArithmeticError):
        answering.answer(failing)

    answering.answer(lambda: results.append("next"))

    assert results == ["next"]


def failing() -> None:
    raise ArithmeticError


def test_requests_of_one_cycle_are_one_batch(answering: Answering) -> None:
    batches, results = [], []

    def work(items: list[int]) -> list[int]:
        batches.append(items)
        return [10 * item for item in items]

    commit = GroupCommit(work, 100)
    answering.answer(*(lambda item=item: results.append(commit(item)) for item in range(20)))
    answering.until(lambda: len(results) == 20)

    assert batches == [list(range(20))]
    assert results == [10 * item for item in range(20)]


def test_a_batch_of_the_answering_thread_is_done_by_that_thread(
    answering: Answering,
) -> None:
    there: list[int] = []
    commit = GroupCommit(lambda items: there.append(threading.get_ident()) or items, 100)

    answering.answer(lambda: commit(1))

    assert there == [threading.get_ident()]


def test_a_batch_begins_when_no_more_request_is_ready_to_join_it(answering: Answering) -> None:
    batches: list[list[int]] = []
    commit = GroupCommit(lambda items: batches.append(items) or items, 100)

    answering.scheduler.answer(lambda: commit(1))
    answering.scheduler.end_cycle(quiet=False)
    assert answering.scheduler.is_gathering
    assert batches == []
    answering.scheduler.answer(lambda: commit(2))
    answering.scheduler.end_cycle()

    assert batches == [[1, 2]]
    assert not answering.scheduler.is_gathering


def test_a_batch_begins_in_the_end_though_there_are_always_more_requests(
    answering: Answering, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scheduler, "GATHERING_SECONDS", 0.0)
    batches: list[list[int]] = []
    commit = GroupCommit(lambda items: batches.append(items) or items, 100)

    answering.scheduler.answer(lambda: commit(1))
    answering.scheduler.end_cycle(quiet=False)

    assert batches == [[1]]


def test_with_a_single_connection_a_batch_begins_at_once(single: Answering) -> None:
    batches: list[list[int]] = []
    commit = GroupCommit(lambda items: batches.append(items) or items, 100)

    single.scheduler.answer(lambda: commit(1))
    single.scheduler.end_cycle(quiet=False)

    assert batches == [[1]]


def reading_steps(at: socket.socket) -> Generator[int, int, bytes]:
    """Steps that wait until the socket can be written to, then until it has bytes to read."""
    assert (yield EVENT_WRITE) == EVENT_WRITE
    assert (yield EVENT_READ) == EVENT_READ
    return at.recv(9)


def waits_until_another_has_written(answering: Answering) -> list[object]:
    """Return the results of two requests: one waits at a socket for the bytes of the other."""
    here, there = socket.socketpair()
    results: list[object] = []

    with here, there:
        answering.answer(
            lambda: results.append(cooperative.wait_io(reading_steps(here), here.fileno())),
            lambda: results.append(there.send(b"well")),
        )
        answering.until(lambda: len(results) == 2)
    return results


def test_while_one_request_waits_at_a_socket_others_are_answered(answering: Answering) -> None:
    assert waits_until_another_has_written(answering) == [4, b"well"]


def test_with_a_single_connection_the_thread_itself_waits_at_a_socket_for_a_moment(
    single: Answering,
) -> None:
    here, there = socket.socketpair()
    results: list[object] = []

    with here, there:
        there.send(b"well")
        single.scheduler.answer(
            lambda: results.append(cooperative.wait_io(reading_steps(here), here.fileno()))
        )

    assert results == [b"well"]


def test_either_of_two_events_ends_the_wait_at_a_socket(single: Answering) -> None:
    here, there = socket.socketpair()
    results: list[object] = []

    def steps() -> Generator[int, int, str]:
        yield EVENT_READ | EVENT_WRITE
        return "ready"

    with here, there:
        single.scheduler.answer(lambda: results.append(cooperative.wait_io(steps(), here.fileno())))

    assert results == ["ready"]


def test_after_that_moment_other_requests_are_answered(single: Answering) -> None:
    began = time.monotonic()

    assert waits_until_another_has_written(single) == [4, b"well"]
    assert time.monotonic() - began < DEADLINE_SECONDS / 2, "other requests would have waited"


def test_a_wait_at_a_socket_that_is_always_ready_ends_in_time_too(single: Answering) -> None:
    here, there = socket.socketpair()
    results: list[str] = []

    def always_ready() -> Generator[int, int, None]:
        enough = time.monotonic() + DEADLINE_SECONDS
        while time.monotonic() < enough:
            yield EVENT_WRITE

    def request() -> None:
        try:
            cooperative.wait_io(always_ready(), here.fileno(), seconds=0.1)
        except TimeoutError:
            results.append("late")

    with here, there:
        single.answer(request)
        single.until(lambda: results)

    assert results == ["late"]


def test_an_error_of_a_step_is_raised_where_it_was_waited_for(answering: Answering) -> None:
    here, there = socket.socketpair()
    results: list[str] = []

    def steps() -> Generator[int, int, None]:
        yield EVENT_WRITE
        raise ArithmeticError("no")

    def request() -> None:
        try:
            cooperative.wait_io(steps(), here.fileno())
        except ArithmeticError as error:
            results.append(str(error))

    with here, there:
        answering.answer(request)
        answering.until(lambda: results)

    assert results == ["no"]


def test_a_wait_at_a_socket_that_takes_too_long_ends_and_can_be_tried_again(
    answering: Answering,
) -> None:
    here, there = socket.socketpair()
    results: list[object] = []

    def request() -> None:
        try:
            cooperative.wait_io(reading_steps(here), here.fileno(), seconds=0.0)
        except TimeoutError:
            results.append("late")
        results.append(cooperative.wait_io(reading_steps(here), here.fileno(), seconds=20.0))

    with here, there:
        answering.scheduler.answer(request)
        answering.scheduler.end_cycle()
        there.send(b"well")
        answering.until(lambda: len(results) == 2)

    assert results == ["late", b"well"]


def test_only_a_request_is_on_the_answering_thread(answering: Answering) -> None:
    results = [cooperative.on_answering_thread()]

    answering.answer(lambda: results.append(cooperative.on_answering_thread()))

    assert results == [False, True]


def test_threads_and_requests_share_batches_and_each_gets_its_own_result(
    answering: Answering,
) -> None:
    batches, results = [], []
    commit = GroupCommit(lambda items: batches.append(items) or [-item for item in items], 7)
    count = 200

    with ThreadPoolExecutor(8) as pool:
        futures = [pool.submit(commit, number) for number in range(count)]
        for number in range(count, 2 * count):
            answering.answer(lambda number=number: results.append((number, commit(number))))
        answering.until(lambda: len(results) == count)

    assert [future.result() for future in futures] == [-number for number in range(count)]
    assert all(result == -number for number, result in results)
    assert sorted(item for batch in batches for item in batch) == list(range(2 * count))
    assert max(map(len, batches)) <= 7


def test_a_batch_that_fails_raises_for_all_that_waited_for_it(answering: Answering) -> None:
    def work(_items: list[int]) -> list[int]:
        raise ArithmeticError("no")

    commit, results = GroupCommit(work, 100), []

    def request() -> None:
        try:
            commit(1)
        except ArithmeticError as error:
            results.append(str(error))

    answering.answer(request, request)
    answering.until(lambda: len(results) == 2)

    assert results == ["no", "no"]


def test_an_ordinary_thread_never_calls_greenlet(
    answering: Answering, monkeypatch: pytest.MonkeyPatch
) -> None:
    callers: list[int] = []

    def counted() -> object:
        callers.append(threading.get_ident())
        return getcurrent()

    monkeypatch.setattr(scheduler, "getcurrent", counted)

    def ask() -> None:
        cooperative.handoff()
        cooperative.on_answering_thread()
        cooperative.offload(lambda: None)

    other = threading.Thread(target=ask)
    other.start()
    other.join()
    answering.answer(cooperative.on_answering_thread)

    assert callers == [threading.get_ident()]
