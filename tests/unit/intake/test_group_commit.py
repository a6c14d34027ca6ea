"""Items that come at the same time are one batch, and each caller gets its own result."""

import gc
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress

import pytest

from app import cooperative
from app.db import time_limit
from app.errors import DatabaseUnavailable
from app.intake import group_commit
from app.intake.group_commit import GroupCommit, Ticket

DEADLINE_SECONDS = 120.0


class Gate:
    """Work that waits to be let on, and remembers the batches that it was given."""

    def __init__(self, answer: Callable[[str], object] = str.upper) -> None:
        self.batches: list[list[str]] = []
        self.arrived = threading.Semaphore(0)
        self.open = threading.Semaphore(0)
        self._answer = answer

    def __call__(self, items: list[str]) -> list[object]:
        self.batches.append(items)
        self.arrived.release()
        assert self.open.acquire(timeout=DEADLINE_SECONDS)
        return [self._answer(item) for item in items]


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(20) as made:
        yield made


def gathered(
    pool: ThreadPoolExecutor, gate: Gate, together: GroupCommit[str, object], *items: str
) -> list[Future[object]]:
    """One caller leads with the first item; the others wait, in order."""
    first = pool.submit(together, items[0])
    assert gate.arrived.acquire(timeout=DEADLINE_SECONDS)
    futures = [first]
    for number, item in enumerate(items[1:], start=1):
        futures.append(pool.submit(together, item))
        until(lambda number=number: len(together._waiting) == number)
    return futures


def until(true: Callable[[], bool]) -> None:
    for _ in range(int(DEADLINE_SECONDS * 1000)):
        if true():
            return
        threading.Event().wait(0.001)
    raise AssertionError("it never became true")


def results(futures: list[Future[object]]) -> list[object]:
    return [future.result(DEADLINE_SECONDS) for future in futures]


def test_items_that_come_while_a_batch_runs_are_the_next_batch(pool: ThreadPoolExecutor) -> None:
    gate = Gate()
    futures = gathered(pool, gate, GroupCommit(gate, 100), "a", "b", "c", "d")

    gate.open.release(2)

    assert results(futures) == ["A", "B", "C", "D"]
    assert gate.batches == [["a"], ["b", "c", "d"]]


def test_a_batch_does_not_exceed_the_weight_limit(pool: ThreadPoolExecutor) -> None:
    gate = Gate()
    futures = gathered(pool, gate, GroupCommit(gate, 2), "a", "b", "c", "d")

    gate.open.release(3)

    assert results(futures) == ["A", "B", "C", "D"]
    assert gate.batches == [["a"], ["b", "c"], ["d"]]


def test_an_item_above_the_weight_limit_is_a_batch_by_itself() -> None:
    together: GroupCommit[str, str] = GroupCommit(lambda items: items, 2)

    assert together("huge", weight=1000) == "huge"


def test_each_caller_gets_its_own_error(pool: ThreadPoolExecutor) -> None:
    gate = Gate(lambda item: KeyError(item) if item == "bad" else item)
    futures = gathered(pool, gate, GroupCommit(gate, 100), "a", "b", "bad", "c")

    gate.open.release(2)

    assert results([futures[0], futures[1], futures[3]]) == ["a", "b", "c"]
    with pytest.raises(KeyError, match="bad"):
        futures[2].result(DEADLINE_SECONDS)


@pytest.mark.parametrize("trouble", [RuntimeError, SystemExit, MemoryError])
def test_no_caller_waits_for_ever_if_the_work_fails(
    pool: ThreadPoolExecutor, trouble: type[BaseException]
) -> None:
    def answer(item: str) -> object:
        if item == "bad":
            raise trouble(item)
        return item

    gate = Gate(answer)
    together: GroupCommit[str, object] = GroupCommit(gate, 100)
    futures = gathered(pool, gate, together, "a", "bad", "b")

    gate.open.release(3)

    assert futures[0].result(DEADLINE_SECONDS) == "a"
    for future in futures[1:]:
        with pytest.raises(trouble):
            future.result(DEADLINE_SECONDS)
    assert together("d") == "d"


