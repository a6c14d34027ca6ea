"""Find the triggers that have executions due, without reading the backlog, however long.

A skip scan: from each trigger with a waiting execution to the next one, by the index that begins
with the trigger, and of each trigger only the execution that is due first.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from app.db import is_distributed, seconds_since, utc_now
from app.db.models import (
    pauses,
    trigger_breakers,
    trigger_executions,
    trigger_pauses,
    triggers,
)
from app.executions import due_by_shard
from app.executions.due_queries import (
    ALWAYS,
    IS_WAITING,
    ONE,
    first_due,
    first_retried,
    running_count,
    tests,
)

ONE_AT_A_TIME = 1
"""The max_concurrency that also keeps the order: a retry goes before later executions."""

EVERYTHING = "all"
"""The scope of the pause that holds for all triggers."""

LONGEST_WAIT_SECONDS = 1e9
"""Seconds; a longer wait counts as none: older code writes executions that are due since 1970."""

_executions = trigger_executions.c


@dataclass(frozen=True, slots=True)
class DueTrigger:
    """A trigger that has waiting executions, at the time of the query."""

    trigger_id: int
    due_in_seconds: float
    """Seconds until its first execution is due; 0 or below: seconds since it has been due."""
    max_concurrency: int | None = None
    running_count: int = 0
    """Its running executions on all workers; counted only if it has a limit or an open breaker."""
    probe_in_seconds: float | None = None
    """Seconds until its breaker lets one execution through; None: the breaker is closed."""
    paused: bool = False
    """True while it is paused, or all triggers are."""
    batch_in_seconds: float | None = None
    """Seconds until the next batch of its backlog may begin; None: no resumed backlog is left."""
    test_is_due: bool = False
    """True if a test event waits: it passes the breaker and the pause of its trigger."""

    @property
    def blocked(self) -> bool:
        """Return True if its executions wait for a pause to end or a breaker to close."""
        return self.paused or self.probe_in_seconds is not None

    @property
    def wait_seconds(self) -> float:
        """Seconds until an execution of it may begin; 0 or below: it may begin now."""
        if self.test_is_due:
            return 0.0
        if self.paused:
            return float("inf")
        waits = (self.due_in_seconds, self.probe_in_seconds, self.batch_in_seconds)
        return max(seconds for seconds in waits if seconds is not None)

    @property
    def allowed_count(self) -> float:
        """Highest number of its executions that may begin now."""
        if self.wait_seconds > 0:
            return 0
        if self.max_concurrency is None:
            free = float("inf")
        else:
            free = self.max_concurrency - self.running_count
        if self.test_is_due:
            return min(free, 1)
        if self.probe_in_seconds is not None:
            return 0 if self.running_count else 1
        return free


@cache
def query() -> sa.Select[Any]:
    """Select one row for each trigger with a waiting execution; see DueTrigger."""
    waiting = _triggers_with_waiting_executions()
    trigger_id = waiting.c.trigger_id
    first = first_due(_executions.next_attempt_at, trigger_id)
    oldest = first.where(_executions.next_attempt_at >= ALWAYS).scalar_subquery()
    test = tests(trigger_id).limit(ONE).scalar_subquery()
    retried = first_retried(_executions.next_attempt_at, trigger_id).scalar_subquery()
    due_at = sa.case(
        (triggers.c.max_concurrency == ONE_AT_A_TIME, sa.func.coalesce(retried, oldest)),
        else_=oldest,
    )
    limited = triggers.c.max_concurrency.is_not(None) | trigger_breakers.c.opened_at.is_not(None)
    running = sa.case((limited, running_count(trigger_id).scalar_subquery()), else_=0)
    return (
        sa.select(
            triggers.c.id,
            triggers.c.max_concurrency,
            sa.type_coerce(due_at, _executions.next_attempt_at.type).label("due_at"),
            running.label("running_count"),
            trigger_breakers.c.probe_at,
            trigger_pauses.c.paused_at,
            trigger_pauses.c.resumed_at,
            trigger_pauses.c.next_at,
            test.label("test_id"),
            utc_now().label("now"),
        )
        .select_from(waiting)
        .join(triggers, triggers.c.id == trigger_id)
        .outerjoin(trigger_breakers, trigger_breakers.c.trigger_id == trigger_id)
        .outerjoin(trigger_pauses, trigger_pauses.c.trigger_id == trigger_id)
    )


def find_triggers(connection: Connection, *, breakers: bool = True) -> list[DueTrigger]:
    """Return each trigger with a scheduled execution; `breakers=False` ignores open breakers."""
    rows: Iterable[Any] = (
        due_by_shard.rows(connection, ONE_AT_A_TIME)
        if is_distributed(connection)
        else connection.execute(query())
    )
    due_triggers = [
        _due_trigger(row, breakers)
        for row in rows
        if row.due_at is not None or row.test_id is not None
    ]
    if due_triggers and all_paused(connection):
        return [replace(each, paused=True, test_is_due=False) for each in due_triggers]
    return due_triggers


def _due_trigger(row: Any, breakers: bool) -> DueTrigger:
    def seconds_until(moment: datetime | None) -> float | None:
        return None if moment is None else (moment - row.now).total_seconds()

    return DueTrigger(
        row.id,
        seconds_until(row.due_at) or 0.0,
        row.max_concurrency,
        row.running_count,
        seconds_until(row.probe_at) if breakers else None,
        paused=row.paused_at is not None,
        batch_in_seconds=seconds_until(row.next_at) if _is_backlog(row) else None,
        test_is_due=row.test_id is not None,
    )


def _is_backlog(row: Any) -> bool:
    """Return True if the execution that is due first was due when the trigger was resumed."""
    return None not in (row.resumed_at, row.due_at) and row.due_at <= row.resumed_at


def all_paused(connection: Connection) -> bool:
    """Return True while all triggers are paused."""
    query = sa.select(pauses.c.scope).where(pauses.c.scope == EVERYTHING)
    return connection.execute(query).first() is not None


def longest_due_seconds(due_triggers: Iterable[DueTrigger]) -> float | None:
    """Return the seconds that the oldest due execution has waited, to the millisecond; or None.

    An execution behind a pause or an open breaker is not late, since no worker may run it; nor is
    one of the backlog of a resumed trigger, which begins at a pace.
    """
    waits = (
        round(-each.due_in_seconds, 3)
        for each in due_triggers
        if each.due_in_seconds <= 0 and not each.blocked and each.batch_in_seconds is None
    )
    return max((seconds for seconds in waits if seconds < LONGEST_WAIT_SECONDS), default=None)


def age_seconds(executions: Any) -> sa.ColumnElement[float]:
    """Seconds since the event was received, or first begun if older code received it; else 0."""
    begun_at = sa.func.coalesce(executions.received_at, executions.started_at)
    return sa.func.coalesce(seconds_since(begun_at), 0.0)


def _triggers_with_waiting_executions() -> sa.CTE:
    # ordered by all columns of the index, so that the planner can use no other
    order = (_executions.trigger_id, _executions.next_attempt_at, _executions.id)
    ids = sa.select(_executions.trigger_id)
    ids = ids.where(IS_WAITING).order_by(*order).limit(ONE)
    waiting = sa.select(ids.scalar_subquery().label("trigger_id")).cte("waiting", recursive=True)
    next_id = ids.where(_executions.trigger_id > waiting.c.trigger_id).correlate(waiting)
    step = sa.select(next_id.scalar_subquery()).where(waiting.c.trigger_id.is_not(None))
    return waiting.union_all(step)
