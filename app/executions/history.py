"""What became of one execution: its attempts, and the replays that led to it and from it."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from app.db.models import execution_attempts, trigger_executions, triggers
from app.errors import NotFound

_executions = trigger_executions.c
CHAIN_AT_MOST = 100


def execution(connection: Connection, execution_id: int) -> tuple[sa.Row[Any], sa.Row[Any]]:
    """The execution, and its trigger; NotFound if there is none by that id."""
    query = sa.select(trigger_executions).where(_executions.id == execution_id)
    row = connection.execute(query).one_or_none()
    if row is None:
        raise NotFound(f"there is no execution {execution_id}")
    of_trigger = sa.select(triggers).where(triggers.c.id == row.trigger_id)
    return row, connection.execute(of_trigger).one()


def attempts_of(connection: Connection, execution_id: int) -> list[sa.Row[Any]]:
    """The execution's attempts, first to last."""
    columns = execution_attempts.c
    query = sa.select(execution_attempts).where(columns.execution_id == execution_id)
    return list(connection.execute(query.order_by(columns.number)))


def chain_of(connection: Connection, execution: Any) -> list[sa.Row[Any]]:
    """The executions that replays lead from and to, first to last, this one included."""
    shown = (
        _executions.id,
        _executions.status,
        _executions.replay_of_id,
        _executions.received_at,
        _executions.started_at,
        _executions.completed_at,
    )
    before = _walk(connection, shown, execution.replay_of_id, lambda row: row.replay_of_id)
    after = _successors(connection, shown, execution.id)
    this = connection.execute(sa.select(*shown).where(_executions.id == execution.id)).all()
    return [*reversed(before), *this, *after]


def _walk(connection: Connection, shown: Any, start: int | None, step: Any) -> list[sa.Row[Any]]:
    found: list[sa.Row[Any]] = []
    while start is not None and len(found) < CHAIN_AT_MOST:
        row = connection.execute(sa.select(*shown).where(_executions.id == start)).one_or_none()
        if row is None:  # pruned
            break
        found.append(row)
        start = step(row)
    return found


def _successors(connection: Connection, shown: Any, execution_id: int) -> list[sa.Row[Any]]:
    found: list[sa.Row[Any]] = []
    while len(found) < CHAIN_AT_MOST:
        query = sa.select(*shown).where(_executions.replay_of_id == execution_id)
        row = connection.execute(query).one_or_none()
        if row is None:
            break
        found.append(row)
        execution_id = row.id
    return found
