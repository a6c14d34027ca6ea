"""Check, before anything is changed, that found tables can take rows and stay free of duplicates.

A found table may have no primary key, a column that nobody fills, or a unique constraint of its
own. Adopted as it is, it would refuse every webhook, or take two events for one.
"""
# ruff: noqa: S608, the names in these statements are the database's own, and quoted

import re
from collections.abc import Iterator

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.engine.interfaces import ReflectedColumn

from app.db import fitness
from app.db.migration_ops import refusing_objects
from app.db.models import metadata

EXECUTIONS = "trigger_executions"
KEY = "idempotency_key"
MAY_BE_REQUIRED = {"id", "trigger_id", "event_data", "status", "action_payload", "secret"}
"""Nullable columns of ours that are always written, so that a found one may be NOT NULL."""

_RELATION_KINDS = {
    "v": "is a view",
    "m": "is a materialized view",
    "f": "is a foreign table",
    "p": "is partitioned, so no unique index can span its rows",
    "S": "is a sequence",
    "i": "is an index",
    "c": "is a composite type",
}
_RELATION = """
    SELECT c.relkind::text AS kind, c.relpersistence::text AS persistence,
        c.reloftype <> 0 AS is_typed,
        EXISTS (SELECT FROM pg_inherits AS i WHERE c.oid IN (i.inhparent, i.inhrelid)) AS inherits
    FROM pg_class AS c WHERE c.oid = to_regclass(:table)"""
_STRICT = re.compile(r"\)[^()]*\bSTRICT\b[^()]*$", re.IGNORECASE)
_SEQUENCE = "SELECT pg_get_serial_sequence(:table, 'id')"
_SHORT_SEQUENCE = """
    SELECT seqrelid::regclass::text FROM pg_sequence
    WHERE seqrelid = to_regclass(pg_get_serial_sequence(:table, 'id'))
    AND seqincrement > 0 AND (seqcycle OR seqmax < 2147483647)"""
_NONDETERMINISTIC = """
    SELECT 1 FROM pg_attribute AS a JOIN pg_collation AS c ON c.oid = a.attcollation
    WHERE a.attrelid = to_regclass(:table) AND a.attname = :column AND NOT c.collisdeterministic"""

_TYPE_OF_DOMAIN = """
    SELECT format_type(t.typbasetype, t.typtypmod)
    FROM pg_attribute AS a JOIN pg_type AS t ON t.oid = a.atttypid
    WHERE a.attrelid = to_regclass(:table) AND a.attname = :column
    AND t.typtype = 'd' AND NOT a.attnotnull"""


def obstacles(connection: Connection, tables: list[str]) -> list[str]:
    """Return a sentence for each reason why one of these tables cannot be adopted."""
    return [each for table in tables for each in _of_table(connection, table)]


def _of_table(connection: Connection, table: str) -> list[str]:
    """Return the obstacles of one table; a relation of another kind has no columns to check."""
    is_postgresql = connection.dialect.name == "postgresql"
    kind = (_postgresql_kind if is_postgresql else _sqlite_kind)(connection, table)
    if kind is None:
        return []
    if kind:
        return [kind]
    identity = _postgresql_identity if is_postgresql else _sqlite_identity
    columns = sa.inspect(connection).get_columns(table)
    return [
        *identity(connection, table, columns),
        *_columns(connection, table, columns),
        *_folded_key(connection, table, columns),
        *refusing_objects.sentences(connection, table),
    ]


def _postgresql_kind(connection: Connection, table: str) -> str | None:
    """Return why the relation is no plain table, "" if it is one, None if there is none."""
    relation = connection.execute(sa.text(_RELATION), {"table": table}).one_or_none()
    if relation is None:
        return None
    if relation.kind != "r":
        reason = _RELATION_KINDS.get(relation.kind, "is not a table")
        return f"{table} {reason}: rename it or make it a plain table"
    if relation.inherits:
        return f"{table} inherits rows or passes them on: make it a plain table"
    if relation.is_typed:
        return f"{table} has the columns of a type alone: run `ALTER TABLE {table} NOT OF;`"
    if relation.persistence != "p":
        return f"{table} is emptied by a crash of the server: run `ALTER TABLE {table} SET LOGGED;`"
    return ""