def test_a_thousand_callers_are_all_answered_and_once(pool: ThreadPoolExecutor) -> None:
    seen: list[int] = []

    def work(items: list[int]) -> list[int]:
        seen.extend(items)
        return [item * 2 for item in items]

    together: GroupCommit[int, int] = GroupCommit(work, 7)

    answers = list(pool.map(together, range(1000)))

    assert answers == [number * 2 for number in range(1000)]
    assert sorted(seen) == list(range(1000))


class Body:
    """An item of a batch, as large as a sender likes."""


def refused(bodies: Sequence[Body]) -> list[ArithmeticError]:
    return [ArithmeticError() for _ in bodies]


def failed(bodies: Sequence[Body]) -> list[ArithmeticError]:
    raise ArithmeticError(f"{len(bodies)} bodies")


@pytest.mark.parametrize("work", [refused, failed])
def test_a_caller_with_an_error_leaves_its_item_to_no_collector(
    work: Callable[[Sequence[Body]], list[ArithmeticError]],
) -> None:
    together: GroupCommit[Body, object] = GroupCommit(work, 100)
    body = Body()
    kept = weakref.ref(body)
    gc.disable()
    try:
        with suppress(ArithmeticError):
            together(body)
        del body
        assert kept() is None
    finally:
        gc.enable()


class StoppedLeader:
    """The hand-off of a caller whose server stops before it leads its batch."""

    def __init__(self, others_wait: Callable[[], bool]) -> None:
        self._others_wait = others_wait

    def lead(self, _work: object) -> None: ...

    def give(self) -> None: ...

    def wait(self) -> None:
        until(self._others_wait)
        raise SystemExit


def test_callers_on_other_threads_end_when_the_server_stops_the_one_that_leads(
    pool: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    together: GroupCommit[str, str] = GroupCommit(list, 100)
    stopped = StoppedLeader(lambda: len(together._waiting) == 2)
    with monkeypatch.context() as patched:
        patched.setattr(cooperative, "handoff", lambda: stopped)
        leader = pool.submit(together, "leads")
        until(lambda: len(together._waiting) == 1)
    ended: list[type[BaseException]] = []

    def wait() -> None:
        try:
            together("waits")
        except DatabaseUnavailable as error:
            ended.append(type(error))

    # not of the pool, whose end would wait for it for ever
    waiting = threading.Thread(target=wait, daemon=True)
    waiting.start()

    with pytest.raises(SystemExit):
        leader.result(DEADLINE_SECONDS)
    waiting.join(DEADLINE_SECONDS)
    assert ended == [DatabaseUnavailable]
    assert together("later") == "later", "another caller leads"


def test_a_caller_whose_time_ran_out_meanwhile_is_in_no_batch(pool: ThreadPoolExecutor) -> None:
    gate = Gate()
    together: GroupCommit[str, object] = GroupCommit(gate, 100)

    def late() -> object:
        with time_limit.until(time.monotonic()):
            return together("late")

    first = pool.submit(together, "a")
    assert gate.arrived.acquire(timeout=DEADLINE_SECONDS)
    waits_too_long = pool.submit(late)
    until(lambda: len(together._waiting) == 1)
    third = pool.submit(together, "c")
    until(lambda: len(together._waiting) == 2)

    gate.open.release(3)

    with pytest.raises(DatabaseUnavailable, match="took too long"):
        waits_too_long.result(DEADLINE_SECONDS)
    assert results([first, third]) == ["A", "C"]
    assert gate.batches == [["a"], ["c"]]


@pytest.mark.parametrize(
    ("ends", "limit"),
    [
        ([], None),
        ([None, None], None),
        ([103.0, 101.0, None, 102.0], 101.0),
        ([103.0, 100.01], 100.0 + time_limit.LEAST_SECONDS),
    ],
)
def test_a_batch_may_take_the_time_of_its_oldest_caller_but_a_moment_at_least(
    monkeypatch: pytest.MonkeyPatch, ends: list[float | None], limit: float | None
) -> None:
    tickets = []
    for end in ends:
        with time_limit.until(end):
            tickets.append(Ticket("item", 1))

    with monkeypatch.context() as patched:
        patched.setattr(time, "monotonic", lambda: 100.0)
        ends_at = group_commit._limit_of(tickets)

    assert ends_at == limit
