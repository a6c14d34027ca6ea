"""Open a breaker for a target that keeps failing: its executions wait, and one is sent as a probe.

A row exists only for a trigger whose last attempts failed: attempts that succeed cost one look-up
for a whole batch, and no write.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError
from sqlalchemy.sql.dml import ReturningDelete

from app.db import is_distributed, or_now, utc_now
from app.db.models import trigger_breakers
from app.executions import due_by_shard
from app.executions.due_queries import first_due, running_count
from app.lifecycle import FAILED_ATTEMPT, LOST, TRANSIENT
from app.settings import Settings
from app.worker.attempt import FinishedAttempt, Outcome

_breakers = trigger_breakers.c


@dataclass(slots=True)
class FailureCount:
    """The successes and failures of one trigger's target in a batch of attempts."""

    answered: bool = False
    """True if any attempt ended in anything but a transient failure."""
    failure_count: int = 0
    """Transient failures since the last such answer, or in the whole batch."""


@dataclass(frozen=True, slots=True)
class BreakerChange:
    """A breaker that has just opened or closed."""

    trigger_id: int
    opened: bool
    failure_count: int


def count_failures(finished: Iterable[FinishedAttempt]) -> dict[int, FailureCount]:
    """Count transient failures by trigger, in the order in which the attempts ended. Pure.

    A permanent failure is an answer: a pause would not change it. An attempt that was lost or not
    started tells nothing about the target.
    """
    counts: dict[int, FailureCount] = {}
    for each in finished:
        if each.outcome.outcome == LOST or each.outcome.not_started:
            continue
        count = counts.setdefault(each.terms.trigger_id, FailureCount())
        if _failed_transiently(each.outcome):
            count.failure_count += 1
        else:
            count.answered, count.failure_count = True, 0
    return counts


def all_answered(finished: Iterable[FinishedAttempt]) -> bool:
    """Return True if no target's last attempt failed transiently: breakers can only close. Pure."""
    return not any(count.failure_count for count in count_failures(finished).values())


def answered(finished: Iterable[FinishedAttempt], settings: Settings) -> list[int]:
    """Return the triggers whose breakers, if open, close because of these attempts. Pure."""
    if not settings.hookonce_breaker_failures:
        return []
    counts = count_failures(finished)
    return sorted(trigger_id for trigger_id, count in counts.items() if count.answered)


def closing(trigger_ids: sa.ColumnElement[Any]) -> ReturningDelete[*tuple[Any, ...]]:
    """Close the breakers of these triggers, given as an array; for PostgreSQL. See `closed`."""
    locked = (
        sa.select(_breakers.trigger_id)
        .where(_breakers.trigger_id == sa.any_(trigger_ids))
        .order_by(_breakers.trigger_id)  # the order of `note`: no deadlock
        .with_for_update()
        .cte("locked")
    )
    return (
        sa.delete(trigger_breakers)
        .where(_breakers.trigger_id.in_(sa.select(locked.c.trigger_id)))
        .returning(_breakers.trigger_id, _breakers.opened_at, _breakers.failure_count)
    )


def closed(row: sa.Row[Any]) -> BreakerChange | None:
    """Return the change that deleting this row means; None if it only counted and never opened."""
    return (
        None if row.opened_at is None else BreakerChange(row.trigger_id, False, row.failure_count)
    )


def note(
    connection: Connection, finished: Sequence[FinishedAttempt], settings: Settings
) -> list[BreakerChange]:
    """Count these attempts, and return the breakers that opened or closed because of them."""
    if not settings.hookonce_breaker_failures:
        return []
    counts = count_failures(finished)
    rows = _find(connection, sorted(counts))
    changes: list[BreakerChange | None] = []
    for trigger_id in sorted(counts):  # in one order everywhere: no deadlock
        count, row = counts[trigger_id], rows.get(trigger_id)
        if count.answered and row is not None:
            changes.append(_close(connection, row))
        if count.failure_count:
            changes.append(_add_failures(connection, trigger_id, count.failure_count, settings))
    return [change for change in changes if change]


