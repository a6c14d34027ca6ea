"""Keep the state of a move in both databases, so that a killed move goes on where it was.

A batch of rows and its progress are committed in one transaction of the target.
"""

import json
import secrets
from typing import Any

from app.db.moving.session import DriverSession

TABLE = "_move_state"
PREFIX = "_move_"
"""Beginning of the names of everything that a move creates for itself."""
ID, ROLE, PEER, DONE = "id", "role", "peer", "done"
LIVE = "live"
FOREIGN_KEYS = "foreign keys"
SOURCE, TARGET = "source", "target"
_PROGRESS = "table "


def new_id() -> str:
    """Return the id of a new move."""
    return secrets.token_hex(8)


def exists(session: DriverSession) -> bool:
    """Return True if the database is part of a move."""
    return session.inspector.has_table(TABLE)


def begin(session: DriverSession, values: dict[str, Any]) -> None:
    """Create the table with these values, in the open transaction; it fails if it exists."""
    session.execute(f"CREATE TABLE {TABLE} (name TEXT PRIMARY KEY, value TEXT NOT NULL)")
    for name, value in values.items():
        write(session, name, value)


def end(session: DriverSession) -> None:
    """Drop the table, in the open transaction."""
    session.execute(f"DROP TABLE IF EXISTS {TABLE}")


def read(session: DriverSession, name: str) -> Any:
    """Return a value; None if there is none."""
    if not exists(session):
        return None
    rows = session.execute(f"SELECT value FROM {TABLE} WHERE name = ?", (name,))  # noqa: S608
    return json.loads(rows[0][0]) if rows else None


def write(session: DriverSession, name: str, value: Any) -> None:
    """Set a value, in the open transaction."""
    session.execute(f"DELETE FROM {TABLE} WHERE name = ?", (name,))  # noqa: S608
    insert = f"INSERT INTO {TABLE} (name, value) VALUES (?, ?)"  # noqa: S608
    session.execute(insert, (name, json.dumps(value)))


def progress(session: DriverSession, table: str) -> dict[str, Any] | None:
    """Return what `note_progress` noted; None if it noted nothing of the table."""
    noted: dict[str, Any] | None = read(session, _PROGRESS + table)
    return noted


def note_progress(session: DriverSession, table: str, now: dict[str, Any]) -> None:
    """Set the progress of a table, in the transaction that writes its rows."""
    write(session, _PROGRESS + table, now)
