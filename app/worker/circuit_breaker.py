"""A target that keeps failing is left in peace: its executions wait, and one of them asks again.

A row exists only for a trigger whose last attempts failed: what succeeds costs one look-up for a
whole batch, and no write.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError
from sqlalchemy.sql.dml import ReturningDelete

from app.db import utc_now
from app.db.models import trigger_breakers
from app.lifecycle import FAILED_ATTEMPT, LOST, TRANSIENT
from app.settings import Settings
from app.worker.attempt import FinishedAttempt, Outcome

_breakers = trigger_breakers.c


@dataclass(slots=True)
class FailureCount:
    """What a batch of attempts says about one trigger's target."""

    answered: bool = False
    """Whether any did anything but fail for a reason that may pass."""
    failure_count: int = 0
    """How many failed so since then."""


@dataclass(frozen=True, slots=True)
class BreakerChange:
    """A breaker that is open now, or closed again."""

    trigger_id: int
    opened: bool
    failure_count: int


def tallied(ended: Iterable[FinishedAttempt]) -> dict[int, FailureCount]:
    """By trigger, in the order in which attempts ended. Pure.

    A permanent failure is an answer: to wait would help nobody. A lost attempt says nothing of the
    target.
    """
    tallies: dict[int, FailureCount] = {}
    for each in ended:
        if each.outcome.outcome == LOST:
            continue
        tally = tallies.setdefault(each.terms.trigger_id, FailureCount())
        if _failed_for_now(each.outcome):
            tally.failure_count += 1
        else:
            tally.answered, tally.failure_count = True, 0
    return tallies


def all_answered(ended: Iterable[FinishedAttempt]) -> bool:
    """Whether no target failed last: then all there is to note is which breakers close. Pure."""
    return not any(tally.failure_count for tally in tallied(ended).values())


def answered(ended: Iterable[FinishedAttempt], settings: Settings) -> list[int]:
    """The triggers whose breakers close, if they are open, now that these attempts ended. Pure."""
    if not settings.hookonce_breaker_failures:
        return []
    return sorted(trigger_id for trigger_id, tally in tallied(ended).items() if tally.answered)


def closing(trigger_ids: sa.ColumnElement[Any]) -> ReturningDelete[*tuple[Any, ...]]:
    """Close the breakers of these, given as an array; for PostgreSQL. See `closed`."""
    those = (
        sa.select(_breakers.trigger_id)
        .where(_breakers.trigger_id == sa.any_(trigger_ids))
        .order_by(_breakers.trigger_id)  # as `note` does, so that none waits in a circle
        .with_for_update()
        .cte("those")
    )
    return (
        sa.delete(trigger_breakers)
        .where(_breakers.trigger_id.in_(sa.select(those.c.trigger_id)))
        .returning(_breakers.trigger_id, _breakers.opened_at, _breakers.failure_count)
    )


def closed(row: sa.Row[Any]) -> BreakerChange | None:
    """What it means that the breaker of this row is gone; one that only counted was never open."""
    return (
        None if row.opened_at is None else BreakerChange(row.trigger_id, False, row.failure_count)
    )


def note(
    connection: Connection, ended: Sequence[FinishedAttempt], settings: Settings
) -> list[BreakerChange]:
    """Which breakers opened or closed, now that these attempts ended."""
    if not settings.hookonce_breaker_failures:
        return []
    tallies = tallied(ended)
    standing = _standing(connection, sorted(tallies))
    changes: list[BreakerChange | None] = []
    for trigger_id in sorted(tallies):  # in one order everywhere, so that none waits in a circle
        tally, row = tallies[trigger_id], standing.get(trigger_id)
        if tally.answered and row is not None:
            changes.append(_close(connection, row))
        if tally.failure_count:
            changes.append(_count(connection, trigger_id, tally.failure_count, settings))
    return [change for change in changes if change]


def let_through(connection: Connection, trigger_id: int, seconds: float) -> bool:
    """Whether one execution may ask again; then nobody else's may for so many seconds."""
    probe = (
        sa.update(trigger_breakers)
        .where(_breakers.trigger_id == trigger_id, _breakers.probe_at <= utc_now())
        .values(probe_at=utc_now(seconds))
    )
    return connection.execute(probe).rowcount == 1


def _failed_for_now(outcome: Outcome) -> bool:
    return outcome.outcome == FAILED_ATTEMPT and outcome.category == TRANSIENT


def _standing(connection: Connection, trigger_ids: list[int]) -> dict[int, sa.Row[Any]]:
    if not trigger_ids:
        return {}
    found = connection.execute(_standing_query(), {"ids": trigger_ids})
    return {row.trigger_id: row for row in found}


@cache
def _standing_query() -> sa.Select[Any]:
    those = _breakers.trigger_id.in_(sa.bindparam("ids", expanding=True))
    return sa.select(trigger_breakers).where(those)


def _close(connection: Connection, row: sa.Row[Any]) -> BreakerChange | None:
    gone = sa.delete(trigger_breakers).where(_breakers.trigger_id == row.trigger_id)
    return closed(row) if connection.execute(gone).rowcount == 1 else None


def _count(
    connection: Connection, trigger_id: int, failures: int, settings: Settings
) -> BreakerChange | None:
    limit, seconds = settings.hookonce_breaker_failures, settings.hookonce_breaker_seconds
    counted = _breakers.failure_count + failures
    opens = _breakers.opened_at.is_not(None) | (counted >= limit)
    more = (
        sa.update(trigger_breakers)
        .where(_breakers.trigger_id == trigger_id)
        .values(
            failure_count=counted,
            opened_at=sa.case((opens, sa.func.coalesce(_breakers.opened_at, utc_now()))),
            probe_at=sa.case((opens, utc_now(seconds))),
        )
        .returning(_breakers.failure_count)
    )
    count = connection.execute(more).scalar()
    if count is None:
        _begin(connection, trigger_id)
        count = connection.execute(more).scalar()
    # it opens with the failure that reaches the limit, and only with that one
    return (
        BreakerChange(trigger_id, True, count)
        if count and count - failures < limit <= count
        else None
    )


def _begin(connection: Connection, trigger_id: int) -> None:
    try:
        with connection.begin_nested():
            connection.execute(sa.insert(trigger_breakers).values(trigger_id=trigger_id))
    except IntegrityError:
        return  # another worker began to count in the same moment, or the trigger is gone
