"""Create the database triggers that note the rows written while a table of SQLite is copied.

They note ids only. A row is then copied as it is: nothing depends on the order of writes, nor on
the ON CONFLICT clause of the statement, which SQLite also applies to what a trigger does.
"""
# ruff: noqa: S608, the names in these statements come from the catalog, and are quoted

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.engine import Connection

from app.db.migration_ops import sqlite_catalog
from app.db.migration_ops.rehearsal import NAME_PREFIX
from app.db.migration_ops.shadow_target import RebuiltTable, UniqueIndex, log_name
from app.db.migration_ops.sqlite_catalog import quoted


def statements(target: RebuiltTable) -> list[str]:
    """Return the CREATE TRIGGER statements."""
    key = quoted(target.key)
    new, old = _note(target, f"NEW.{key}"), _note(target, f"OLD.{key}")
    created = [
        _trigger(target, "inserted", "AFTER INSERT", new),
        _trigger(target, "updated", "AFTER UPDATE", f"{old} {new}"),
        _trigger(target, "deleted", "AFTER DELETE", old),
    ]
    for number, index in enumerate(target.unique):
        replaced = _note_replaced(target, index)
        created += _before(target, f"replaced_{number}", index, replaced)
    if target.refuses:
        for number, index in enumerate(target.new_unique):
            created += _before(target, f"refused_{number}", index, _refuse(target, index))
    return created


def drop(connection: Connection, table: str | None = None) -> None:
    """Drop the triggers of one table, or of all."""
    for entry in sqlite_catalog.entries(connection, table):
        if entry.kind == "trigger" and entry.name.startswith(NAME_PREFIX):
            connection.exec_driver_sql(f"DROP TRIGGER {quoted(entry.name)}")


@contextmanager
def set_aside(connection: Connection, table: str) -> Iterator[None]:
    """Drop the triggers of others during the block, and create them again.

    SQLite reads its catalog in order, and must find a table before the triggers on it.
    """
    entries = sqlite_catalog.entries(connection, table)
    triggers = [entry for entry in entries if entry.kind == "trigger"]
    for trigger in triggers:
        connection.exec_driver_sql(f"DROP TRIGGER {quoted(trigger.name)}")
    yield
    for trigger in triggers:
        connection.exec_driver_sql(str(trigger.sql))


def row_of(columns: tuple[str, ...]) -> str:
    """Return a FROM clause with the new row, for a condition that names its plain columns."""
    return f"(SELECT {', '.join(f'NEW.{quoted(each)} AS {quoted(each)}' for each in columns)})"


def _trigger(target: RebuiltTable, name: str, when: str, body: str) -> str:
    return (
        f"CREATE TRIGGER {quoted(f'{NAME_PREFIX}{name}_{target.table}')} {when} "
        f"ON {quoted(target.table)} BEGIN {body} END"
    )


def _before(target: RebuiltTable, name: str, index: UniqueIndex, body: str) -> list[str]:
    """Return triggers that run before a row gets new values for the index."""
    columns = ", ".join(map(quoted, index.columns))
    return [
        _trigger(target, f"{name}_by_insert", "BEFORE INSERT", body),
        _trigger(target, f"{name}_by_update", f"BEFORE UPDATE OF {columns}", body),
    ]


def _note(target: RebuiltTable, row_id: str) -> str:
    log = quoted(log_name(target.table))
    return (
        f"INSERT INTO {log} SELECT {row_id} "
        f"WHERE NOT EXISTS (SELECT 1 FROM {log} WHERE row_id = {row_id});"
    )


def _note_replaced(target: RebuiltTable, index: UniqueIndex) -> str:
    """Note the rows that `INSERT OR REPLACE` would delete: no trigger fires for them."""
    log, table, key = map(quoted, (log_name(target.table), target.table, target.key))
    condition = f" AND ({index.where})" if index.where else ""
    return (
        f"INSERT INTO {log} SELECT {key} FROM {table} WHERE {index.same(table, 'NEW')}{condition} "
        f"AND {key} NOT IN (SELECT row_id FROM {log});"
    )


def _refuse(target: RebuiltTable, index: UniqueIndex) -> str:
    """Refuse a row that has the same values as another, as the new index will."""
    log, table, shadow, key = map(
        quoted, (log_name(target.table), target.table, target.shadow, target.key)
    )
    where = f"({index.where})" if index.where else "true"
    names = ", ".join(f"{target.table}.{name}" for name in index.columns)
    message = f"UNIQUE constraint failed: {names}".replace("'", "''")
    copied = (
        f"SELECT 1 FROM {shadow} WHERE {index.same(shadow, 'NEW')} AND {where} "
        f"AND {key} IS NOT NEW.{key} AND {key} NOT IN (SELECT row_id FROM {log})"
    )
    noted = (
        f"SELECT 1 FROM {log} CROSS JOIN {table} ON {key} = row_id "
        f"WHERE {index.same(table, 'NEW')} AND {where} AND {key} IS NOT NEW.{key}"
    )
    return (
        f"SELECT RAISE(ABORT, '{message}') "
        f"WHERE EXISTS (SELECT 1 FROM {row_of(target.columns)} WHERE {where}) "
        f"AND (EXISTS ({copied}) OR EXISTS ({noted}));"
    )
