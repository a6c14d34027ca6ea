"""Enable and disable triggers: a change that needs no source, no action and no check of fields."""

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from app import audit, clock
from app.audit import UNNAMED, Actor
from app.db import Database
from app.db.models import triggers
from app.triggers import lookup


def set_enabled(
    database: Database, name_or_id: str | int, enabled: bool, actor: Actor = UNNAMED
) -> sa.Row[Any]:
    """Enable or disable the trigger; receivers follow within two seconds."""
    with database.writing() as connection:
        before = lookup.locked_trigger(connection, name_or_id)
        return write(connection, before, {"enabled": enabled}, "trigger.update", actor)


def write(
    connection: Connection,
    before: sa.Row[Any],
    changed: Mapping[str, Any],
    action: str,
    actor: Actor,
) -> sa.Row[Any]:
    """Write a change of the trigger with its audit row; return the trigger as it is now."""
    change = sa.update(triggers).where(triggers.c.id == before.id)
    values = {**changed, "updated_at": clock.now()}
    row = connection.execute(change.values(values).returning(*triggers.c)).one()
    audit.record(
        connection,
        actor,
        action,
        lookup.subject(row.id),
        before=before._mapping,
        after=row._mapping,
    )
    return row
