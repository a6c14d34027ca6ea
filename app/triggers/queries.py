"""Queries of triggers that only read, for the commands, the API and the pages."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from app import clock, masking
from app.db.models import trigger_breakers, trigger_executions, triggers
from app.executions import blocks

TRIGGER_ID = triggers.c.id


def all_triggers(connection: Connection) -> Sequence[sa.Row[Any]]:
    """Return all triggers, newest first, each with its `execution_count`."""
    of_trigger = trigger_executions.c.trigger_id
    counted = sa.select(of_trigger, sa.func.count().label("number")).group_by(of_trigger).subquery()
    query = (
        triggers_query()
        .add_columns(sa.func.coalesce(counted.c.number, 0).label("execution_count"))
        .outerjoin(counted, counted.c.trigger_id == triggers.c.id)
        .order_by(triggers.c.id.desc())
    )
    return connection.execute(query).all()


def breaker_of(connection: Connection, trigger_id: int) -> dict[str, Any]:
    """Return the failures in a row and the state of the circuit breaker; {} if the target works."""
    columns = trigger_breakers.c
    query: sa.Select[Any] = sa.select(
        columns.failure_count.label("failures_in_a_row"),
        columns.opened_at.label("breaker_open_since"),
        columns.probe_at.label("breaker_asks_again_at"),
    )
    row = connection.execute(query.where(columns.trigger_id == trigger_id)).first()
    return {} if row is None else masking.public(row)


def pause_of(connection: Connection, trigger_id: int) -> dict[str, Any]:
    """Return time, author and reason of the trigger's pause; {} if it is not paused."""
    pause = blocks.of_trigger(connection, trigger_id).pause
    if pause is None:
        return {}
    since = clock.text(pause.since)
    return {"paused_at": since, "paused_by": pause.by, "pause_reason": pause.reason}


def triggers_query(
    kind: str | None = None,
    source: str | None = None,
    enabled: bool | None = None,
    source_plugin: str | None = None,
) -> sa.Select[Any]:
    """Return the query for the triggers with these values; None stands for every value."""
    query = sa.select(triggers)
    if kind is not None:
        query = query.where(triggers.c.type == kind)
    if source is not None:
        query = query.where(triggers.c.source == source)
    if enabled is not None:
        query = query.where(triggers.c.enabled.is_(enabled))
    if source_plugin is not None:
        query = query.where(triggers.c.source_plugin == source_plugin)
    return query
