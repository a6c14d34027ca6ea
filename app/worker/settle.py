"""How did it end, and what follows? Written only by whoever still holds the lease."""

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DataError

from app import lifecycle
from app.db import combines_statements, replanned, utc_now
from app.db.models import execution_attempts, trigger_executions
from app.errors import LeaseLost
from app.worker import backoff, circuit_breaker
from app.worker.attempt import FinishedAttempt

_executions = trigger_executions.c
_attempts = execution_attempts.c


def record(
    connection: Connection, ended: Sequence[FinishedAttempt], chance: Callable[[], float]
) -> list[str]:
    """The new status of each execution, written with its attempt's end.

    Compare-and-set on the leases: raises LeaseLost when another worker has taken one of the
    executions over. The transaction is then to be rolled back, and each tried by itself.
    """
    values = [_values(each, chance) for each in ended]
    together = combines_statements(connection)
    settled = _together(connection, values) if together else _each(connection, values)
    if settled != len(ended):
        lost = f"{len(ended) - settled} of {len(ended)}"
        ids = ", ".join(str(each.lease.execution_id) for each in ended)
        raise LeaseLost(f"{lost} execution(s) no longer leased to us, of {ids}")
    return [each["the_status"] for each in values]


def single_statement(
    connection: Connection,
    ended: Sequence[FinishedAttempt],
    chance: Callable[[], float],
    answered: Collection[int],
) -> tuple[list[str], list[circuit_breaker.BreakerChange]]:
    """The same by one statement of PostgreSQL, which is a transaction of its own.

    It also closes the breakers of the triggers that were answered.
    """
    values = [_values(each, chance) for each in ended]
    given = _columns(values) | {"closing": list(answered)}
    try:
        with replanned(connection):
            rows = connection.execute(_settle_at_once(), given).all()
    except DataError as error:
        if getattr(error.orig, "sqlstate", None) != _GUARDED:
            raise
        ids = ", ".join(str(each.lease.execution_id) for each in ended)
        raise LeaseLost(f"some execution(s) are no longer leased to us, of {ids}") from error
    changes = [circuit_breaker.closed(row) for row in rows if row.trigger_id is not None]
    return [each["the_status"] for each in values], [change for change in changes if change]


def _together(connection: Connection, values: Sequence[dict[str, Any]]) -> int:
    """How many were settled: by one statement, whose parameters are columns of rows."""
    with replanned(connection):
        return int(connection.execute(_settle_together(), _columns(values)).scalar_one())


def _columns(values: Sequence[dict[str, Any]]) -> dict[str, list[Any]]:
    return {name: [each[name] for each in values] for name in _TYPES}


def _each(connection: Connection, values: list[dict[str, Any]]) -> int:
    """How many were settled: SQLite has no statement that changes two tables."""
    settle, end = _settle_each()
    settled = connection.execute(settle, values).rowcount
    connection.execute(end, values)
    return settled


_TYPES: dict[str, sa.types.TypeEngine[Any]] = {
    "the_execution": sa.BigInteger(),
    "owner": sa.String(),
    "the_number": sa.Integer(),
    "the_status": sa.String(),
    "wait_seconds": sa.Float(),
    "said": sa.Text(),
    "the_error": sa.Text(),
    "category": sa.String(),
    "reason": sa.String(),
    "seconds": sa.Float(),
    "how": sa.String(),
    "answered": sa.Integer(),
}
"""What is said of each attempt that ended; see _values."""


_GUARDED = "22P02"
"""What `_settle_at_once` fails with: its number is no number."""


@cache
def _settle_each() -> tuple[sa.Update, sa.Update]:
    given = {name: sa.bindparam(name, type_=kind) for name, kind in _TYPES.items()}
    return _settle(given), _end(given)


@cache
def _settle_together() -> sa.Select[int]:
    settled, noted = _settled_and_noted()
    return sa.select(sa.func.count()).select_from(settled).add_cte(noted)


