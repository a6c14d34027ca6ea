"""The numbers of `/metrics`: each from one short range of an index, for any number of events.

Every process writes its counts to the database, so each process answers with the same sums.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from app.db import is_one_of, prefer_partial_index, utc_now
from app.db.models import (
    ALL_TIME,
    delivery_counts,
    trigger_breakers,
    trigger_executions,
    trigger_pauses,
    triggers,
)
from app.executions import due, workers
from app.executions.due import DueTrigger
from app.executions.workers import LiveWorkers
from app.lifecycle import DEAD, RUNNING, WAITING
from app.stats.counter_store import NO_SOURCE, label
from app.stats.counters import NOBODY

LOOKED_THROUGH = 10_000
"""Rows that are counted of a queue or of the dead letters; beyond it this number is reported."""
LAST_TRIGGER_ID = 2**31 - 1
_executions = trigger_executions.c
_waiting = is_one_of(_executions.status, WAITING)

Sums = Mapping[str, Mapping[str, int]]
"""Counts by source, then by outcome."""


@dataclass(frozen=True, slots=True)
class Present:
    """The queue, the breakers and the dead letters at the moment."""

    due: int = 0
    scheduled: int = 0
    held: int = 0
    paused: int = 0
    """Executions that wait behind a pause, of their trigger or of all."""
    breaker_open: int = 0
    """Executions that wait behind an open breaker and no pause."""
    running: int = 0
    breakers_open: int = 0
    dead: Mapping[str, int] = field(default_factory=dict)
    """Dead letters by reason."""
    all_paused: bool = False
    triggers_paused: int = 0
    workers: LiveWorkers = field(default_factory=LiveWorkers)


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


def present(connection: Connection, due_triggers: Sequence[DueTrigger]) -> Present:
    """Return the state at the moment; numbers stop at LOOKED_THROUGH."""
    all_paused = due.all_paused(connection)
    queue = _Queue(all_paused=all_paused)
    blocked = sorted((each for each in due_triggers if each.blocked), key=lambda e: e.trigger_id)
    queue.count(connection, [] if all_paused else blocked)
    return Present(
        due=queue.due,
        scheduled=queue.scheduled,
        held=queue.held,
        paused=queue.paused,
        breaker_open=queue.breaker_open,
        running=int(connection.execute(running_query()).scalar_one()),
        breakers_open=int(connection.execute(_breakers_query()).scalar_one()),
        dead={reason or "unknown": int(n) for reason, n in connection.execute(dead_query())},
        all_paused=all_paused,
        triggers_paused=int(connection.execute(_paused_query()).scalar_one()),
        workers=workers.live(connection),
    )


@dataclass(slots=True)
class _Queue:
    """Counts of waiting executions by state; each state stops at LOOKED_THROUGH."""

    all_paused: bool
    due: int = 0
    scheduled: int = 0
    held: int = 0
    paused: int = 0
    breaker_open: int = 0

    def count(self, connection: Connection, blocked: Sequence[DueTrigger]) -> None:
        """Count blocked triggers each on its own, and all others in the ranges between them.

        The backlog of a paused trigger may be far longer than LOOKED_THROUGH: read together with
        the others it would hide them.
        """
        low = 0
        for each in blocked:
            self._add(connection, low, each.trigger_id - 1, None)
            self._add(connection, each.trigger_id, each.trigger_id, each)
            low = each.trigger_id + 1
        self._add(connection, low, LAST_TRIGGER_ID, None)

    def _add(self, connection: Connection, low: int, high: int, blocked: DueTrigger | None) -> None:
        counted = self._counted(blocked)
        left = LOOKED_THROUGH - min(counted, LOOKED_THROUGH)
        if low > high or not left:
            return
        values = {"low": low, "high": high, "at_most": left}
        due, scheduled, held = map(int, connection.execute(waiting_query(), values).one())
        self.held += held
        if self.all_paused or (blocked is not None and blocked.paused):
            self.paused += due + scheduled
        elif blocked is not None:
            self.breaker_open += due + scheduled
        else:
            self.due, self.scheduled = self.due + due, self.scheduled + scheduled

    def _counted(self, blocked: DueTrigger | None) -> int:
        if self.all_paused or (blocked is not None and blocked.paused):
            return self.paused
        return self.due + self.scheduled if blocked is None else self.breaker_open


@cache
def waiting_query() -> sa.Select[int, int, int]:
    """Select the numbers of waiting executions of a range of triggers: due, scheduled, held."""
    waiting = (
        sa.select(_executions.next_attempt_at.label("at"))
        .where(_executions.trigger_id.between(sa.bindparam("low"), sa.bindparam("high")))
        .where(_waiting, prefer_partial_index(_waiting, _executions.id))
        .limit(sa.bindparam("at_most", type_=sa.Integer, literal_execute=True))
        .subquery()
    )
    due_now, held = waiting.c.at <= utc_now(), waiting.c.at.is_(None)
    counted = (_number(due_now), _number(~due_now & ~held), _number(held))
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


def _paused_query() -> sa.Select[Any]:
    paused = trigger_pauses.c.paused_at.is_not(None)
    return sa.select(sa.func.count()).select_from(trigger_pauses).where(paused)


def _number(condition: sa.ColumnElement[bool]) -> sa.ColumnElement[int]:
    return sa.func.coalesce(sa.func.sum(sa.case((condition, 1), else_=0)), 0)
