"""Settle finished attempts: store outcome and new status, only while the lease is still ours."""

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DataError

from app import lifecycle
from app.db import combines_statements, replanned, same_trigger, utc_now
from app.db.models import execution_attempts, trigger_executions
from app.errors import LeaseLost
from app.worker import backoff, circuit_breaker
from app.worker.attempt import FinishedAttempt

_executions = trigger_executions.c
_attempts = execution_attempts.c


def record(
    connection: Connection, finished: Sequence[FinishedAttempt], chance: Callable[[], float]
) -> list[str]:
    """Store the end of each attempt and its execution's new status; return the statuses.

    Compare-and-set on the leases: raises LeaseLost if another worker has claimed one of the
    executions. The caller then rolls back, and settles each attempt by itself.
    """
    values = [_values(each, chance) for each in finished]
    together = combines_statements(connection)
    settled = _settle_all(connection, values) if together else _settle_each(connection, values)
    if settled != len(finished):
        lost = f"{len(finished) - settled} of {len(finished)}"
        ids = ", ".join(str(each.lease.execution_id) for each in finished)
        raise LeaseLost(f"{lost} execution(s) no longer leased to us, of {ids}")
    return [each["the_status"] for each in values]


def single_statement(
    connection: Connection,
    finished: Sequence[FinishedAttempt],
    chance: Callable[[], float],
    answered: Collection[int],
) -> tuple[list[str], list[circuit_breaker.BreakerChange]]:
    """Settle as `record` does, in one statement of PostgreSQL with a transaction of its own.

    It also closes the breakers of the triggers in `answered`.
    """
    values = [_values(each, chance) for each in finished]
    parameters = _columns(values) | {"closing": list(answered)}
    try:
        with replanned(connection):
            rows = connection.execute(_settle_in_one_query(), parameters).all()
    except DataError as error:
        if getattr(error.orig, "sqlstate", None) != _CAST_FAILED:
            raise
        ids = ", ".join(str(each.lease.execution_id) for each in finished)
        raise LeaseLost(f"some execution(s) are no longer leased to us, of {ids}") from error
    changes = [circuit_breaker.closed(row) for row in rows if row.trigger_id is not None]
    return [each["the_status"] for each in values], [change for change in changes if change]


def _settle_all(connection: Connection, values: Sequence[dict[str, Any]]) -> int:
    """Settle by one statement, whose parameters are columns of rows; return the number settled."""
    with replanned(connection):
        return int(connection.execute(_settle_all_query(), _columns(values)).scalar_one())


def _columns(values: Sequence[dict[str, Any]]) -> dict[str, list[Any]]:
    return {name: [each[name] for each in values] for name in _TYPES}


def _settle_each(connection: Connection, values: list[dict[str, Any]]) -> int:
    """Settle by two statements, since SQLite has none for two tables; return the number settled."""
    settle, end = _settle_each_queries()
    settled = connection.execute(settle, values).rowcount
    connection.execute(end, values)
    return settled


_TYPES: dict[str, sa.types.TypeEngine[Any]] = {
    "the_trigger": sa.Integer(),
    "the_execution": sa.BigInteger(),
    "owner": sa.String(),
    "the_number": sa.Integer(),
    "the_status": sa.String(),
    "wait_seconds": sa.Float(),
    "summary": sa.Text(),
    "the_error": sa.Text(),
    "category": sa.String(),
    "reason": sa.String(),
    "seconds": sa.Float(),
    "the_outcome": sa.String(),
    "answer_status": sa.Integer(),
    "the_sent": sa.Text(),
    "the_sent_body": sa.Text(),
    "the_response": sa.Text(),
}
"""Parameters of a finished attempt with their types; see _values.

No parameter has the name of a column: SQLAlchemy would take it for a value to set.
"""


_CAST_FAILED = "22P02"
"""SQLSTATE of `_settle_in_one_query` when a lease is lost: it casts a text to a number."""