def idle(connection: Connection) -> list[int]:
    """Return triggers with nothing behind their open breaker: no probe would ever close it."""
    idle_ones = sa.select(_breakers.trigger_id).where(_is_idle(connection))
    return list(connection.execute(idle_ones).scalars())


def close_idle(connection: Connection, trigger_ids: Collection[int]) -> list[BreakerChange]:
    """Close these breakers, except those behind which something waits by now."""
    delete = (
        sa.delete(trigger_breakers)
        .where(_breakers.trigger_id.in_(sorted(trigger_ids)), _is_idle(connection))
        .returning(_breakers.trigger_id, _breakers.opened_at, _breakers.failure_count)
    )
    rows: Iterable[sa.Row[Any]] = connection.execute(delete) if trigger_ids else ()
    return [change for row in rows if (change := closed(row))]


def _is_idle(connection: Connection) -> sa.ColumnElement[bool]:
    probe_is_due = _breakers.probe_at <= utc_now()
    if is_distributed(connection):
        query = sa.select(_breakers.trigger_id).where(probe_is_due)
        ids = connection.execute(query).scalars().all()
        idle_ids = [each for each in ids if due_by_shard.is_idle(connection, each)]
        return probe_is_due & _breakers.trigger_id.in_(idle_ids)
    waits = first_due(sa.literal_column("1"), _breakers.trigger_id).correlate(trigger_breakers)
    running = running_count(_breakers.trigger_id).correlate(trigger_breakers).scalar_subquery()
    return sa.and_(probe_is_due, ~sa.exists(waits), running == 0)


def let_through(connection: Connection, trigger_id: int, seconds: float) -> bool:
    """Take the right to send one probe; False if another worker took it in these `seconds`."""
    is_due = (_breakers.trigger_id == trigger_id, _breakers.probe_at <= utc_now())
    probe = sa.update(trigger_breakers).where(*is_due).values(probe_at=utc_now(seconds))
    return connection.execute(probe).rowcount == 1


def _failed_transiently(outcome: Outcome) -> bool:
    return outcome.outcome == FAILED_ATTEMPT and outcome.category == TRANSIENT


def _find(connection: Connection, trigger_ids: list[int]) -> dict[int, sa.Row[Any]]:
    if not trigger_ids:
        return {}
    rows = connection.execute(_find_query(), {"ids": trigger_ids})
    return {row.trigger_id: row for row in rows}


@cache
def _find_query() -> sa.Select[Any]:
    wanted = _breakers.trigger_id.in_(sa.bindparam("ids", expanding=True))
    return sa.select(trigger_breakers).where(wanted)


def _close(connection: Connection, row: sa.Row[Any]) -> BreakerChange | None:
    delete = sa.delete(trigger_breakers).where(_breakers.trigger_id == row.trigger_id)
    return closed(row) if connection.execute(delete).rowcount == 1 else None


def _add_failures(
    connection: Connection, trigger_id: int, failures: int, settings: Settings
) -> BreakerChange | None:
    limit, seconds = settings.hookonce_breaker_failures, settings.hookonce_breaker_seconds
    new_count = _breakers.failure_count + failures
    opens = _breakers.opened_at.is_not(None) | (new_count >= limit)
    update = (
        sa.update(trigger_breakers)
        .where(_breakers.trigger_id == trigger_id)
        .values(
            failure_count=new_count,
            # NULL seconds give NULL; a CASE around the function is what Citus refuses
            opened_at=or_now(_breakers.opened_at, sa.case((opens, 0.0))),
            probe_at=utc_now(sa.case((opens, seconds))),
        )
        .returning(_breakers.failure_count)
    )
    count = connection.execute(update).scalar()
    if count is None:
        _insert(connection, trigger_id)
        count = connection.execute(update).scalar()
    # only the failure that reaches the limit opens the breaker
    return (
        BreakerChange(trigger_id, True, count)
        if count and count - failures < limit <= count
        else None
    )


def _insert(connection: Connection, trigger_id: int) -> None:
    try:
        with connection.begin_nested():
            connection.execute(sa.insert(trigger_breakers).values(trigger_id=trigger_id))
    except IntegrityError:
        return  # another worker inserted the row in the same moment, or the trigger was removed
