"""Insert rows that are hard to migrate without loss, into every table of any revision.

The columns are read from the database, so that a table or a column of a later revision is filled
too, and nothing here names a revision.
"""

import itertools
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from app import lifecycle
from tests.support.schema_dump import HIDDEN, connected, tables

ODD = '🪝 it\'s "odd" \\ 100% :name\nline\ttab ünï 日本 $$ ; --'
MOMENT = datetime(2024, 2, 29, 23, 59, 59, 123456)  # noqa: DTZ001, stored without a zone
WORDS = {
    "status": lifecycle.STATUSES,
    "error_category": (lifecycle.TRANSIENT, lifecycle.PERMANENT),
    "outcome": lifecycle.OUTCOMES,
    "type": ("webhook", "event"),
    "role": ("viewer", "operator", "admin"),
    "kind": ("webhook", "slack", "email"),
}
"""The allowed values of columns with a CHECK."""
ROWS = 8

_serial = itertools.count(1)


def seed(url: str) -> None:
    """Insert into every table rows with all values, with NULLs, and with required values only."""
    with connected(url) as connection:
        metadata = sa.MetaData()
        metadata.reflect(connection, only=tables(connection))
        for table in metadata.sorted_tables:
            kept = sum(_insert(connection, table, number) for number in range(ROWS))
            assert kept >= ROWS - 2, f"{table} takes too few made-up rows: extend WORDS"


def seed_bare(url: str, table: str = "trigger_executions") -> int:
    """Insert a row with required values only, as older code would; return its id."""
    with connected(url) as connection:
        reflected = sa.Table(table, sa.MetaData(), autoload_with=connection)
        values = _bare(connection, reflected, next(_serial))
        return connection.execute(reflected.insert().values(values)).inserted_primary_key[0]


def _insert(connection: sa.Connection, table: sa.Table, number: int) -> bool:
    serial = next(_serial)
    make = (_full, _full, _full, _full, _full, _full, _with_nulls, _bare)[number % 8]
    try:
        values = _in_a_state(make(connection, table, serial))
        connection.execute(table.insert().values(values))
    except sa.exc.IntegrityError:
        return False  # a CHECK forbids this mixture
    return True


def _in_a_state(values: dict[str, Any]) -> dict[str, Any]:
    """Return the values changed to be consistent: only a running execution has a lease.

    Only a finished execution has an end; a row without an end becomes pending. A trigger is paused
    or was resumed, not both.
    """
    if values.get("completed_at") is None:
        values = {k: "pending" if k == "status" else v for k, v in values.items()}
    elif values["status"] not in lifecycle.FINISHED:
        values = values | {"completed_at": None}
    if values.get("paused_at") is not None and "resumed_at" in values:
        values = values | {"resumed_at": None}
    if "lease_owner" in values and values["status"] != lifecycle.RUNNING:
        values = values | {"lease_owner": None}
    return values


def _full(connection: sa.Connection, table: sa.Table, serial: int) -> dict[str, Any]:
    of_execution = _of_execution(table)
    values = {
        column.name: _value(connection, column, serial)
        for column in table.columns
        if not _filled_by_database(column) and not column.name.startswith(HIDDEN)
        if not (of_execution and column.name == "trigger_id")
    }
    return values | (_trigger(connection, values) if of_execution else {})


def _of_execution(table: sa.Table) -> bool:
    """Return True if a row belongs to an execution, and names the trigger of that one."""
    columns = table.columns
    return "trigger_id" in columns and any(
        column.name == "execution_id" and column.foreign_keys for column in columns
    )


def _trigger(connection: sa.Connection, values: dict[str, Any]) -> dict[str, Any]:
    query = sa.text("SELECT trigger_id FROM trigger_executions WHERE id = :id")
    return {"trigger_id": connection.execute(query, {"id": values["execution_id"]}).scalar()}


def _with_nulls(connection: sa.Connection, table: sa.Table, serial: int) -> dict[str, Any]:
    full = _full(connection, table, serial)
    emptied = [name for name in full if table.columns[name].nullable and name != "trigger_id"]
    return full | dict.fromkeys(emptied)


def _bare(connection: sa.Connection, table: sa.Table, serial: int) -> dict[str, Any]:
    full = _full(connection, table, serial)
    return {
        column.name: full[column.name]
        for column in table.columns
        if column.name in full and column.server_default is None
        if not column.nullable or (column.name == "trigger_id" and _of_execution(table))
    }


def _filled_by_database(column: sa.Column[Any]) -> bool:
    """Return True for an id that the database assigns.

    A key of several columns, of text or of another table's id has to be given."""
    keys = [each for each in column.table.primary_key.columns if each.name != "trigger_id"]
    alone = keys == [column] or list(column.table.primary_key.columns) == [column]
    return alone and isinstance(column.type, sa.Integer) and not column.foreign_keys


def _value(connection: sa.Connection, column: sa.Column[Any], serial: int) -> Any:
    if column.foreign_keys:
        return _parent(connection, column, serial)
    if column.name in WORDS:
        return WORDS[column.name][serial % len(WORDS[column.name])]
    if isinstance(column.type, sa.String):
        return f"{serial} {ODD}"[: column.type.length or 200]
    if isinstance(column.type, sa.DateTime):
        return MOMENT + timedelta(seconds=serial)
    if isinstance(column.type, sa.LargeBinary):
        return bytes(range(256)) * (serial % 3)
    if isinstance(column.type, sa.Boolean):
        return serial % 2 == 0
    return serial + 0.1 if isinstance(column.type, sa.Float) else serial


def _parent(connection: sa.Connection, column: sa.Column[Any], serial: int) -> Any:
    """Return another parent for each child in turn, beginning with the newest."""
    wanted = next(iter(column.foreign_keys)).column
    ids = connection.scalars(sa.select(wanted).order_by(wanted.desc())).all()
    is_whole_key = list(column.table.primary_key.columns) == [column]
    if is_whole_key or (column.primary_key and column.name != "trigger_id"):
        taken = set(connection.scalars(sa.select(column)))
        ids = [id_ for id_ in ids if id_ not in taken]
    return ids[serial % len(ids)]
