"""Read the conditions that last at the moment, each by a short range of an index."""

import shutil
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from app.alerting import AlertLimits
from app.db import Database, deduplication, is_one_of
from app.db.models import delivery_counts, trigger_breakers, trigger_executions, triggers
from app.executions import due, workers
from app.lifecycle import DEAD
from app.notifications.conditions import (
    BREAKER_OPEN,
    DEAD_LETTERS,
    DEAD_TOTAL,
    DEDUPLICATION,
    DISK_LOW,
    NO_WORKER,
    OLDEST_WAITING,
    REFUSALS,
    Condition,
)
from app.stats import outcomes
from app.stats.counters import NOBODY

ABSENT_SECONDS = 90.0
"""Seconds without a heartbeat after which no worker is taken to run: a restart takes less."""
USUAL_HOURS = 24
"""Hours before the counted ones that tell how many refusals of a trigger are usual."""
SPIKE_FACTOR = 3
"""Multiple of the usual number of refusals below which a high number is no news."""
_FAILED = (outcomes.ATTEMPT_FAILED, outcomes.ATTEMPT_EXHAUSTED)
_REFUSED = tuple(
    each
    for each in outcomes.ALL
    if each.startswith("refused_") and each not in (outcomes.UNKNOWN_TRIGGER, outcomes.TOO_LARGE)
)
_counts = delivery_counts.c


def conditions(
    database: Database, connection: Connection, limits: AlertLimits, now: datetime
) -> list[Condition]:
    """Return the conditions that last; names of triggers are looked up last, all at once."""
    found = [
        *_breakers(connection),
        *_failures(connection, limits, now),
        *_refusals(connection, limits, now),
        *_dead_total(connection, limits),
        *_oldest(connection, limits, now),
        *_deduplication(connection),
        *_disk(database, limits),
    ]
    return _named(connection, found)


def no_worker(connection: Connection, now: datetime) -> Iterator[Condition]:
    """Find out by the heartbeats that no worker runs, and since when."""
    live = workers.live(connection)
    if live.count:
        return
    seen = live.last_seen_at
    if seen is None or abs((now - seen).total_seconds()) >= ABSENT_SECONDS:
        yield Condition(NO_WORKER, since=seen)


def _breakers(connection: Connection) -> Iterator[Condition]:
    columns = trigger_breakers.c
    for row in connection.execute(
        sa.select(trigger_breakers).where(columns.opened_at.is_not(None))
    ):
        yield Condition(BREAKER_OPEN, row.failure_count, row.trigger_id, since=row.opened_at)


def _failures(connection: Connection, limits: AlertLimits, now: datetime) -> Iterator[Condition]:
    for trigger_id, number in _counted(connection, _FAILED, _recent_hours(now)).items():
        if number >= limits.dead_letters:
            yield Condition(DEAD_LETTERS, number, trigger_id)


def _refusals(connection: Connection, limits: AlertLimits, now: datetime) -> Iterator[Condition]:
    recent = _counted(connection, _REFUSED, _recent_hours(now))
    high = {each: number for each, number in recent.items() if number >= limits.refusals}
    if not high:
        return
    first = _recent_hours(now)[0]
    before = [first - timedelta(hours=back) for back in range(1, USUAL_HOURS + 1)]
    usual = _counted(connection, _REFUSED, before, sorted(high))
    for trigger_id, number in high.items():
        if number > SPIKE_FACTOR * 2 * usual.get(trigger_id, 0) / USUAL_HOURS:
            yield Condition(REFUSALS, number, trigger_id)


def _counted(
    connection: Connection,
    wanted: Sequence[str],
    hours: Sequence[datetime],
    trigger_ids: Sequence[int] = (),
) -> dict[int, int]:
    """Return the number of these outcomes in these hours by trigger, by the key of the counts."""
    query = (
        sa.select(_counts.trigger_id, sa.func.sum(_counts.number))
        .where(_counts.hour.in_(hours), _counts.trigger_id != NOBODY, _counts.outcome.in_(wanted))
        .group_by(_counts.trigger_id)
    )
    if trigger_ids:
        query = query.where(_counts.trigger_id.in_(trigger_ids))
    return {int(trigger_id): int(number) for trigger_id, number in connection.execute(query)}


def _recent_hours(now: datetime) -> list[datetime]:
    """Return the hour before and this hour: one alone is nearly empty at its beginning."""
    hour = now.replace(minute=0, second=0, microsecond=0)
    return [hour - timedelta(hours=1), hour]


def _dead_total(connection: Connection, limits: AlertLimits) -> Iterator[Condition]:
    dead = is_one_of(trigger_executions.c.status, DEAD)
    rows = sa.select(trigger_executions.c.id).where(dead).limit(limits.dead_total).subquery()
    count = connection.execute(sa.select(sa.func.count()).select_from(rows)).scalar_one()
    if count >= limits.dead_total:
        yield Condition(DEAD_TOTAL, int(count))


def _oldest(connection: Connection, limits: AlertLimits, now: datetime) -> Iterator[Condition]:
    """Find triggers with an overdue execution; one that is blocked or at a pace is not late."""
    for each in due.find_triggers(connection):
        seconds = -each.due_in_seconds
        at_a_pace = each.batch_in_seconds is not None
        if (
            not each.blocked
            and not at_a_pace
            and limits.oldest < seconds < due.LONGEST_WAIT_SECONDS
        ):
            since = now - timedelta(seconds=seconds)
            yield Condition(OLDEST_WAITING, int(seconds), each.trigger_id, since=since)


def _deduplication(connection: Connection) -> Iterator[Condition]:
    if deduplication.read(connection).fault is not None:
        yield Condition(DEDUPLICATION)


def _disk(database: Database, limits: AlertLimits) -> Iterator[Condition]:
    """Look at the disk of the embedded database; that of a server is not ours to see."""
    if database.directory is None:
        return
    with suppress(OSError):
        free = shutil.disk_usage(database.directory).free
        if free < limits.disk_free:
            yield Condition(DISK_LOW, free >> 20)


def _named(connection: Connection, found: list[Condition]) -> list[Condition]:
    """Return the conditions with the names of their triggers; those of removed ones are dropped."""
    ids = sorted({each.trigger_id for each in found if each.trigger_id})
    names: dict[int, str] = {}
    if ids:
        query = sa.select(triggers.c.id, triggers.c.name).where(triggers.c.id.in_(ids))
        names = {row.id: row.name for row in connection.execute(query)}
    return [_with_name(each, names) for each in found if each.trigger_id in {0, *names}]


def _with_name(condition: Condition, names: dict[int, Any]) -> Condition:
    if not condition.trigger_id:
        return condition
    return Condition(
        condition.kind,
        condition.number,
        condition.trigger_id,
        names[condition.trigger_id],
        condition.since,
    )
