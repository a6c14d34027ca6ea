"""Find a trigger by its id, slug or name.

Apart from `app/triggers/manage.py`, since a command that only reads needs no source and no action.
"""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from app.db.models import triggers
from app.errors import existing


def locked_trigger(connection: Connection, name_or_id: str | int) -> sa.Row[Any]:
    """Return the trigger, locked against other changes until the transaction ends."""
    found = find_trigger(connection, name_or_id)
    same = sa.select(triggers).where(triggers.c.id == found.id)
    row = connection.execute(same.with_for_update()).one_or_none()
    return existing(row, f"the trigger {name_or_id!r} was just removed")


def subject(trigger_id: int) -> str:
    """Return the subject of the trigger's audit rows."""
    return f"trigger:{trigger_id}"


def find_trigger(connection: Connection, name_or_id: str | int) -> sa.Row[Any]:
    """Return the trigger by id, slug or name; an int is always an id. Raises NotFound."""
    columns = triggers.c
    query = sa.select(triggers).where(_same(name_or_id)).order_by(columns.id)
    sentence = f"there is no trigger {name_or_id!r}; `hookonce trigger list` shows all"
    return existing(connection.execute(query).first(), sentence)


def _same(name_or_id: str | int) -> sa.ColumnElement[bool]:
    columns = triggers.c
    if isinstance(name_or_id, int):
        return columns.id == name_or_id
    same = sa.or_(columns.slug == name_or_id, columns.name == name_or_id)
    if name_or_id.isascii() and name_or_id.isdigit() and len(name_or_id) < 10:
        return sa.or_(columns.id == int(name_or_id), same)
    return same
