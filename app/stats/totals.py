"""The numbers behind `/metrics`: each from one short range of an index, however many events came.

Sums come from where every process writes them down, so it does not matter which of them is asked.
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
"""A queue or a pile of dead letters beyond it is told as this many: it is long, that is all."""
_executions = trigger_executions.c

Sums = Mapping[str, Mapping[str, int]]
"""By source, then by outcome."""


@dataclass(frozen=True, slots=True)
class Present:
    """How things stand right now."""

    due: int = 0
    scheduled: int = 0
    held: int = 0
    running: int = 0
    breakers_open: int = 0
    dead: Mapping[str, int] = field(default_factory=dict)
    """By reason."""


def sums(connection: Connection) -> Sums:
    """Everything that was ever counted, by source and outcome.

    A source is there as soon as a trigger has it: Prometheus takes a number that is new to it for
    no increase, and would miss the first failure of each.
    """
    query = sa.select(triggers.c.source).distinct()
    known = {label(source) for source in connection.execute(query).scalars()}
    found: dict[str, dict[str, int]] = {source: {} for source in sorted({NO_SOURCE, *known})}
    for text, number in connection.execute(sums_query()):
        source, _, outcome = text.partition("/")
        found.setdefault(source, {})[outcome] = int(number)
    return found


def sums_query() -> sa.Select[Any]:
    """One range of the primary key: so many rows as there are outcomes of sources."""
    columns = delivery_counts.c
    query = sa.select(columns.outcome, columns.number)
    return query.where(columns.hour == ALL_TIME, columns.trigger_id == NOBODY)


def present(connection: Connection) -> Present:
    """How things stand; numbers beyond LOOKED_THROUGH are told as that."""
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
    """(due, scheduled for later, held back) of what waits."""
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
    """How many run under a lease."""
    running = (
        sa.select(_executions.lease_expires_at)
        .where(is_one_of(_executions.status, [RUNNING]))
        .limit(LOOKED_THROUGH)
        .subquery()
    )
    return sa.select(sa.func.count()).select_from(running)


def dead_query() -> sa.Select[Any]:
    """(reason, number) of the newest dead letters."""
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
