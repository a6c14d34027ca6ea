"""Looking for executions over all triggers: each page found by an index, or by a bounded look.

Rows come without their events: a list of twenty may otherwise weigh twenty megabytes.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from app import lifecycle
from app.db import is_one_of, paging
from app.db.count_cache import CountCache
from app.db.models import execution_requests, trigger_executions, triggers
from app.db.paging import Page, PagePosition
from app.executions import listing
from app.executions.dead_letters import UNKNOWN
from app.executions.time_range import first_id_since

_columns = trigger_executions.c
ERROR_SHOWN = 4_000
"""All that an attempt leaves of it: its last line tells most."""
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
    _columns.replay_of_id,
    sa.func.substr(_columns.error, 1, ERROR_SHOWN).label("error"),
)
_INDEXED = (*lifecycle.DEAD, *lifecycle.WAITING, lifecycle.RUNNING, lifecycle.REPLAYED)
"""Statuses whose rows an index knows."""


@dataclass(frozen=True, slots=True)
class ExecutionFilter:
    """What an execution must be to be found; what is left out may be anything."""

    trigger_id: int | None = None
    status: str | None = None
    category: str | None = None
    reason: str | None = None
    """One of lifecycle.REASONS, or UNKNOWN."""
    key: str | None = None
    since: datetime | None = None
    """Received then or later."""
    until: datetime | None = None
    """Received before."""


def page(
    connection: Connection, counter: CountCache, sought: ExecutionFilter, where: PagePosition
) -> Page:
    """The page of what is sought, newest first.

    Where no index knows it, some 5,000 rows are looked through; the page says where to go on.
    """
    bounds = tuple(_bounds(connection, sought))
    rows = sa.select(*_SHOWN).where(*bounds, *_such(sought))
    horizon = None if _found_by_index(sought) else _horizon(connection, sought, bounds, where)
    return paging.page(
        connection, counter, rows, listing.EXECUTION_ID, where, ("sought", sought), horizon
    )


def query_of(sought: ExecutionFilter) -> sa.Select[Any]:
    """The statement for what is sought at any time."""
    return sa.select(*_SHOWN).where(*_such(replace(sought, since=None, until=None)))


def trigger_names(connection: Connection, ids: set[int]) -> dict[int, str]:
    """The name of each of these triggers."""
    query = sa.select(triggers.c.id, triggers.c.name).where(triggers.c.id.in_(sorted(ids)))
    return {row.id: row.name for row in connection.execute(query)}


def every_trigger(connection: Connection, at_most: int) -> list[sa.Row[Any]]:
    """(id, name) of the triggers that a person may choose from, by name."""
    query = sa.select(triggers.c.id, triggers.c.name).order_by(triggers.c.name, triggers.c.id)
    return list(connection.execute(query.limit(at_most)))


def request_of(connection: Connection, execution_id: int) -> sa.Row[Any] | None:
    """(content_type, headers, size) of the request as it came; None where it was pruned."""
    columns = execution_requests.c
    query: sa.Select[Any] = sa.select(
        columns.content_type, columns.headers, sa.func.length(columns.body).label("size")
    )
    return connection.execute(query.where(columns.execution_id == execution_id)).one_or_none()


def body_of(connection: Connection, execution_id: int) -> bytes | None:
    """The request as it came, or would have come with this event alone; None if it was pruned."""
    columns = execution_requests.c
    query = sa.select(columns.body).where(columns.execution_id == execution_id)
    return connection.execute(query).scalar_one_or_none()


def event_of(connection: Connection, execution_id: int) -> str | None:
    """The event as it is stored; None if there is no such execution, or no event in it."""
    query = sa.select(_columns.event_data).where(_columns.id == execution_id)
    return connection.execute(query).scalar_one_or_none()


def _such(sought: ExecutionFilter) -> Iterator[sa.ColumnElement[bool]]:
    if sought.trigger_id is not None:
        yield _columns.trigger_id == sought.trigger_id
    if sought.status is not None:
        yield listing.in_status(sought.status)
    if sought.category is not None:
        yield _columns.error_category == sought.category
    if sought.reason == UNKNOWN:
        yield sa.and_(_columns.error_reason.is_(None), is_one_of(_columns.status, lifecycle.DEAD))
    elif sought.reason is not None:
        yield _columns.error_reason == sought.reason
    if sought.key is not None:
        yield _columns.idempotency_key == sought.key


def _bounds(connection: Connection, sought: ExecutionFilter) -> Iterator[sa.ColumnElement[bool]]:
    """A span of time is a span of ids."""
    if sought.since is not None:
        yield _columns.id >= first_id_since(connection, sought.since)
    if sought.until is not None:
        yield _columns.id < first_id_since(connection, sought.until)


def _found_by_index(sought: ExecutionFilter) -> bool:
    if sought.key is not None or sought.status in _INDEXED:
        return True
    return (sought.status, sought.category, sought.reason) == (None, None, None)


def _horizon(
    connection: Connection,
    sought: ExecutionFilter,
    bounds: tuple[sa.ColumnElement[bool], ...],
    where: PagePosition,
) -> int | None:
    rows = sa.select(_columns.id).where(*bounds)
    if sought.trigger_id is not None:
        rows = rows.where(_columns.trigger_id == sought.trigger_id)
    return paging.edge(connection, rows, listing.EXECUTION_ID, where)
