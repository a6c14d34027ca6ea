"""Find the triggers that have executions due where Citus distributes the executions.

A skip scan over all shards would be a recursive statement, which Citus refuses. So each shard lists
its waiting triggers from its index, and each of those is asked for by a statement of its own.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from app.db import on_shard, utc_now
from app.db.models import trigger_breakers, trigger_executions, trigger_pauses, triggers
from app.executions.due_queries import (
    ALWAYS,
    IS_WAITING,
    ONE,
    first_due,
    first_retried,
    running_count,
    tests,
)

_executions = trigger_executions.c


class DueRow(NamedTuple):
    """The row that `due.query` selects for a trigger."""

    id: int
    max_concurrency: int | None
    due_at: datetime | None
    running_count: int
    probe_at: datetime | None
    paused_at: datetime | None
    resumed_at: datetime | None
    next_at: datetime | None
    test_id: int | None
    now: datetime


def rows(connection: Connection, in_order: int) -> Iterator[DueRow]:
    """Yield a row per trigger with waiting executions; with limit `in_order` retries go first."""
    waiting = sa.select(_executions.trigger_id).where(IS_WAITING).distinct()
    ids = connection.execute(waiting).scalars().all()
    for fact in connection.execute(_facts(), {"ids": sorted(ids)}).all():
        yield _row(connection, fact, in_order)


def is_idle(connection: Connection, trigger_id: int) -> bool:
    """Return True if no execution of the trigger waits or runs."""
    id_ = sa.literal(trigger_id, sa.Integer)
    return not _scalar(connection, first_due(_executions.id, id_)) and not _running(connection, id_)


def is_due_until(connection: Connection, trigger_id: int, moment: datetime) -> bool:
    """Return True if an execution of the trigger has been due since this moment or before."""
    first = first_due(_executions.id, sa.literal(trigger_id, sa.Integer))
    return _scalar(connection, first.where(_executions.next_attempt_at <= moment)) is not None


def _facts() -> sa.Select[Any]:
    """Select the facts of the triggers from the tables that are not distributed."""
    breakers, paused = trigger_breakers.c, trigger_pauses.c
    return (
        sa.select(
            triggers.c.id,
            triggers.c.max_concurrency,
            *(breakers.opened_at, breakers.probe_at),
            *(paused.paused_at, paused.resumed_at, paused.next_at),
            utc_now().label("now"),
        )
        .outerjoin(trigger_breakers, breakers.trigger_id == triggers.c.id)
        .outerjoin(trigger_pauses, paused.trigger_id == triggers.c.id)
        .where(triggers.c.id.in_(sa.bindparam("ids", expanding=True)))
    )


def _row(connection: Connection, fact: sa.Row[Any], in_order: int) -> DueRow:
    id_ = sa.literal(fact.id, sa.Integer)
    moment = _executions.next_attempt_at
    due_at = None
    if fact.max_concurrency == in_order:
        due_at = _scalar(connection, first_retried(moment, id_))
    if due_at is None:
        due_at = _scalar(connection, first_due(moment, id_).where(moment >= ALWAYS))
    limited = fact.max_concurrency is not None or fact.opened_at is not None
    return DueRow(
        id=fact.id,
        max_concurrency=fact.max_concurrency,
        due_at=due_at,
        running_count=_running(connection, id_) if limited else 0,
        probe_at=fact.probe_at,
        paused_at=fact.paused_at,
        resumed_at=fact.resumed_at,
        next_at=fact.next_at,
        test_id=_scalar(connection, tests(id_).limit(ONE)),
        now=fact.now,
    )


def _running(connection: Connection, id_: sa.ColumnElement[int]) -> int:
    return int(_scalar(connection, running_count(id_).where(on_shard(_executions.trigger_id, id_))))


def _scalar(connection: Connection, query: sa.Select[Any]) -> Any:
    return connection.execute(query).scalar()
