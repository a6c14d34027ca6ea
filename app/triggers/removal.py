"""Remove a trigger with all its executions, in steps: there may be millions."""

import time
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from app import audit
from app.audit import UNNAMED, Actor
from app.db import Database, same_trigger
from app.db.models import trigger_executions, triggers
from app.triggers.lookup import locked_trigger, subject

FOLLOW_SECONDS = 2.0
"""Seconds after which every receiver knows that a trigger was disabled."""
STEP_ROWS = 500
"""Number of executions that one transaction removes."""


def remove_trigger(
    database: Database, name_or_id: str | int, actor: Actor = UNNAMED
) -> sa.Row[Any]:
    """Remove the trigger with its executions, and return it as it was.

    Many executions are removed in small steps, so that senders do not wait for a lock. The trigger
    is disabled meanwhile, and stays so if the steps are interrupted: removing it again goes on.
    """
    with database.writing() as connection:
        before = locked_trigger(connection, name_or_id)
        if not _more_than_a_step(connection, before.id):
            return _removed(connection, before, actor)
        disabled = sa.update(triggers).where(triggers.c.id == before.id).values(enabled=False)
        connection.execute(disabled)
    time.sleep(FOLLOW_SECONDS)  # a receiver that still has it enabled would admit a known key again
    while _removed_some(database, before.id):
        pass
    with database.writing() as connection:
        locked_trigger(connection, before.id)
        return _removed(connection, before, actor)


def _more_than_a_step(connection: Connection, trigger_id: int) -> bool:
    mine = trigger_executions.c.trigger_id == trigger_id
    query = sa.select(trigger_executions.c.id).where(mine).offset(STEP_ROWS).limit(1)
    return connection.execute(query).first() is not None


def _removed(connection: Connection, before: sa.Row[Any], actor: Actor) -> sa.Row[Any]:
    connection.execute(sa.delete(triggers).where(triggers.c.id == before.id))
    audit.record(connection, actor, "trigger.remove", subject(before.id), before=before._mapping)
    return before


def _removed_some(database: Database, trigger_id: int) -> bool:
    """Remove one step of executions; False if there was none.

    Sleep afterwards for as long as the step took, so that others can use the database.
    """
    began = time.monotonic()
    columns = trigger_executions.c
    oldest = sa.select(columns.id).where(columns.trigger_id == trigger_id).order_by(columns.id)
    step = sa.delete(trigger_executions).where(
        same_trigger(columns.trigger_id, trigger_id), columns.id.in_(oldest.limit(STEP_ROWS))
    )
    with database.writing() as connection:
        gone = connection.execute(step).rowcount
    time.sleep(time.monotonic() - began)
    return gone > 0
