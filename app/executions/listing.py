"""Select executions by trigger, status and key so that an index finds each page."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from app import lifecycle
from app.db import is_one_of, without_index
from app.db.count_cache import EXACT_UP_TO, CountCache
from app.db.models import trigger_executions, triggers
from app.db.paging import PagePosition, edge
from app.errors import InvalidRequest

_executions = trigger_executions.c
EXECUTION_ID = trigger_executions.c.id
NEWEST_SHOWN = 20
"""Executions in the list of one trigger's newest."""
DEAD_EXACT_UP_TO = 1_000
"""Dead letters counted exactly: their index has no status, so each row must be read."""


def executions_query(
    trigger_id: int, status: str | None = None, key: str | None = None
) -> sa.Select[Any]:
    """Select the trigger's executions in this status, or with this key."""
    query = sa.select(trigger_executions)
    if key is not None:
        query = query.where(_executions.idempotency_key == key)
    elif status == lifecycle.RUNNING:
        return query.where(_executions.id.in_(_running(trigger_id)))
    elif status in lifecycle.DEAD:
        # the index of dead letters is small and includes the trigger
        return query.where(without_index(_executions.trigger_id) == trigger_id, in_status(status))
    query = query.where(_executions.trigger_id == trigger_id)
    return query if status is None else query.where(in_status(status))


def _running(trigger_id: int) -> sa.Select[tuple[int]]:
    """Select the trigger's running executions by the index of leases: they are few."""
    columns = trigger_executions.alias("running").c
    running = columns.status == sa.literal_column(f"'{lifecycle.RUNNING}'")
    return sa.select(columns.id).where(running, columns.trigger_id + 0 == trigger_id)


def in_status(status: str) -> sa.ColumnElement[bool]:
    """Return the condition on status in the form that matches the status's partial index.

    The status is a literal, checked against lifecycle.STATUSES: a planner cannot match a
    parameter to a partial index.
    """
    if status not in lifecycle.STATUSES:
        raise InvalidRequest(f"there is no status {status!r}")
    same = _executions.status == sa.literal_column(f"'{status}'")
    if status in lifecycle.DEAD:
        return is_one_of(_executions.status, lifecycle.DEAD) & same
    if status == lifecycle.PENDING:
        return is_one_of(_executions.status, lifecycle.WAITING) & same
    if status == lifecycle.REPLAYED:
        successor = trigger_executions.alias("successor").c
        taken_over = sa.select(successor.replay_of_id).where(successor.replay_of_id.is_not(None))
        return same & _executions.id.in_(taken_over)
    return same


def of_source(trigger_id: sa.ColumnElement[int], source: str) -> sa.ColumnElement[bool]:
    """Return the condition that the trigger's sender is this source, without the trigger's index.

    By that index SQLite would read every execution of each trigger, and sort them all.
    """
    return without_index(trigger_id).in_(triggers_of(source))


def triggers_of(source: str) -> sa.Select[int]:
    """Select the ids of the triggers of a source."""
    return sa.select(triggers.c.id).where(triggers.c.source == source)


def begins_with(column: sa.ColumnElement[str], prefix: str) -> sa.ColumnElement[bool]:
    """Return the condition that the text begins so, exactly: LIKE knows no case in SQLite."""
    return sa.func.substr(column, 1, len(prefix)) == prefix


def exact_up_to(status: str | None) -> int:
    """Return the number up to which executions in this status are counted exactly."""
    return DEAD_EXACT_UP_TO if status in lifecycle.DEAD else EXACT_UP_TO


def horizon(
    connection: Connection, trigger_id: int, status: str | None, position: PagePosition
) -> int | None:
    """Return the id at which a page of this status stops; None if an index covers the status.

    No index covers completed executions: to find a few among a million may take seconds.
    """
    if status != lifecycle.COMPLETED:
        return None
    rows = sa.select(_executions.id).where(_executions.trigger_id == trigger_id)
    return edge(connection, rows, EXECUTION_ID, position)


def execution_count(connection: Connection, counter: CountCache, trigger_id: int) -> int:
    """Count the trigger's executions, up to 10,000."""
    rows = sa.select(_executions.id).where(_executions.trigger_id == trigger_id)
    key = ("executions", trigger_id, None, None)
    return min(counter.count_up_to(connection, rows, EXACT_UP_TO, key), EXACT_UP_TO)


def newest_executions(connection: Connection, trigger_id: int) -> list[sa.Row[Any]]:
    """Return the trigger's NEWEST_SHOWN newest executions, newest first."""
    query = executions_query(trigger_id).order_by(_executions.id.desc())
    return list(connection.execute(query.limit(NEWEST_SHOWN)))


def exact_count(connection: Connection, trigger_id: int) -> int:
    """Count all executions of the trigger; pages use `execution_count`, which stops early."""
    of_trigger = trigger_executions.c.trigger_id == trigger_id
    return int(connection.execute(sa.select(sa.func.count()).where(of_trigger)).scalar_one())