def _sqlite_kind(connection: Connection, table: str) -> str | None:
    """Return why the object is no table of this name, "" if it is, None if there is none."""
    query = sa.text("SELECT type, name, sql FROM sqlite_master WHERE name = :table COLLATE NOCASE")
    existing = connection.execute(query, {"table": table}).one_or_none()
    if existing is None:
        return None
    if existing.type != "table":
        return f"{table} is a {existing.type}: rename or drop it"
    if existing.name != table:
        return (
            f"{existing.name} has another spelling than {table}: run `ALTER TABLE "
            f"{existing.name} RENAME TO {table}_; ALTER TABLE {table}_ RENAME TO {table};`"
        )
    if _STRICT.search(existing.sql):
        return (
            f"{table} is STRICT, so it takes no column of a type such as VARCHAR: create {table} "
            "anew without that, and copy the rows into it"
        )
    return ""


def _postgresql_identity(
    connection: Connection, table: str, columns: list[ReflectedColumn]
) -> Iterator[str]:
    by_name = {column["name"]: column for column in columns}
    key = sa.inspect(connection).get_pk_constraint(table)
    if key["constrained_columns"] != ["id"]:
        dropped = f"DROP CONSTRAINT {key['name']} CASCADE, " if key["name"] else ""
        yield (
            f"the primary key of {table} is not id: "
            f"run `ALTER TABLE {table} {dropped}ADD PRIMARY KEY (id);`"
        )
    identity = by_name.get("id")
    if identity is None:
        return
    if not identity["default"] and "identity" not in identity:
        yield (
            f"{table}.id is not numbered by the database: run `ALTER TABLE {table} "
            "ALTER COLUMN id SET NOT NULL, ALTER COLUMN id ADD GENERATED BY DEFAULT AS IDENTITY; "
            f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), max(id)) FROM {table};`"
        )
        return
    if identity.get("identity", {}).get("always"):
        yield (
            f"{table}.id is GENERATED ALWAYS, so `hookonce check` cannot insert a row on trial: "
            f"run `ALTER TABLE {table} ALTER COLUMN id SET GENERATED BY DEFAULT;`"
        )
    yield from _sequence_behind(connection, table)
    yield from _short_sequence(connection, table)


def _sequence_behind(connection: Connection, table: str) -> Iterator[str]:
    """Yield a sentence if the next id is taken already, as after a copy of the rows alone."""
    sequence = connection.execute(sa.text(_SEQUENCE), {"table": table}).scalar()
    if sequence is None:
        return
    query = (
        f"SELECT max(id), (SELECT last_value - CASE WHEN is_called THEN 0 ELSE 1 END "
        f"FROM {sequence}) FROM {table}"
    )
    newest, last = connection.execute(sa.text(query)).one()
    if newest is not None and newest > last:
        yield (
            f"{sequence} is at {last}, but {table} has an id {newest}: "
            f"run `SELECT setval('{sequence}', {newest});`"
        )


def _short_sequence(connection: Connection, table: str) -> Iterator[str]:
    """Yield a sentence if the numbers end early, as those of a former smallserial, or begin anew.

    After the last one every event would be refused.
    """
    for name in connection.scalars(sa.text(_SHORT_SEQUENCE), {"table": table}):
        yield (
            f"{name} ends or begins anew before the ids of {table} do: "
            f"run `ALTER SEQUENCE {name} AS bigint NO MAXVALUE NO CYCLE;`"
        )


def _sqlite_identity(
    connection: Connection, table: str, _columns: list[ReflectedColumn]
) -> Iterator[str]:
    """Yield a sentence unless the id is SQLite's own row number, which numbers new rows."""
    key = sa.inspect(connection).get_pk_constraint(table)["constrained_columns"]
    indexes = connection.exec_driver_sql(f"SELECT origin FROM pragma_index_list('{table}')")
    if key != ["id"] or "pk" in indexes.scalars():
        yield (
            f"{table}.id is not INTEGER PRIMARY KEY of a table with rowids, so new rows get no id: "
            f"create {table} anew with `id INTEGER PRIMARY KEY`, and copy the rows into it"
        )


def _columns(connection: Connection, table: str, columns: list[ReflectedColumn]) -> Iterator[str]:
    ours = metadata.tables[table].columns
    for column in columns:
        name = column["name"]
        if name not in ours and name.lower() in ours:
            yield (
                f"{table}.{name} has another spelling than {name.lower()}: run "
                f'`ALTER TABLE {table} RENAME COLUMN "{name}" TO {name.lower()};`'
            )
        elif column.get("computed") and name in ours:
            yield f"{table}.{name} is generated, so it cannot be written: make it a plain column"
        elif not column["nullable"] and _is_left_empty(table, column):
            yield f"{table}.{name} is NOT NULL, but Hookonce leaves it empty: " + _allow_null(
                connection, table, column
            )


def _is_left_empty(table: str, column: ReflectedColumn) -> bool:
    """Return True if rows of ours would have no value for this column that must have one."""
    name, ours = column["name"], metadata.tables[table].columns
    if name not in ours or name in fitness.NEVER_WRITTEN:
        return not column["default"] and "identity" not in column
    return table == EXECUTIONS and name not in MAY_BE_REQUIRED and bool(ours[name].nullable)


def _allow_null(connection: Connection, table: str, column: ReflectedColumn) -> str:
    name = column["name"]
    if connection.dialect.name == "postgresql":
        names = {"table": table, "column": name}
        plain_type = connection.execute(sa.text(_TYPE_OF_DOMAIN), names).scalar()
        change = f"TYPE {plain_type}" if plain_type else "DROP NOT NULL"
        return f'run `ALTER TABLE {table} ALTER COLUMN "{name}" {change};`'
    kind = column["type"].compile(connection.dialect)
    return (
        f'run `ALTER TABLE {table} RENAME COLUMN "{name}" TO "{name}_found"; '
        f'ALTER TABLE {table} ADD COLUMN "{name}" {kind}; '
        f'UPDATE {table} SET "{name}" = "{name}_found"; '
        f'ALTER TABLE {table} DROP COLUMN "{name}_found";`'
    )


