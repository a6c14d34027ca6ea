"""Which executions are dead letters, and which of them does a person mean?"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from app.db import Database, is_one_of, without_index
from app.db.models import trigger_executions, triggers
from app.lifecycle import DEAD

PAGE_ROWS = 500
"""How many are in memory at a time, however many there are."""
UNKNOWN = "unknown"
"""The reason of those that died before reasons were written down."""
_columns = trigger_executions.c
_trigger_id = without_index(_columns.trigger_id)
"""Else SQLite goes through all that a trigger ever did to find what failed."""
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
)


@dataclass(frozen=True, slots=True)
class DeadLetterFilter:
    """What a dead letter must be to be meant; what is left out may be anything."""

    trigger_id: int | None = None
    reason: str | None = None
    """One of lifecycle.REASONS, or UNKNOWN."""
    category: str | None = None
    since: datetime | None = None
    """Died then or later."""
    until: datetime | None = None
    """Died before."""
    key: str | None = None
    ids: tuple[int, ...] | None = None


def condition(chosen: DeadLetterFilter) -> sa.ColumnElement[bool]:
    """True of the dead letters that are meant."""
    return sa.and_(is_one_of(_columns.status, DEAD), *_narrower(chosen))


def _narrower(chosen: DeadLetterFilter) -> Iterator[sa.ColumnElement[bool]]:
    if chosen.trigger_id is not None:
        yield _trigger_id == chosen.trigger_id
    if chosen.reason is not None:
        yield _columns.error_reason == (None if chosen.reason == UNKNOWN else chosen.reason)
    if chosen.category is not None:
        yield _columns.error_category == chosen.category
    if chosen.since is not None:
        yield _columns.completed_at >= chosen.since
    if chosen.until is not None:
        yield _columns.completed_at < chosen.until
    if chosen.key is not None:
        yield _columns.idempotency_key == chosen.key
    if chosen.ids is not None:
        yield _columns.id.in_(chosen.ids)


def page_query(
    chosen: DeadLetterFilter, before_id: int | None = None, limit: int = PAGE_ROWS
) -> sa.Select[Any]:
    """The newest of the meant below this id, without their events."""
    query = (
        sa.select(*_SHOWN)
        .join(triggers, triggers.c.id == _columns.trigger_id)
        .where(condition(chosen))
        .order_by(_columns.id.desc())
        .limit(limit)
    )
    return query if before_id is None else query.where(_columns.id < before_id)


def counts_query(chosen: DeadLetterFilter) -> sa.Select[Any]:
    """(trigger, reason, executions) of the meant, the most frequent first."""
    reason = sa.func.coalesce(_columns.error_reason, UNKNOWN)
    counted = (
        sa.select(
            _trigger_id.label("trigger_id"),
            reason.label("reason"),
            sa.func.count().label("executions"),
        )
        .where(condition(chosen))
        .group_by(_trigger_id, reason)
        .subquery()
    )
    return (
        sa.select(triggers.c.slug.label("trigger"), counted.c.reason, counted.c.executions)
        .join(triggers, triggers.c.id == counted.c.trigger_id)
        .order_by(counted.c.executions.desc(), triggers.c.slug, counted.c.reason)
    )


def counts(connection: Connection, chosen: DeadLetterFilter) -> Sequence[sa.Row[Any]]:
    """How many are meant, by trigger and reason."""
    return connection.execute(counts_query(chosen)).all()


def each(
    database: Database, chosen: DeadLetterFilter, limit: int | None = None
) -> Iterator[sa.Row[Any]]:
    """The meant, newest first; no connection is held between two pages.

    What dies meanwhile is newer than where the list stands: it is not in it.
    """
    before_id = None
    while limit is None or limit > 0:
        rows_wanted = PAGE_ROWS if limit is None else min(limit, PAGE_ROWS)
        with database.reading() as connection:
            rows = connection.execute(page_query(chosen, before_id, rows_wanted)).all()
        yield from rows
        if len(rows) < rows_wanted:
            return
        before_id = rows[-1].id
        limit = None if limit is None else limit - len(rows)
