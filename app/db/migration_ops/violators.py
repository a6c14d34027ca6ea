"""Seek the rows that break a new CHECK before the step, without SQLite's write lock.

Triggers note the rows that are written meanwhile.
"""
# ruff: noqa: S608, the names in these statements are the revisions' own, never from outside

from sqlalchemy.engine import Connection

from app.db.migration_ops import gentle
from app.db.migration_ops.rehearsal import NAME_PREFIX
from app.db.migration_ops.sqlite_catalog import quoted

NOTED = f"{NAME_PREFIX}violators"


def seek(connection: Connection, checks: list[tuple[str, str, str]]) -> dict[str, int | None]:
    """Return the highest id of the rows that break each CHECK; note further ones from now on."""
    if not checks:
        return {}
    _note_from_now_on(connection, checks)
    newest = {}
    for table, name, condition in checks:
        query = f"SELECT max(id) FROM {table} WHERE NOT ({condition})"
        with gentle.reading(connection):
            newest[name] = connection.exec_driver_sql(query).scalar()
    return newest


def noted(connection: Connection, name: str) -> int | None:
    """Return the highest id that was noted since; None if there is none."""
    query = f"SELECT max(row_id) FROM {NOTED} WHERE name = ?"
    highest: int | None = connection.exec_driver_sql(query, (name,)).scalar()
    return highest


def _note_from_now_on(connection: Connection, checks: list[tuple[str, str, str]]) -> None:
    with gentle.writing(connection):
        connection.exec_driver_sql(
            f"CREATE TABLE IF NOT EXISTS {NOTED} (name TEXT NOT NULL, row_id INTEGER NOT NULL)"
        )
        for table, name, condition in checks:
            for verb in ("INSERT", "UPDATE"):
                trigger = quoted(f"{NAME_PREFIX}violator_{name}_{verb.lower()}")
                connection.exec_driver_sql(
                    f"CREATE TRIGGER IF NOT EXISTS {trigger} AFTER {verb} ON {table} BEGIN "
                    f"INSERT INTO {NOTED} SELECT '{name}', id FROM {table} "
                    f"WHERE id = NEW.id AND NOT ({condition}); END"
                )


def forget(connection: Connection, name: str) -> None:
    """Drop the triggers of one CHECK."""
    for verb in ("insert", "update"):
        trigger = quoted(f"{NAME_PREFIX}violator_{name}_{verb}")
        connection.exec_driver_sql(f"DROP TRIGGER IF EXISTS {trigger}")