def _folded_key(
    connection: Connection, table: str, columns: list[ReflectedColumn]
) -> Iterator[str]:
    """Yield a sentence if two different keys would count as one: the second event would be lost."""
    if table != EXECUTIONS or KEY not in {column["name"] for column in columns}:
        return
    needed = f"{table}.{KEY} takes different keys for equal by its collation: run "
    if connection.dialect.name == "postgresql":
        names = {"table": table, "column": KEY}
        if connection.execute(sa.text(_NONDETERMINISTIC), names).scalar():
            yield (
                f"{needed}`ALTER TABLE {table} ALTER COLUMN {KEY} TYPE varchar(255) "
                'COLLATE "default";`'
            )
    elif not _compares_bytes(connection, table, KEY):
        yield (
            f"{needed}`ALTER TABLE {table} RENAME COLUMN {KEY} TO {KEY}_found; "
            f"ALTER TABLE {table} ADD COLUMN {KEY} VARCHAR(255); "
            f"UPDATE {table} SET {KEY} = {KEY}_found;`"
        )


def _compares_bytes(connection: Connection, table: str, column: str) -> bool:
    """Return whether the column's collation is BINARY: only a plan of SQLite says which it is."""
    plan = connection.exec_driver_sql(f"EXPLAIN SELECT {column} = 'a' FROM {table}").all()
    return all(step.p4.startswith("BINARY") for step in plan if step.opcode in ("Eq", "Ne"))
