"""A bulk replay keeps its pace, and stops when the first replays fail again."""

import threading
import time
from collections.abc import Iterable

import pytest

from app.db import Database, utc_now
from app.errors import NotFound, NotReplayable, RateLimited
from app.executions.bulk_replay import BulkReplayResult, FailingAgain, Pace, replay_many
from app.triggers import removal
from tests.integration.executions.test_replay import change, dead_letter, row
from tests.support import factories

FAST = Pace(per_second=1000, stop_after=0)
LONGEST_SECONDS = 120.0
TRUSTING = Pace(per_second=1000, stop_after=3, wait_seconds=LONGEST_SECONDS)


def dead_letters(database: Database, number: int) -> list[int]:
    trigger_id = factories.trigger(database)
    return [dead_letter(database, trigger_id, idempotency_key=None) for _ in range(number)]


def ending(database: Database, status: str, until: int | None = None) -> threading.Thread:
    """Return a thread that gives each pending execution this status, `until` of them at most."""

    def work() -> None:
        ended = 0
        deadline = time.monotonic() + LONGEST_SECONDS
        while ended < (until or 1) and time.monotonic() < deadline:
            for each in factories.executions(database):
                if each.status == "pending":
                    end(database, each.id, status)
                    ended += 1

    return threading.Thread(target=work)


def end(database: Database, execution_id: int, status: str) -> None:
    change(database, execution_id, status=status, error="still no", **factories._of_status(status))


def replayed(
    database: Database, ids: Iterable[int], pace: Pace, stop: threading.Event | None = None
) -> list[BulkReplayResult]:
    return list(replay_many(database, ids, pace, stop or threading.Event()))


def test_each_is_replayed_in_the_order_given(database: Database) -> None:
    ids = dead_letters(database, 4)

    results = replayed(database, ids[::-1], FAST)

    assert [each.execution_id for each in results] == ids[::-1]
    assert [row(database, each.successor or 0).replay_of_id for each in results] == ids[::-1]
    assert {each.outcome for each in results} == {"replayed"}


def test_what_cannot_be_replayed_does_not_keep_the_others(database: Database) -> None:
    ids = dead_letters(database, 3)
    change(database, ids[0], last_replay_at=utc_now())
    change(database, ids[1], status="completed")

    results = replayed(database, [*ids, 4711], FAST)

    assert [each.outcome for each in results] == [
        "rate_limited",
        "not_replayable",
        "replayed",
        "not_found",
    ]
    refusals = [type(each.refusal) for each in results]
    assert refusals == [RateLimited, NotReplayable, type(None), NotFound]


def test_the_pace_is_kept(database: Database) -> None:
    pace = Pace(per_second=20, stop_after=0)
    ids = dead_letters(database, 4)
    began = time.monotonic()

    replayed(database, ids, pace)

    assert time.monotonic() - began > 3 / 20 - 0.01


@pytest.mark.parametrize("status", ["failed", "failed_retryable", "retrying"])
def test_when_the_first_ones_fail_again_the_others_stay(database: Database, status: str) -> None:
    ids = dead_letters(database, 6)
    worker = ending(database, status, until=3)
    worker.start()

    with pytest.raises(FailingAgain, match=r"^the first 3 replays failed again \(still no\)"):
        replayed(database, ids, TRUSTING)

    worker.join()
    assert [row(database, each).status for each in ids] == ["replayed"] * 3 + ["failed"] * 3


def test_one_that_completes_lets_all_follow_unwatched(database: Database) -> None:
    ids = dead_letters(database, 6)
    worker = ending(database, "completed")
    worker.start()

    results = replayed(database, ids, TRUSTING)

    worker.join()
    assert [each.outcome for each in results] == ["replayed"] * 6


def test_one_that_completes_after_two_that_failed_lets_all_follow(database: Database) -> None:
    ids = dead_letters(database, 6)

    results = []
    for result in replay_many(database, ids, TRUSTING, threading.Event()):
        results.append(result)
        end(database, result.successor or 0, "completed" if len(results) == 3 else "failed")

    assert len(results) == 6


def test_refusals_are_not_failures(database: Database) -> None:
    ids = dead_letters(database, 2)
    unknown = [4711, 4712, 4713, 4714]

    results = []
    for result in replay_many(database, [*unknown, *ids], TRUSTING, threading.Event()):
        results.append(result)
        if result.successor:
            end(database, result.successor, "failed")

    assert [each.outcome for each in results] == ["not_found"] * 4 + ["replayed"] * 2


def test_when_no_worker_runs_the_others_follow_after_the_time_for_looking(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    ids = dead_letters(database, 4)

    results = replayed(database, ids, Pace(per_second=1000, stop_after=3, wait_seconds=0.2))

    assert len(results) == 4
    assert "replay_unfinished" in caplog.text


def test_what_is_deleted_while_it_is_looked_at_stops_nothing(database: Database) -> None:
    ids = dead_letters(database, 1)
    other = dead_letters(database, 1)

    results = []
    for result in replay_many(database, [*ids, *other], TRUSTING, threading.Event()):
        results.append(result)
        remove_trigger_of(database, result.successor or 0)

    assert len(results) == 2


def remove_trigger_of(database: Database, execution_id: int) -> None:

    removal.remove_trigger(database, str(row(database, execution_id).trigger_id))


def test_once_stopped_nothing_more_follows(database: Database) -> None:
    ids = dead_letters(database, 4)
    stop = threading.Event()

    results = []
    for result in replay_many(database, ids, FAST, stop):
        results.append(result)
        if len(results) == 2:
            stop.set()

    assert len(results) == 2
    assert [row(database, each).status for each in ids] == ["replayed"] * 2 + ["failed"] * 2


def test_stopped_while_looking_it_ends_at_once(database: Database) -> None:
    ids = dead_letters(database, 2)
    stop = threading.Event()
    began = time.monotonic()

    for _ in replay_many(database, ids, TRUSTING, stop):
        stop.set()

    assert time.monotonic() - began < LONGEST_SECONDS / 2
    assert row(database, ids[1]).status == "failed"