@cache
def _settle_each_queries() -> tuple[sa.Update, sa.Update]:
    parameters = {name: sa.bindparam(name, type_=kind) for name, kind in _TYPES.items()}
    return _settle(parameters), _end_attempt(parameters)


@cache
def _settle_all_query() -> sa.Select[int]:
    settled, attempts = _settling_ctes()
    return sa.select(sa.func.count()).select_from(settled).add_cte(attempts)


@cache
def _settle_in_one_query() -> sa.Select[Any]:
    """Return the statement that settles all attempts, or fails and changes nothing.

    It fails if one of them is no longer leased to us: its count is then cast from a text.
    """
    settled, attempts = _settling_ctes()
    count = sa.func.count()
    expected = sa.func.cardinality(sa.bindparam("the_execution", type_=sa.ARRAY(sa.BigInteger)))
    message = sa.func.concat("of the executions to settle only so many are leased to us: ", count)
    guarded = sa.case((count == expected, count), else_=sa.cast(message, sa.Integer))
    number = sa.select(guarded.label("settled")).select_from(settled).subquery("number")
    closing = sa.bindparam("closing", type_=sa.ARRAY(sa.Integer))
    closed = circuit_breaker.closing(closing).cte("closed")
    rows = sa.select(number, closed).select_from(number.outerjoin(closed, sa.true()))
    return rows.add_cte(attempts)


def _settling_ctes() -> tuple[sa.CTE, sa.CTE]:
    """Return the CTEs that update the executions, and their attempts, from arrays of values."""
    columns = [sa.bindparam(name, type_=sa.ARRAY(kind)) for name, kind in _TYPES.items()]
    typed = [sa.column(name, kind) for name, kind in _TYPES.items()]
    rows = sa.func.unnest(*columns).table_valued(*typed, name="finished_rows").render_derived()
    finished = sa.select(rows).cte("finished")
    parameters = dict(finished.c.items())
    settled = _settle(parameters).returning(_executions.id).cte("settled")
    return settled, _end_attempt(parameters).cte("attempts")


def _settle(parameters: Mapping[str, sa.ColumnElement[Any]]) -> sa.Update:
    status = parameters["the_status"]
    retried = status == lifecycle.RETRYING
    return (
        sa.update(trigger_executions)
        .where(*_leased(parameters))
        .values(
            status=status,
            lease_owner=None,
            lease_expires_at=None,
            # NULL seconds give NULL; a CASE around the function is what Citus refuses
            next_attempt_at=utc_now(sa.case((retried, parameters["wait_seconds"]))),
            completed_at=utc_now(sa.case((~retried, 0.0))),
            # a lost attempt has no summary: that of the attempt before is kept
            result_summary=sa.case(
                (parameters["the_outcome"] == lifecycle.LOST, _executions.result_summary),
                else_=parameters["summary"],
            ),
            error=parameters["the_error"],
            error_category=parameters["category"],
            error_reason=parameters["reason"],
            duration_seconds=parameters["seconds"],
        )
    )


def take_back(connection: Connection, finished: Sequence[FinishedAttempt]) -> None:
    """Undo the claims of attempts that this machine could not start.

    Neither the count of attempts nor the history shows them. Raises LeaseLost as `record` does.
    """
    values = [
        {
            "the_trigger": each.terms.trigger_id,
            "the_execution": each.lease.execution_id,
            "owner": each.lease.owner,
            "the_number": each.lease.number,
            "wait_seconds": each.outcome.retry_after_seconds or 0.0,
            "the_error": each.outcome.error,
            "category": each.outcome.category,
            "reason": each.outcome.reason,
        }
        for each in finished
    ]
    undo, forget = _take_back_queries()
    for each in values:
        if connection.execute(undo, each).rowcount != 1:
            raise LeaseLost(f"execution {each['the_execution']} is no longer leased to us")
        connection.execute(forget, each)


