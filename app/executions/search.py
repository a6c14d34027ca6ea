"""Search executions of all triggers; each page is found by an index or a bounded scan.

Rows come without their events: with them a list of twenty may have twenty megabytes.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from app import lifecycle
from app.db import Database, is_one_of, paging
from app.db.count_cache import CountCache
from app.db.models import execution_requests, trigger_executions, triggers
from app.db.paging import Page, PagePosition
from app.executions import attempts, listing, origins, payload_search
from app.executions.dead_letters import UNKNOWN, last_answered
from app.executions.time_range import first_id_since

_columns = trigger_executions.c
EXPORT_ROWS = 100
"""Executions of an export in memory at a time: each may have an event of a megabyte."""
ERROR_SHOWN = 4_000
"""Characters of an error in a list: as many as an attempt stores."""
_SHOWN = (
    _columns.id,
    _columns.trigger_id,
    _columns.status,
    _columns.idempotency_key,
    _columns.attempt_count,
    _columns.error_category,
    _columns.error_reason,
    _columns.received_at,
    _columns.started_at,
    _columns.completed_at,
    _columns.next_attempt_at,
    _columns.lease_owner,
    _columns.lease_expires_at,
    _columns.replay_of_id,
    sa.func.substr(_columns.error, 1, ERROR_SHOWN).label("error"),
    origins.is_edited(),
)
_INDEXED = (*lifecycle.DEAD, *lifecycle.WAITING, lifecycle.RUNNING, lifecycle.REPLAYED)
"""Statuses covered by an index."""


@dataclass(frozen=True, slots=True)
class ExecutionFilter:
    """Filters for executions; None means any."""

    trigger_id: int | None = None
    status: str | None = None
    category: str | None = None
    reason: str | None = None
    """One of lifecycle.REASONS, or UNKNOWN."""
    key: str | None = None
    since: datetime | None = None
    """Received at this time or later."""
    until: datetime | None = None
    """Received before this time."""
    key_prefix: str | None = None
    """Beginning of the idempotency key."""
    http_status: int | None = None
    """Status that the target answered the last attempt with."""
    event_type: str | None = None
    text: str | None = None
    """Text anywhere in the stored event."""
    source: str | None = None
    """Sender of the trigger, such as `github`."""


def page(
    connection: Connection, counter: CountCache, filters: ExecutionFilter, position: PagePosition
) -> Page:
    """Return a page of the matching executions, newest first.

    If no index covers the filters, some 5,000 rows are scanned; the page says where to continue.
    """
    filters = _of_one_trigger(connection, filters)
    bounds = tuple(_bounds(connection, filters))
    rows = sa.select(*_SHOWN).where(*bounds, *_conditions(filters))
    if filters.text is not None or filters.event_type is not None:
        return payload_search.page(connection, rows, _scanned(filters, bounds), position)
    horizon = None if _is_indexed(filters) else _horizon(connection, filters, bounds, position)
    return paging.page(
        connection, counter, rows, listing.EXECUTION_ID, position, ("search", filters), horizon
    )


def each(
    database: Database, filters: ExecutionFilter
) -> Iterator[tuple[sa.Row[Any], list[dict[str, Any]]]]:
    """Yield all matching executions whole, newest first, each with its attempts.

    No connection is held in between. Rows are scanned in parts of EXPORT_ROWS, however few of them
    match.
    """
    with database.reading() as connection:
        filters = _of_one_trigger(connection, filters)
        bounds = tuple(_bounds(connection, filters))
    ids = _scanned(filters, bounds).order_by(_columns.id.desc()).offset(EXPORT_ROWS - 1).limit(1)
    rows = sa.select(trigger_executions).where(*bounds, *_conditions(filters))
    rows = rows.order_by(_columns.id.desc())
    below: sa.ColumnElement[bool] = sa.true()
    while True:
        with database.reading() as connection:
            edge = connection.execute(ids.where(below)).scalar_one_or_none()
            part = rows.where(below) if edge is None else rows.where(below, _columns.id >= edge)
            matching = connection.execute(part).all()
            by_id = attempts.of_executions(connection, matching) if matching else {}
        yield from ((row, by_id.get(row.id, [])) for row in matching)
        if edge is None:
            return
        below = _columns.id < edge


def query_of(filters: ExecutionFilter) -> sa.Select[Any]:
    """Select the matching executions of any time of receipt."""
    return sa.select(*_SHOWN).where(*_conditions(replace(filters, since=None, until=None)))


def trigger_names(connection: Connection, ids: set[int]) -> dict[int, str]:
    """Return the name of each of these triggers by id."""
    query = sa.select(triggers.c.id, triggers.c.name).where(triggers.c.id.in_(sorted(ids)))
    return {row.id: row.name for row in connection.execute(query)}


def source_of(connection: Connection, trigger_id: int) -> str | None:
    """Return the source of the trigger; None if it was removed."""
    query = sa.select(triggers.c.source).where(triggers.c.id == trigger_id)
    return connection.execute(query).scalar_one_or_none()


def every_trigger(connection: Connection, at_most: int) -> list[sa.Row[Any]]:
    """Return (id, name) of up to `at_most` triggers, by name, for a list of choices."""
    query = sa.select(triggers.c.id, triggers.c.name).order_by(triggers.c.name, triggers.c.id)
    return list(connection.execute(query.limit(at_most)))


def request_of(connection: Connection, execution_id: int) -> sa.Row[Any] | None:
    """Return (content_type, headers, size) of the stored request; None if it was pruned."""
    columns = execution_requests.c
    size = sa.func.length(columns.body).label("size")
    query: sa.Select[Any] = sa.select(columns.content_type, columns.headers, size)
    return connection.execute(query.where(columns.execution_id == execution_id)).one_or_none()


def body_of(connection: Connection, execution_id: int) -> bytes | None:
    """Return the stored body, or of a batch this event's part of it; None if it was pruned."""
    columns = execution_requests.c
    query = sa.select(columns.body).where(columns.execution_id == execution_id)
    return connection.execute(query).scalar_one_or_none()


