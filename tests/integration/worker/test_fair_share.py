"""Workers share their slots between triggers, respect each one's limit, and keep its order."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from threading import Barrier, Event, Lock
from typing import Any

import pytest
import sqlalchemy as sa

from app import actions
from app.actions.work import Work
from app.db import Database, utc_now
from app.db.models import trigger_executions, triggers
from app.errors import ActionFailed
from app.executions import due
from app.executions.due import DueTrigger
from app.settings import Settings
from app.worker import claim, pool
from app.worker.attempt import Attempt
from app.worker.loop import Worker
from tests.integration.worker.test_loop import DEADLINE_SECONDS, running
from tests.support import factories

OWNER = "host:1:a"


def find_due(database: Database) -> dict[int, DueTrigger]:
    with database.reading() as connection:
        return {each.trigger_id: each for each in due.find_triggers(connection)}


def taken(database: Database, settings: Settings, trigger_id: int, count: int = 9) -> list[Attempt]:
    """Claim up to `count` due executions of the trigger, as a worker does."""
    found = find_due(database)
    shares = [(found[trigger_id], count)] if trigger_id in found else []
    with database.writing() as connection:
        return claim.due(connection, OWNER, shares, settings)


def ids(attempts: list[Attempt]) -> list[int]:
    return [attempt.lease.execution_id for attempt in attempts]


def finish(database: Database, execution_id: int, **given: Any) -> None:
    values = {
        "status": "completed",
        "completed_at": utc_now(),
        "lease_owner": None,
        "lease_expires_at": None,
        "next_attempt_at": None,
    }
    change = sa.update(trigger_executions).where(trigger_executions.c.id == execution_id)
    with database.writing() as connection:
        connection.execute(change.values(values | given))


def fail(database: Database, execution_id: int, due_in_seconds: float) -> None:
    again = {"status": "retrying", "completed_at": None, "next_attempt_at": utc_now(due_in_seconds)}
    finish(database, execution_id, **again)


def test_a_look_finds_each_trigger_with_something_waiting(database: Database) -> None:
    due, later, held, done = (factories.trigger(database) for _ in range(4))
    factories.execution(database, due)
    factories.execution(database, later, next_attempt_at=utc_now(50))
    factories.execution(database, held, next_attempt_at=None)
    factories.execution(database, done, "completed")

    found = find_due(database)

    assert sorted(found) == [due, later]
    assert found[due].wait_seconds <= 0
    assert 40 < found[later].wait_seconds <= 50


def test_what_is_due_of_a_trigger_is_found_behind_what_is_held(
    database: Database, settings: Settings
) -> None:
    trigger_id = factories.trigger(database)
    factories.execution(database, trigger_id, next_attempt_at=None)
    due = factories.execution(database, trigger_id)

    assert ids(taken(database, settings, trigger_id)) == [due]


def test_a_trigger_runs_no_more_at_once_than_it_may(database: Database, settings: Settings) -> None:
    trigger_id = factories.trigger(database, max_concurrency=2)
    for _ in range(5):
        factories.execution(database, trigger_id)

    first = taken(database, settings, trigger_id)
    second = taken(database, settings, trigger_id)

    assert (len(first), len(second)) == (2, 0)


def test_eight_claimers_together_do_not_exceed_the_limit(
    database: Database, settings: Settings
) -> None:
    trigger_id = factories.trigger(database, max_concurrency=3)
    for _ in range(40):
        factories.execution(database, trigger_id)
    seen, together = find_due(database)[trigger_id], Barrier(8)

    def take(number: int) -> int:
        together.wait(DEADLINE_SECONDS)
        count = 0
        for _ in range(5):
            with database.writing() as connection:
                count += len(claim.due(connection, f"worker {number}", [(seen, 4)], settings))
        return count

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(take, range(8))) == 3


def test_one_at_a_time_keeps_the_order_of_admission(database: Database, settings: Settings) -> None:
    trigger_id = factories.trigger(database, max_concurrency=1)
    admitted = [
        factories.execution(database, trigger_id, next_attempt_at=factories.LONG_AGO)
        for _ in range(3)
    ]

    order = []
    for _ in admitted:
        (only,) = taken(database, settings, trigger_id)
        assert taken(database, settings, trigger_id) == []
        order.append(only.lease.execution_id)
        finish(database, only.lease.execution_id)

    assert order == admitted


def test_one_at_a_time_waits_for_the_retry_of_an_earlier_one(
    database: Database, settings: Settings
) -> None:
    trigger_id = factories.trigger(database, max_concurrency=1)
    first, second = (factories.execution(database, trigger_id) for _ in range(2))
    (attempt,) = taken(database, settings, trigger_id)
    fail(database, first, due_in_seconds=60)

    waits = find_due(database)[trigger_id].wait_seconds
    meanwhile = taken(database, settings, trigger_id)
    fail(database, first, due_in_seconds=-1)
    (again,) = taken(database, settings, trigger_id)

    assert ids([attempt]) == [first]
    assert 50 < waits <= 60
    assert meanwhile == []
    assert (again.lease.execution_id, again.lease.number) == (first, 2)
    finish(database, first)
    assert ids(taken(database, settings, trigger_id)) == [second]


def test_several_workers_keep_the_order_of_admission_though_attempts_fail(
    database: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone, order, done = Lock(), [], Event()

    def act(work: Work) -> str:
        assert alone.acquire(blocking=False)
        with ExitStack() as leaving:
            leaving.callback(alone.release)
            order.append(work.execution_id)
            if work.execution_id % 3 == work.attempt_number:
                raise ActionFailed("HTTP 503", http_status=503)
            if work.execution_id == last:
                done.set()
        return "done"

    monkeypatch.setitem(actions.ACTIONS, "test", act)
    serial = {"max_concurrency": 1, "retry_policy": '{"base_seconds": 0.01}'}
    trigger_id = factories.trigger(database, action_type="test", **serial)
    admitted = [factories.execution(database, trigger_id) for _ in range(12)]
    last = admitted[-1]

    with ExitStack() as workers:
        for _ in range(3):
            workers.enter_context(running(Worker(database, settings)))
        assert done.wait(DEADLINE_SECONDS)

    assert order == sorted(order)
    assert set(order) == set(admitted)
    assert {row.status for row in factories.executions(database)} == {"completed"}


def test_more_than_one_at_a_time_does_not_wait_for_a_retry(
    database: Database, settings: Settings
) -> None:
    trigger_id = factories.trigger(database, max_concurrency=2)
    factories.execution(database, trigger_id, "retrying", next_attempt_at=utc_now(60))
    second = factories.execution(database, trigger_id)

    assert ids(taken(database, settings, trigger_id)) == [second]


def test_a_limit_that_is_taken_away_between_look_and_claim_no_longer_holds(
    database: Database, settings: Settings
) -> None:
    trigger_id = factories.trigger(database, max_concurrency=2)
    for _ in range(5):
        factories.execution(database, trigger_id)
    seen = find_due(database)[trigger_id]
    with database.writing() as connection:
        connection.execute(sa.update(triggers).values(max_concurrency=None))

    with database.writing() as connection:
        assert len(claim.due(connection, OWNER, [(seen, 9)], settings)) == 5


def test_a_trigger_whose_target_hangs_keeps_no_other_waiting(
    database: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    hanging, lively, may_end, ran = (
        factories.trigger(database, action_type="test", slug="hanging"),
        factories.trigger(database, action_type="test", slug="lively"),
        Event(),
        Event(),
    )

    def act(work: Work) -> str:
        return str(ran.set() if work.trigger_slug == "lively" else may_end.wait(DEADLINE_SECONDS))

    monkeypatch.setitem(actions.ACTIONS, "test", act)
    for _ in range(100):
        factories.execution(database, hanging)

    with running(Worker(database, settings, concurrency=4)):
        while len([row for row in factories.executions(database) if row.status == "running"]) < 3:
            may_end.wait(0.02)
        factories.execution(database, lively)

        in_time = ran.wait(DEADLINE_SECONDS / 2)
        may_end.set()

    assert in_time


def test_many_triggers_whose_targets_hang_keep_no_other_waiting(
    database: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        pool, "SLOW_SECONDS", 0.0
    )  # each trigger that has run once is known to be slow
    may_end, ran = Event(), Event()
    may_end.set()

    def act(work: Work) -> str:
        return str(ran.set() if work.trigger_slug == "lively" else may_end.wait(DEADLINE_SECONDS))

    monkeypatch.setitem(actions.ACTIONS, "test", act)
    hanging = [factories.trigger(database, action_type="test") for _ in range(3)]
    lively = factories.trigger(database, action_type="test", slug="lively")
    worker = Worker(database, settings, concurrency=2)
    for each in hanging:
        factories.execution(database, each)
    worker.run_once()

    may_end.clear()
    for each in hanging:
        factories.execution(database, each)
    begun = worker.work_once()
    factories.execution(database, lively)
    begun_beside = worker.work_once()
    in_time = ran.wait(DEADLINE_SECONDS)
    may_end.set()
    worker.run_once()

    assert (begun, begun_beside, in_time) == (1, 1, True)


def test_an_older_execution_is_given_up_instead_of_retried(
    database: Database, settings: Settings
) -> None:
    policy = '{"max_age_seconds": 60, "base_seconds": 0}'
    trigger_id = factories.trigger(
        database, action_type="http", action_payload="http://127.0.0.1:1/", retry_policy=policy
    )
    old = factories.execution(database, trigger_id, received_at=utc_now(-61))

    Worker(database, settings, concurrency=1).run_once()

    (row,) = factories.executions(database)
    assert (row.id, row.status, row.attempt_count) == (old, "failed_retryable", 1)


def test_a_trigger_is_tried_as_often_as_its_policy_says(
    database: Database, settings: Settings
) -> None:
    policy = '{"max_attempts": 3, "base_seconds": 0}'
    trigger_id = factories.trigger(
        database, action_type="http", action_payload="http://127.0.0.1:1/", retry_policy=policy
    )
    factories.execution(database, trigger_id)

    made = Worker(database, settings).run_once()

    (row,) = factories.executions(database)
    assert (made, row.status, row.error_reason) == (3, "failed_retryable", "connection")
    assert {each.error_reason for each in factories.attempts(database)} == {"connection"}


def test_a_replay_is_sent_under_the_id_of_the_first_in_its_chain(
    database: Database, settings: Settings
) -> None:
    trigger_id = factories.trigger(database)
    first = factories.execution(database, trigger_id, "replayed")
    factories.execution(database, trigger_id, chain_id=first, replay_of_id=first)

    (attempt,) = taken(database, settings, trigger_id)

    assert attempt.work.chain_id == first


def test_a_secret_that_cannot_be_opened_keeps_only_its_own_trigger_waiting(
    database: Database, settings: Settings
) -> None:
    sealed = factories.trigger(database, secret=None, sealed_secret="not ours")
    other = factories.trigger(database)
    one, two = factories.execution(database, sealed), factories.execution(database, other)

    Worker(database, replace(settings), chance=lambda: 1.0).run_once()

    rows = {row.id: row for row in factories.executions(database)}
    assert (rows[one].status, rows[one].error_reason) == ("retrying", "configuration")
    assert "HOOKONCE_SECRET_KEY" in rows[one].error
    assert rows[two].status == "failed"  # there is no such script