@cache
def _take_back_queries() -> tuple[sa.Update, sa.Delete]:
    parameters = {name: sa.bindparam(name, type_=kind) for name, kind in _TYPES.items()}
    undo = (
        sa.update(trigger_executions)
        .where(*_leased(parameters))
        .values(
            status=lifecycle.RETRYING,
            lease_owner=None,
            lease_expires_at=None,
            attempt_count=_executions.attempt_count - 1,
            next_attempt_at=utc_now(parameters["wait_seconds"]),
            error=parameters["the_error"],
            error_category=parameters["category"],
            error_reason=parameters["reason"],
        )
    )
    forget = sa.delete(execution_attempts).where(*_attempt(parameters))
    return undo, forget


def _leased(parameters: Mapping[str, sa.ColumnElement[Any]]) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        same_trigger(_executions.trigger_id, parameters["the_trigger"]),
        _executions.id == parameters["the_execution"],
        # `|| ''`: the index of leases has a dead entry of every claim until VACUUM
        _executions.status + sa.literal_column("''") == lifecycle.RUNNING,
        _executions.lease_owner == parameters["owner"],
        _executions.attempt_count == parameters["the_number"],
    )


def _attempt(parameters: Mapping[str, sa.ColumnElement[Any]]) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        same_trigger(_attempts.trigger_id, parameters["the_trigger"]),
        _attempts.execution_id == parameters["the_execution"],
        _attempts.number == parameters["the_number"],
    )


def _end_attempt(parameters: Mapping[str, sa.ColumnElement[Any]]) -> sa.Update:
    return (
        sa.update(execution_attempts)
        .where(*_attempt(parameters))
        .values(
            finished_at=utc_now(),
            outcome=parameters["the_outcome"],
            error=parameters["the_error"],
            error_category=parameters["category"],
            error_reason=parameters["reason"],
            http_status=parameters["answer_status"],
            duration_seconds=parameters["seconds"],
            sent=parameters["the_sent"],
            sent_body=parameters["the_sent_body"],
            response=parameters["the_response"],
        )
    )


def _values(finished: FinishedAttempt, chance: Callable[[], float]) -> dict[str, Any]:
    outcome, status = finished.outcome, next_status(finished)
    return {
        "the_trigger": finished.terms.trigger_id,
        "the_execution": finished.lease.execution_id,
        "owner": finished.lease.owner,
        "the_number": finished.lease.number,
        "the_status": status,
        "wait_seconds": _wait_seconds(finished, chance()) if status == lifecycle.RETRYING else 0.0,
        "summary": outcome.summary or None,
        "the_error": outcome.error,
        "category": outcome.category,
        "reason": outcome.reason,
        "seconds": outcome.duration_seconds,
        "the_outcome": outcome.outcome,
        "answer_status": outcome.http_status,
        **{f"the_{name}": text for name, text in outcome.exchange._asdict().items()},
    }


def next_status(finished: FinishedAttempt) -> str:
    """Return the next status of the execution. Pure."""
    outcome, policy = finished.outcome, finished.terms.policy
    if outcome.outcome == lifecycle.SUCCEEDED:
        return lifecycle.COMPLETED
    if outcome.handed_back:
        return lifecycle.RETRYING
    age = finished.terms.age_seconds + (outcome.duration_seconds or 0.0)
    too_old = policy.max_age_seconds is not None and age > policy.max_age_seconds
    attempts_left = finished.lease.number < policy.max_attempts and not too_old
    category = outcome.category or lifecycle.TRANSIENT
    return lifecycle.after_failure(category, attempts_left=attempts_left)


def _wait_seconds(finished: FinishedAttempt, chance: float) -> float:
    if finished.outcome.handed_back:
        return 0.0
    retry_after = finished.outcome.retry_after_seconds
    return backoff.wait_seconds(finished.lease.number, finished.terms.policy, chance, retry_after)