def event_of(connection: Connection, execution_id: int) -> str | None:
    """Return the stored event; None if there is no such execution, or it has no event."""
    query = sa.select(_columns.event_data).where(_columns.id == execution_id)
    return connection.execute(query).scalar_one_or_none()


def _of_one_trigger(connection: Connection, filters: ExecutionFilter) -> ExecutionFilter:
    """Return the filters with a source's only trigger in its place: there is an index for it."""
    if filters.source is None or filters.trigger_id is not None:
        return filters
    ids = connection.scalars(listing.triggers_of(filters.source).limit(2)).all()
    return replace(filters, trigger_id=ids[0], source=None) if len(ids) == 1 else filters


def _conditions(filters: ExecutionFilter) -> Iterator[sa.ColumnElement[bool]]:
    if filters.trigger_id is not None:
        yield _columns.trigger_id == filters.trigger_id
    if filters.status is not None:
        yield listing.in_status(filters.status)
    if filters.category is not None:
        yield _columns.error_category == filters.category
    if filters.reason == UNKNOWN:
        yield sa.and_(_columns.error_reason.is_(None), is_one_of(_columns.status, lifecycle.DEAD))
    elif filters.reason is not None:
        yield _columns.error_reason == filters.reason
    if filters.key is not None:
        yield _columns.idempotency_key == filters.key
    yield from _unindexed(filters)


def _unindexed(filters: ExecutionFilter) -> Iterator[sa.ColumnElement[bool]]:
    """Return the conditions that no index covers."""
    if filters.key_prefix is not None:
        yield listing.begins_with(_columns.idempotency_key, filters.key_prefix)
    if filters.source is not None:
        yield listing.of_source(_columns.trigger_id, filters.source)
    if filters.http_status is not None:
        yield last_answered(filters.http_status)
    if filters.event_type is not None:
        yield payload_search.has_type(filters.event_type)
    if filters.text is not None:
        yield payload_search.contains_text(filters.text)


def _bounds(connection: Connection, filters: ExecutionFilter) -> Iterator[sa.ColumnElement[bool]]:
    """Translate the range of time into a range of ids."""
    if filters.since is not None:
        yield _columns.id >= first_id_since(connection, filters.since)
    if filters.until is not None:
        yield _columns.id < first_id_since(connection, filters.until)


def _is_indexed(filters: ExecutionFilter) -> bool:
    if filters.key is not None:
        return True
    if (filters.key_prefix, filters.http_status, filters.source) != (None, None, None):
        return False
    if filters.status in _INDEXED:
        return True
    return (filters.status, filters.category, filters.reason) == (None, None, None)


def _horizon(
    connection: Connection,
    filters: ExecutionFilter,
    bounds: tuple[sa.ColumnElement[bool], ...],
    position: PagePosition,
) -> int | None:
    return paging.edge(connection, _scanned(filters, bounds), listing.EXECUTION_ID, position)


def _scanned(
    filters: ExecutionFilter, bounds: tuple[sa.ColumnElement[bool], ...]
) -> sa.Select[int]:
    """Select the ids of the rows that are scanned: those that an index finds."""
    rows = sa.select(_columns.id).where(*bounds)
    if filters.status in lifecycle.DEAD:
        rows = rows.where(is_one_of(_columns.status, lifecycle.DEAD))
    if filters.trigger_id is not None:
        rows = rows.where(_columns.trigger_id == filters.trigger_id)
    return rows
