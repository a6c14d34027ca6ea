"""Encrypt the addresses and secrets of channels again with another key, or decrypt them."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from app import audit, db
from app.audit import Actor
from app.db import Database
from app.db.encryption import SecretBox
from app.db.models import notification_channels

SEALED = ("address", "secret")
"""Columns for plain values; the encrypted ones have `sealed_` before the name."""


def rewrite(database: Database, target: SecretBox, actor: Actor, action: str) -> int:
    """Encrypt or decrypt what each channel keeps, as `target` does; return the changed rows.

    Does nothing on a schema that has no channels.
    """
    with database.writing() as connection:
        if not exist(connection):
            return 0
        rows = connection.execute(sa.select(notification_channels).with_for_update()).all()
        changes = {row.id: _changed(row, database.secret_box, target) for row in rows}
        changed = [channel_id for channel_id, values in changes.items() if values]
        for channel_id in changed:
            update = sa.update(notification_channels)
            same = notification_channels.c.id == channel_id
            connection.execute(update.where(same).values(changes[channel_id]))
        if changed:
            audit.record(connection, actor, action, "channels", after={"ids": changed})
    return len(changed)


def exist(connection: Connection) -> bool:
    """Return True if the schema has channels."""
    return f"{notification_channels.name}.id" in db.columns(connection)


def counts(connection: Connection) -> dict[str, int]:
    """Return the number of `sealed` (encrypted) and of `clear` addresses and secrets."""
    if not exist(connection):
        return {"sealed": 0, "clear": 0}
    columns = notification_channels.c
    sealed = [sa.func.count(columns[f"sealed_{name}"]) for name in SEALED]
    clear = [sa.func.count(sa.func.nullif(columns[name], "")) for name in SEALED]
    row = connection.execute(sa.select(*sealed, *clear)).one()
    return {"sealed": row[0] + row[1], "clear": row[2] + row[3]}


def unopened(connection: Connection, secret_box: SecretBox) -> list[str]:
    """Return the channels that none of our keys opens, as `channel <name>`."""
    if not exist(connection):
        return []
    rows = connection.execute(sa.select(notification_channels).order_by(notification_channels.c.id))
    return [
        f"channel {row.name}"
        for row in rows
        if not all(secret_box.opens(row, name) for name in SEALED)
    ]


def _changed(row: Any, source: SecretBox, target: SecretBox) -> dict[str, str | None]:
    """Return the columns that change; a value that `target` has sealed already stays as it is."""
    values: dict[str, str | None] = {}
    for name in SEALED:
        sealed = getattr(row, f"sealed_{name}")
        is_current = target.keys and sealed is not None and target.current(sealed)
        is_clear = not target.keys and sealed is None
        value = None if is_current or is_clear else source.decrypt(row, name)
        if value is not None:
            values |= target.columns(name, value)
    return values
