"""An attempt is settled once, and only by the worker that still holds its lease."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DataError

from app import clock
from app.db import Database
from app.db.models import execution_attempts, trigger_breakers, trigger_executions
from app.errors import LeaseLost
from app.worker import circuit_breaker, settle
from app.worker.attempt import FinishedAttempt, Lease, Outcome, RetryTerms
from tests.support import factories

OWNER = "host:1:a"
SUCCEEDED = Outcome("succeeded", summary="done", duration_seconds=0.5)
PERMANENT = Outcome("failed", error="no such berth", category="permanent", http_status=404)
TRANSIENT = Outcome("failed", error="timed out", category="transient", http_status=503)
ASKED_TO_WAIT = replace(TRANSIENT, retry_after_seconds=90.0)
LOST = Outcome("lost", error="the lease expired", category="transient")


def leased(database: Database, number: int = 1) -> Lease:
    execution_id = factories.execution(
        database,
        factories.trigger(database),
        "running",
        lease_owner=OWNER,
        attempt_count=number,
    )
    return Lease(execution_id, number, OWNER)


def terms(database: Database, lease: Lease) -> RetryTerms:
    """Return the terms with the trigger of the leased execution, or any if it is gone."""
    rows = {row.id: row.trigger_id for row in factories.executions(database)}
    return RetryTerms(rows.get(lease.execution_id, 1))


def settled(database: Database, lease: Lease, outcome: Outcome, chance: float = 1.0) -> Any:
    with database.writing() as connection:
        settle.record(
            connection, [FinishedAttempt(lease, terms(database, lease), outcome)], lambda: chance
        )
    (row,) = factories.executions(database)
    return row


@pytest.mark.parametrize(
    ("outcome", "number", "status"),
    [
        (SUCCEEDED, 1, "completed"),
        (SUCCEEDED, 8, "completed"),
        (PERMANENT, 1, "failed"),
        (PERMANENT, 8, "failed"),
        (TRANSIENT, 1, "retrying"),
        (TRANSIENT, 7, "retrying"),
        (TRANSIENT, 8, "failed_retryable"),
        (TRANSIENT, 9, "failed_retryable"),
        (LOST, 1, "retrying"),
        (LOST, 8, "failed_retryable"),
    ],
    ids=lambda value: getattr(value, "outcome", str(value)),
)
def test_an_execution_goes_where_its_attempt_leads(
    database: Database, outcome: Outcome, number: int, status: str
) -> None:
    row = settled(database, leased(database, number), outcome)

    assert row.status == status
    assert (row.lease_owner, row.lease_expires_at) == (None, None)


@pytest.mark.parametrize(("outcome", "number"), [(SUCCEEDED, 1), (PERMANENT, 1), (TRANSIENT, 8)])
def test_a_finished_execution_has_an_end_and_no_next_attempt(
    database: Database, outcome: Outcome, number: int
) -> None:
    row = settled(database, leased(database, number), outcome)

    assert row.completed_at is not None
    assert row.next_attempt_at is None


def test_a_success_is_recorded_with_what_was_said(database: Database) -> None:
    row = settled(database, leased(database), SUCCEEDED)

    assert (row.result_summary, row.error, row.error_category) == ("done", None, None)
    assert row.duration_seconds == 0.5


def test_a_failure_is_recorded_with_its_category(database: Database) -> None:
    row = settled(database, leased(database), PERMANENT)

    assert (row.error, row.error_category) == ("no such berth", "permanent")
    assert row.result_summary is None


@pytest.mark.parametrize(
    ("outcome", "chance", "seconds"),
    [
        (TRANSIENT, 1.0, 2),
        (TRANSIENT, 0.0, 0),
        (replace(TRANSIENT, retry_after_seconds=90.0), 0, 90),
    ],
    ids=["the whole wait", "no wait", "as long as the target asked for"],
)
def test_a_retry_waits_by_the_databases_clock(
    database: Database, outcome: Outcome, chance: float, seconds: float
) -> None:
    row = settled(database, leased(database), outcome, chance)

    wait = row.next_attempt_at - clock.now()
    assert timedelta(seconds=seconds - 5) < wait <= timedelta(seconds=seconds)
    assert row.completed_at is None


def test_the_attempt_ends_with_the_execution(database: Database) -> None:
    settled(database, leased(database), replace(TRANSIENT, duration_seconds=2.5))

    (attempt,) = factories.attempts(database)
    assert attempt.finished_at is not None
    assert attempt.duration_seconds == 2.5
    assert (attempt.outcome, attempt.error, attempt.error_category, attempt.http_status) == (
        "failed",
        "timed out",
        "transient",
        503,
    )


@pytest.mark.parametrize(
    "meanwhile",
    [
        {"lease_owner": "host:2:b"},
        {"lease_owner": None},
        {"attempt_count": 2},
        {"status": "retrying", "lease_owner": None},
        {"status": "completed", "lease_owner": None, "completed_at": factories.LONG_AGO},
    ],
    ids=["another's", "nobody's", "ours, but a later attempt", "waiting again", "done"],
)
def test_a_lost_lease_settles_nothing(database: Database, meanwhile: dict[str, object]) -> None:
    lease = leased(database)
    with database.writing() as connection:
        connection.execute(sa.update(trigger_executions).values(meanwhile))
    before = factories.executions(database), factories.attempts(database)

    with pytest.raises(LeaseLost):
        settled(database, lease, SUCCEEDED)

    assert (factories.executions(database), factories.attempts(database)) == before


def test_an_execution_that_is_gone_settles_nothing(database: Database) -> None:
    lease = leased(database)
    with database.writing() as connection:
        connection.execute(sa.delete(trigger_executions))

    with pytest.raises(LeaseLost):
        settled(database, lease, SUCCEEDED)


def test_an_attempt_settles_once(database: Database) -> None:
    lease = leased(database)
    settled(database, lease, SUCCEEDED)

    with pytest.raises(LeaseLost):
        settled(database, lease, TRANSIENT)


def test_attempts_that_end_together_are_each_written_as_they_ended(database: Database) -> None:
    leases = [leased(database, number) for number in (1, 2, 3)]
    ends = [SUCCEEDED, PERMANENT, ASKED_TO_WAIT]
    together = [
        FinishedAttempt(lease, terms(database, lease), outcome)
        for lease, outcome in zip(leases, ends, strict=True)
    ]
    second = leases[1]
    earlier = {"trigger_id": terms(database, second).trigger_id, "number": 1, "worker": OWNER}
    earlier |= {"execution_id": second.execution_id}

    with database.writing() as connection:
        begun = sa.insert(execution_attempts).values(started_at=clock.now())
        connection.execute(begun, earlier)
        statuses = settle.record(connection, together, lambda: 1.0)

    rows, attempts = factories.executions(database), factories.attempts(database)
    assert statuses == ["completed", "failed", "retrying"] == [row.status for row in rows]
    assert [row.result_summary for row in rows] == ["done", None, None]
    assert [row.error for row in rows] == [None, "no such berth", "timed out"]
    assert [row.duration_seconds for row in rows] == [0.5, None, None]
    assert [(each.number, each.outcome, each.http_status) for each in attempts] == [
        (1, "succeeded", None),
        (2, "failed", 404),
        (3, "failed", 503),
        (1, None, None),
    ]


@pytest.mark.parametrize("kind", ["postgresql"])
def test_one_statement_writes_the_same(database: Database) -> None:
    leases = [leased(database, number) for number in (1, 2, 3)]
    ends = [replace(SUCCEEDED, http_status=204), PERMANENT, LOST]
    together = [
        FinishedAttempt(lease, terms(database, lease), outcome)
        for lease, outcome in zip(leases, ends, strict=True)
    ]

    with database.single_statement() as connection:
        statuses, changes = settle.single_statement(connection, together, lambda: 1.0, [1, 2])

    rows, attempts = factories.executions(database), factories.attempts(database)
    assert statuses == ["completed", "failed", "retrying"] == [row.status for row in rows]
    assert [row.result_summary for row in rows] == ["done", None, None]
    assert [row.lease_owner for row in rows] == [None, None, None]
    assert [(each.outcome, each.http_status) for each in attempts] == [
        ("succeeded", 204),
        ("failed", 404),
        ("lost", None),
    ]
    assert changes == []


@pytest.mark.parametrize("kind", ["postgresql"])
def test_one_statement_settles_none_if_one_lease_is_lost(database: Database) -> None:
    first, second = leased(database), leased(database)
    taken = replace(second, owner="another")
    together = [
        FinishedAttempt(lease, terms(database, lease), SUCCEEDED) for lease in (first, taken)
    ]

    ids = f"of {first.execution_id}, {second.execution_id}"
    with pytest.raises(LeaseLost, match=ids), database.single_statement() as connection:
        settle.single_statement(connection, together, lambda: 1.0, [])

    assert [row.status for row in factories.executions(database)] == ["running", "running"]
    assert [each.outcome for each in factories.attempts(database)] == [None, None]


@pytest.mark.parametrize("kind", ["postgresql"])
def test_what_the_database_cannot_take_is_no_lost_lease(database: Database) -> None:
    odd = replace(SUCCEEDED, summary="a zero byte: \0")
    ended = FinishedAttempt(leased(database), RetryTerms(1), odd)

    with pytest.raises(DataError), database.single_statement() as connection:
        settle.single_statement(connection, [ended], lambda: 1.0, [])


@pytest.mark.parametrize("kind", ["postgresql"])
@pytest.mark.parametrize("opened", [True, False])
def test_one_statement_closes_the_breaker_of_a_target_that_answered(
    database: Database, opened: bool
) -> None:
    lease, other = leased(database), factories.trigger(database)
    (answered,) = [row.trigger_id for row in factories.executions(database)]
    since = clock.now() if opened else None
    made = sa.insert(trigger_breakers).values(failure_count=5, opened_at=since, probe_at=since)
    with database.writing() as connection:
        connection.execute(made, [{"trigger_id": answered}, {"trigger_id": other}])

    ended = [FinishedAttempt(lease, RetryTerms(answered), SUCCEEDED)]
    with database.single_statement() as connection:
        _, changes = settle.single_statement(connection, ended, lambda: 1.0, [answered])
        left = connection.execute(sa.select(trigger_breakers.c.trigger_id)).scalars().all()

    assert changes == ([circuit_breaker.BreakerChange(answered, False, 5)] if opened else [])
    assert left == [other]


@pytest.mark.parametrize("kind", ["postgresql"])
def test_one_statement_closes_breakers_in_the_order_of_triggers(database: Database) -> None:
    lease, first, second = (
        leased(database),
        factories.trigger(database),
        factories.trigger(database),
    )
    with database.writing() as connection:
        for trigger_id in (second, first):  # as they lie in the table
            values = {"trigger_id": trigger_id, "failure_count": 1}
            connection.execute(sa.insert(trigger_breakers), values)
    counted = sa.update(trigger_breakers).values(failure_count=2)

    def settled_at_once() -> list[str]:
        ended = [FinishedAttempt(lease, terms(database, lease), SUCCEEDED)]
        with database.single_statement() as connection:
            return settle.single_statement(connection, ended, lambda: 1.0, [first, second])[0]

    with ThreadPoolExecutor(1) as pool, database.writing() as other:
        other.execute(counted.where(trigger_breakers.c.trigger_id == first))
        settling = pool.submit(settled_at_once)
        waits = "SELECT 1 FROM pg_locks WHERE NOT granted"
        while not other.exec_driver_sql(waits).first():
            assert not settling.done()
        other.execute(counted.where(trigger_breakers.c.trigger_id == second))
        other.commit()
        assert settling.result() == ["completed"]


def test_one_lost_lease_among_several_settles_none_of_them(database: Database) -> None:
    first, second = leased(database), leased(database)
    taken = replace(second, owner="another")

    with pytest.raises(LeaseLost, match="1 of 2"), database.writing() as connection:
        settle.record(
            connection,
            [FinishedAttempt(lease, terms(database, lease), SUCCEEDED) for lease in (first, taken)],
            lambda: 1.0,
        )

    assert [row.status for row in factories.executions(database)] == ["running", "running"]
    assert [each.outcome for each in factories.attempts(database)] == [None, None]
