"""Select and count dead letters by trigger, reason, category, time and key."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from app.db import Database, is_one_of, same_trigger, without_index
from app.db.models import execution_attempts, trigger_executions, triggers
from app.executions import listing, origins
from app.lifecycle import CANCELLED, DEAD

PAGE_ROWS = 500
"""Rows in memory at a time, however many match."""
UNKNOWN = "unknown"
"""The reason shown for rows written before reasons were recorded."""
_columns = trigger_executions.c
_trigger_id = without_index(_columns.trigger_id)
"""The trigger's id off its index, by which SQLite would read every execution of a trigger."""
_SHOWN = (
    _columns.id,
    _columns.trigger_id,
    triggers.c.slug.label("trigger"),
    _columns.status,
    _columns.error_reason,
    _columns.error_category,
    _columns.idempotency_key,
    _columns.attempt_count,
    _columns.received_at,
    _columns.completed_at,
    _columns.last_replay_at,
    _columns.replay_of_id,
    _columns.chain_id,
    _columns.error,
    origins.is_edited(),
)


RESULTS_AT_MOST = 10_000
"""Replays that one count of results reads."""


@dataclass(frozen=True, slots=True)
class DeadLetterFilter:
    """Filters for dead letters; None means any."""

    trigger_id: int | None = None
    reason: str | None = None
    """One of lifecycle.REASONS, or UNKNOWN."""
    category: str | None = None
    since: datetime | None = None
    """Failed at this time or later."""
    until: datetime | None = None
    """Failed before this time."""
    key: str | None = None
    ids: tuple[int, ...] | None = None
    http_status: int | None = None
    """Status that the target answered the last attempt with."""
    key_prefix: str | None = None
    """Beginning of the idempotency key."""
    source: str | None = None
    """Sender of the trigger, such as `github`."""


def condition(filters: DeadLetterFilter) -> sa.ColumnElement[bool]:
    """Return the SQL condition of the dead letters that match the filters."""
    return sa.and_(is_one_of(_columns.status, DEAD), *_conditions(filters))


def _conditions(filters: DeadLetterFilter) -> Iterator[sa.ColumnElement[bool]]:
    if filters.trigger_id is not None:
        yield _trigger_id == filters.trigger_id
    if filters.reason is None and filters.ids is None:
        # a person decided that these do not run: a bulk replay must not undo it by the way
        yield sa.func.coalesce(_columns.error_reason, UNKNOWN) != CANCELLED
    if filters.reason is not None:
        yield _columns.error_reason == (None if filters.reason == UNKNOWN else filters.reason)
    if filters.category is not None:
        yield _columns.error_category == filters.category
    if filters.since is not None:
        yield _columns.completed_at >= filters.since
    if filters.until is not None:
        yield _columns.completed_at < filters.until
    if filters.key is not None:
        yield _columns.idempotency_key == filters.key
    if filters.http_status is not None:
        yield last_answered(filters.http_status)
    if filters.key_prefix is not None:
        yield listing.begins_with(_columns.idempotency_key, filters.key_prefix)
    if filters.source is not None:
        yield listing.of_source(_columns.trigger_id, filters.source)
    if filters.ids is not None:
        yield _columns.id.in_(filters.ids)


def last_answered(http_status: int) -> sa.ColumnElement[bool]:
    """Return the condition that the target answered the last attempt with this status."""
    attempts = execution_attempts.c
    return sa.exists().where(
        attempts.execution_id == _columns.id,
        same_trigger(attempts.trigger_id, _columns.trigger_id),
        attempts.number == _columns.attempt_count,
        attempts.http_status == http_status,
    )


def page_query(
    filters: DeadLetterFilter, before_id: int | None = None, limit: int = PAGE_ROWS
) -> sa.Select[Any]:
    """Select the newest matching dead letters below this id, without their events."""
    query = (
        sa.select(*_SHOWN)
        .join(triggers, triggers.c.id == _columns.trigger_id)
        .where(condition(filters))
        .order_by(_columns.id.desc())
        .limit(limit)
    )
    return query if before_id is None else query.where(_columns.id < before_id)


def counts_query(filters: DeadLetterFilter) -> sa.Select[Any]:
    """Select (trigger, reason, executions) of the matching dead letters, most frequent first."""
    reason = sa.func.coalesce(_columns.error_reason, UNKNOWN)
    grouped = (
        sa.select(
            _trigger_id.label("trigger_id"),
            reason.label("reason"),
            sa.func.count().label("executions"),
        )
        .where(condition(filters))
        .group_by(_trigger_id, reason)
        .subquery()
    )
    return (
        sa.select(triggers.c.slug.label("trigger"), grouped.c.reason, grouped.c.executions)
        .join(triggers, triggers.c.id == grouped.c.trigger_id)
        .order_by(grouped.c.executions.desc(), triggers.c.slug, grouped.c.reason)
    )


def counts(connection: Connection, filters: DeadLetterFilter) -> Sequence[sa.Row[Any]]:
    """Count the matching dead letters by trigger and reason."""
    return connection.execute(counts_query(filters)).all()


def newest_by_trigger(connection: Connection, limit: int) -> Sequence[sa.Row[Any]]:
    """Return the triggers with most dead letters, each with their number and the newest error."""
    grouped = (
        sa.select(
            _trigger_id.label("trigger_id"),
            sa.func.count().label("executions"),
            sa.func.max(_columns.id).label("newest_id"),
        )
        .where(condition(DeadLetterFilter()))
        .group_by(_trigger_id)
        .order_by(sa.func.count().desc())
        .limit(limit)
        .subquery()
    )
    newest = trigger_executions.alias("newest").c
    query = (
        sa.select(grouped, triggers.c.name, newest.error, newest.completed_at)
        .join(triggers, triggers.c.id == grouped.c.trigger_id)
        .join(
            newest.id.table,
            (newest.id == grouped.c.newest_id)
            & same_trigger(newest.trigger_id, grouped.c.trigger_id),
        )
    )
    return connection.execute(query.order_by(grouped.c.executions.desc())).all()


def each(
    database: Database, filters: DeadLetterFilter, limit: int | None = None
) -> Iterator[sa.Row[Any]]:
    """Yield the matching dead letters, newest first; no connection is held between two pages.

    An execution that fails meanwhile may be missing: the list only goes on to lower ids.
    """
    before_id = None
    while limit is None or limit > 0:
        rows_wanted = PAGE_ROWS if limit is None else min(limit, PAGE_ROWS)
        with database.reading() as connection:
            rows = connection.execute(page_query(filters, before_id, rows_wanted)).all()
        yield from rows
        if len(rows) < rows_wanted:
            return
        before_id = rows[-1].id
        limit = None if limit is None else limit - len(rows)


def results_of_replays(connection: Connection, first_id: int, last_id: int) -> dict[str, int]:
    """Count the replays with these ids by status; at most RESULTS_AT_MOST of them are read."""
    ids = _columns.id.between(sa.literal(first_id, sa.BigInteger), last_id)
    replays = sa.select(_columns.status).where(ids, _columns.replay_of_id.is_not(None))
    rows = replays.limit(RESULTS_AT_MOST).subquery()
    query = sa.select(rows.c.status, sa.func.count()).group_by(rows.c.status)
    return {status: int(number) for status, number in connection.execute(query)}
