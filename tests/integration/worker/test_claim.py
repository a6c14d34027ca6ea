"""A due execution is leased to one worker at a time, and counted as it is."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
import sqlalchemy as sa

from app import clock
from app.db import Database, utc_now
from app.db.models import trigger_executions
from app.executions import due
from app.executions.due import DueTrigger
from app.settings import Settings
from app.worker import claim, fair_share
from app.worker.attempt import Attempt, request_id
from tests.support import factories

OWNER = "host:1:a"


@pytest.fixture
def trigger_id(database: Database) -> int:
    return factories.trigger(database)


def claimed(
    database: Database, settings: Settings, limit: int = 10, owner: str = OWNER
) -> list[Attempt]:
    with database.reading() as connection:
        due_triggers = due.find_triggers(connection)
    quick = {each.trigger_id for each in due_triggers}
    slots = fair_share.allocate(due_triggers, fair_share.Capacity(limit, {}, quick))
    shares = [(each, slots[each.trigger_id]) for each in due_triggers if each.trigger_id in slots]
    with database.writing() as connection:
        return claim.due(connection, owner, shares, settings)


def test_a_due_execution_is_running_under_a_lease(
    database: Database, settings: Settings, trigger_id: int
) -> None:
    execution_id = factories.execution(database, trigger_id)

    (attempt,) = claimed(database, settings)

    (row,) = factories.executions(database)
    assert attempt.lease.execution_id == execution_id
    assert (row.status, row.lease_owner, row.attempt_count) == ("running", OWNER, 1)


def test_a_lease_lasts_as_long_as_the_settings_say(
    database: Database, settings: Settings, trigger_id: int
) -> None:
    factories.execution(database, trigger_id)

    claimed(database, settings)

    (row,) = factories.executions(database)
    left = row.lease_expires_at - clock.now()
    assert timedelta(seconds=50) < left <= timedelta(seconds=60)


def test_an_attempt_is_written_down_when_it_is_claimed(
    database: Database, settings: Settings, trigger_id: int
) -> None:
    execution_id = factories.execution(database, trigger_id, "retrying", attempt_count=3)

    (attempt,) = claimed(database, settings)

    (row,) = factories.attempts(database)
    assert attempt.lease.number == 4
    assert (row.execution_id, row.number, row.worker, row.outcome) == (execution_id, 4, OWNER, None)


def test_the_first_start_is_remembered_when_an_execution_is_claimed_again(
    database: Database, settings: Settings, trigger_id: int
) -> None:
    factories.execution(database, trigger_id, "retrying")

    claimed(database, settings)

    (row,) = factories.executions(database)
    assert row.started_at == factories.LONG_AGO


def test_the_longest_waiting_are_claimed_first_and_no_more_than_asked_for(
    database: Database, settings: Settings, trigger_id: int
) -> None:
    ids = [
        factories.execution(database, trigger_id, next_attempt_at=utc_now(-seconds))
        for seconds in (10, 30, 20)
    ]

    attempts = claimed(database, settings, limit=2)

    assert [attempt.lease.execution_id for attempt in attempts] == [ids[1], ids[2]]


@pytest.mark.parametrize(
    ("status", "given"),
    [
        ("pending", {"next_attempt_at": None}),
        ("retrying", {"next_attempt_at": None}),
        ("pending", {"next_attempt_at": utc_now(60)}),
        ("retrying", {"next_attempt_at": utc_now(60)}),
        ("running", {}),
        ("running", {"lease_owner": None, "lease_expires_at": None}),
        ("running", {"next_attempt_at": None, "lease_owner": None, "lease_expires_at": None}),
        ("completed", {}),
        ("failed", {}),
        ("failed_retryable", {}),
        ("replayed", {}),
    ],
    ids=[
        "held as found, pending",
        "held as found, retrying",
        "pending, later",
        "retrying, later",
        "leased",
        "running without a lease",
        "held as found, running",
        "completed",
        "failed",
        "failed_retryable",
        "replayed",
    ],
)
def test_what_is_not_due_is_never_claimed(
    database: Database,
    settings: Settings,
    trigger_id: int,
    status: str,
    given: dict[str, object],
) -> None:
    factories.execution(database, trigger_id, status, **given)

    assert claimed(database, settings) == []


def test_a_row_that_older_code_wrote_is_due_at_once(
    database: Database, settings: Settings, trigger_id: int
) -> None:
    with database.writing() as connection:
        connection.execute(sa.insert(trigger_executions).values(trigger_id=trigger_id))

    (attempt,) = claimed(database, settings)

    assert attempt.work.event_data == "{}"


def test_eight_claimers_take_each_of_two_hundred_exactly_once(
    database: Database, settings: Settings, trigger_id: int
) -> None:
    row = {"trigger_id": trigger_id, "event_data": "{}", "next_attempt_at": factories.LONG_AGO}
    with database.writing() as connection:
        connection.execute(sa.insert(trigger_executions), [row] * 200)
    together = Barrier(8)

    def take(number: int) -> list[int]:
        together.wait(120)
        taken = []
        while attempts := claimed(database, settings, limit=7, owner=f"worker {number}"):
            assert len(attempts) <= 7
            taken += [attempt.lease.execution_id for attempt in attempts]
        return taken

    with ThreadPoolExecutor(8) as pool:
        counts = Counter(taken for all_taken in pool.map(take, range(8)) for taken in all_taken)

    assert len(counts) == 200
    assert set(counts.values()) == {1}


def test_the_work_is_what_trigger_and_request_say(database: Database, settings: Settings) -> None:
    trigger_id = factories.trigger(
        database, slug="a-slug", action_type="http", action_payload="http://x", secret="s"
    )
    execution_id = factories.execution(database, trigger_id, event_data='{"a":1}')
    factories.request_of(database, execution_id, b"\x00\xff", "image/png")

    (attempt,) = claimed(database, settings)

    assert attempt.work == factories.work(
        settings,
        execution_id=execution_id,
        action_type="http",
        action_payload="http://x",
        event_data='{"a":1}',
        body=b"\x00\xff",
        content_type="image/png",
        trigger_id=trigger_id,
        trigger_slug="a-slug",
        trigger_secret="s",
    )


@pytest.mark.parametrize(
    ("due_trigger", "simple"),
    [
        (DueTrigger(1, 0.0), True),
        (DueTrigger(1, 0.0, max_concurrency=1), False),
        (DueTrigger(1, 0.0, max_concurrency=9), False),
        (DueTrigger(1, 0.0, probe_in_seconds=0.0), False),
    ],
)
def test_only_a_trigger_without_a_limit_is_claimed_of_by_one_statement(
    due_trigger: DueTrigger, simple: bool
) -> None:
    assert claim.by_one_statement(due_trigger) is simple


@pytest.mark.parametrize(
    "headers", [None, "", "no JSON", "[]", '{"x-request-id": 1}', "[" * 99_999]
)
def test_headers_that_name_no_request_are_no_obstacle(headers: str | None) -> None:
    assert request_id(headers) is None
