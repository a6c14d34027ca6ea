"""The numbers of `/metrics`: each from one short range of an index, for any number of events.

Every process writes its counts to the database, so each process answers with the same sums.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from app.db import is_one_of, utc_now
from app.db.models import ALL_TIME, delivery_counts, trigger_breakers, trigger_executions, triggers
from app.lifecycle import DEAD, RUNNING, WAITING
from app.stats.counter_store import NO_SOURCE, label
from app.stats.counters import NOBODY

LOOKED_THROUGH = 10_000
"""Rows that are counted of a queue or of the dead letters; beyond it this number is reported."""
_executions = trigger_executions.c

Sums = Mapping[str, Mapping[str, int]]
"""Counts by source, then by outcome."""


@dataclass(frozen=True, slots=True)
class Present:
    """The queue, the breakers and the dead letters at the moment."""

    due: int = 0
    scheduled: int = 0
    held: int = 0
    running: int = 0
    breakers_open: int = 0
    dead: Mapping[str, int] = field(default_factory=dict)
    """Dead letters by reason."""


def sums(connection: Connection) -> Sums:
    """Return the sums of everything ever counted, by source and outcome.

    A source appears as soon as a trigger has it: Prometheus sees no increase in a series that is
    new to it, and would miss the first failure of each source.
    """
    query = sa.select(triggers.c.source).distinct()
    known = {label(source) for source in connection.execute(query).scalars()}
    by_source: dict[str, dict[str, int]] = {source: {} for source in sorted({NO_SOURCE, *known})}
    for text, number in connection.execute(sums_query()):
        source, _, outcome = text.partition("/")
        by_source.setdefault(source, {})[outcome] = int(number)
    return by_source


def sums_query() -> sa.Select[Any]:
    """Select one range of the primary key: a row for each outcome of each source."""
    columns = delivery_counts.c
    query = sa.select(columns.outcome, columns.number)
    return query.where(columns.hour == ALL_TIME, columns.trigger_id == NOBODY)


def present(connection: Connection) -> Present:
    """Return the state at the moment; numbers stop at LOOKED_THROUGH."""
    due, scheduled, held = connection.execute(waiting_query()).one()
    return Present(
        due=int(due),
        scheduled=int(scheduled),
        held=int(held),
        running=int(connection.execute(running_query()).scalar_one()),
        breakers_open=int(connection.execute(_breakers_query()).scalar_one()),
        dead={reason or "unknown": int(n) for reason, n in connection.execute(dead_query())},
    )


def waiting_query() -> sa.Select[int, int, int]:
    """Select the numbers of waiting executions: due, scheduled for later, held."""
    waiting = (
        sa.select(_executions.next_attempt_at.label("at"))
        .where(is_one_of(_executions.status, WAITING))
        .limit(LOOKED_THROUGH)
        .subquery()
    )
    due, held = waiting.c.at <= utc_now(), waiting.c.at.is_(None)
    counted = (_number(due), _number(~due & ~held), _number(held))
    return sa.select(*counted)


def running_query() -> sa.Select[Any]:
    """Select the number of executions that run under a lease."""
    running = (
        sa.select(_executions.lease_expires_at)
        .where(is_one_of(_executions.status, [RUNNING]))
        .limit(LOOKED_THROUGH)
        .subquery()
    )
    return sa.select(sa.func.count()).select_from(running)


def dead_query() -> sa.Select[Any]:
    """Select (reason, number) of the newest dead letters."""
    newest = (
        sa.select(_executions.error_reason)
        .where(is_one_of(_executions.status, DEAD))
        .order_by(_executions.id.desc())
        .limit(LOOKED_THROUGH)
        .subquery()
    )
    reason = newest.c.error_reason
    return sa.select(reason, sa.func.count()).group_by(reason)


def _breakers_query() -> sa.Select[Any]:
    opened = trigger_breakers.c.opened_at.is_not(None)
    return sa.select(sa.func.count()).select_from(trigger_breakers).where(opened)


def _number(condition: sa.ColumnElement[bool]) -> sa.ColumnElement[int]:
    return sa.func.coalesce(sa.func.sum(sa.case((condition, 1), else_=0)), 0)