@cache
def _settle_at_once() -> sa.Select[Any]:
    """As _settle_together; it fails, and nothing is kept, unless all were leased to us."""
    settled, noted = _settled_and_noted()
    count = sa.func.count()
    all_of_them = sa.func.cardinality(sa.bindparam("the_execution", type_=sa.ARRAY(sa.BigInteger)))
    said = sa.func.concat("of the executions to settle only so many are leased to us: ", count)
    guarded = sa.case((count == all_of_them, count), else_=sa.cast(said, sa.Integer))
    number = sa.select(guarded.label("settled")).select_from(settled).subquery("number")
    closing = sa.bindparam("closing", type_=sa.ARRAY(sa.Integer))
    closed = circuit_breaker.closing(closing).cte("closed")
    rows = sa.select(number, closed).select_from(number.outerjoin(closed, sa.true()))
    return rows.add_cte(noted)


def _settled_and_noted() -> tuple[sa.CTE, sa.CTE]:
    columns = [sa.bindparam(name, type_=sa.ARRAY(kind)) for name, kind in _TYPES.items()]
    named = [sa.column(name, kind) for name, kind in _TYPES.items()]
    rows = sa.func.unnest(*columns).table_valued(*named, name="said").render_derived()
    ended = sa.select(rows).cte("ended")
    given = dict(ended.c.items())
    settled = _settle(given).returning(_executions.id).cte("settled")
    return settled, _end(given).cte("noted")


def _settle(given: Mapping[str, sa.ColumnElement[Any]]) -> sa.Update:
    status = given["the_status"]
    retried = status == lifecycle.RETRYING
    return (
        sa.update(trigger_executions)
        .where(
            _executions.id == given["the_execution"],
            # joined with nothing: the index of what runs keeps an entry of every claim for a while
            _executions.status + sa.literal_column("''") == lifecycle.RUNNING,
            _executions.lease_owner == given["owner"],
            _executions.attempt_count == given["the_number"],
        )
        .values(
            status=status,
            lease_owner=None,
            lease_expires_at=None,
            next_attempt_at=sa.case((retried, utc_now(given["wait_seconds"]))),
            completed_at=sa.case((~retried, utc_now())),
            result_summary=sa.func.coalesce(given["said"], _executions.result_summary),
            error=given["the_error"],
            error_category=given["category"],
            error_reason=given["reason"],
            duration_seconds=given["seconds"],
        )
    )


def _end(given: Mapping[str, sa.ColumnElement[Any]]) -> sa.Update:
    return (
        sa.update(execution_attempts)
        .where(
            _attempts.execution_id == given["the_execution"],
            _attempts.number == given["the_number"],
        )
        .values(
            finished_at=utc_now(),
            outcome=given["how"],
            error=given["the_error"],
            error_category=given["category"],
            error_reason=given["reason"],
            http_status=given["answered"],
            duration_seconds=given["seconds"],
        )
    )


def _values(ended: FinishedAttempt, chance: Callable[[], float]) -> dict[str, Any]:
    outcome, status = ended.outcome, next_status(ended)
    return {
        "the_execution": ended.lease.execution_id,
        "owner": ended.lease.owner,
        "the_number": ended.lease.number,
        "the_status": status,
        "wait_seconds": _wait_seconds(ended, chance()) if status == lifecycle.RETRYING else 0.0,
        "said": outcome.summary or None,
        "the_error": outcome.error,
        "category": outcome.category,
        "reason": outcome.reason,
        "seconds": outcome.duration_seconds,
        "how": outcome.outcome,
        "answered": outcome.http_status,
    }


def next_status(ended: FinishedAttempt) -> str:
    """Where the execution goes from here. Pure."""
    outcome, policy = ended.outcome, ended.terms.policy
    if outcome.outcome == lifecycle.SUCCEEDED:
        return lifecycle.COMPLETED
    if outcome.handed_back:
        return lifecycle.RETRYING
    age = ended.terms.age_seconds + (outcome.duration_seconds or 0.0)
    too_old = policy.max_age_seconds is not None and age > policy.max_age_seconds
    attempts_left = ended.lease.number < policy.max_attempts and not too_old
    category = outcome.category or lifecycle.TRANSIENT
    return lifecycle.after_failure(category, attempts_left=attempts_left)


def _wait_seconds(ended: FinishedAttempt, chance: float) -> float:
    if ended.outcome.handed_back:
        return 0.0
    asked = ended.outcome.retry_after_seconds
    return backoff.wait_seconds(ended.lease.number, ended.terms.policy, chance, asked)
