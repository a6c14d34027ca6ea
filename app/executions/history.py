"""Read one execution with its trigger and its chain of replays."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from app.db.models import trigger_executions, triggers
from app.errors import existing

_executions = trigger_executions.c
CHAIN_AT_MOST = 100
"""Executions read in each direction of a chain of replays."""


def execution(connection: Connection, execution_id: int) -> tuple[sa.Row[Any], sa.Row[Any]]:
    """Return the execution and its trigger. Raises NotFound."""
    query = sa.select(trigger_executions).where(_executions.id == execution_id)
    found = connection.execute(query).one_or_none()
    row = existing(found, f"there is no execution {execution_id}")
    of_trigger = sa.select(triggers).where(triggers.c.id == row.trigger_id)
    return row, connection.execute(of_trigger).one()


def chain_of(connection: Connection, execution: Any) -> list[sa.Row[Any]]:
    """Return the chain of replays that holds this execution, first to last."""
    shown = (
        _executions.id,
        _executions.status,
        _executions.replay_of_id,
        _executions.received_at,
        _executions.started_at,
        _executions.completed_at,
    )
    before = _predecessors(connection, shown, execution.replay_of_id)
    after = _successors(connection, shown, execution.id)
    this = connection.execute(sa.select(*shown).where(_executions.id == execution.id)).all()
    return [*reversed(before), *this, *after]


def _predecessors(connection: Connection, shown: Any, first: int | None) -> list[sa.Row[Any]]:
    """Return the execution of id `first` and those it is a replay of, newest first."""
    rows: list[sa.Row[Any]] = []
    execution_id = first
    while execution_id is not None and len(rows) < CHAIN_AT_MOST:
        query = sa.select(*shown).where(_executions.id == execution_id)
        row = connection.execute(query).one_or_none()
        if row is None:  # pruned
            break
        rows.append(row)
        execution_id = row.replay_of_id
    return rows


def _successors(connection: Connection, shown: Any, execution_id: int) -> list[sa.Row[Any]]:
    """Return the replays that followed this execution, oldest first."""
    rows: list[sa.Row[Any]] = []
    while len(rows) < CHAIN_AT_MOST:
        query = sa.select(*shown).where(_executions.replay_of_id == execution_id)
        row = connection.execute(query).one_or_none()
        if row is None:
            break
        rows.append(row)
        execution_id = row.id
    return rows


def neighbours(
    connection: Connection, trigger_id: int, execution_id: int
) -> tuple[int | None, int | None]:
    """Return the ids of the trigger's next older and next newer execution; None at the ends."""
    columns = trigger_executions.c
    of_trigger = columns.trigger_id == trigger_id
    older = sa.select(sa.func.max(columns.id)).where(of_trigger, columns.id < execution_id)
    newer = sa.select(sa.func.min(columns.id)).where(of_trigger, columns.id > execution_id)
    return connection.execute(older).scalar(), connection.execute(newer).scalar()
