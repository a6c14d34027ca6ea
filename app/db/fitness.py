"""Check, before anything is changed, that this code can write into adopted columns.

An adopted column may have any type that stores and returns what is written. One that does not
would let the upgrade pass, and every webhook after it fail.
"""
# ruff: noqa: S608, the names in these statements are our own, never from outside

import secrets
from collections.abc import Iterator
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from app import clock, lifecycle
from app.db.models import metadata

LONGEST_EVENT = 8_000_000
"""Characters of a body of the default limit, each byte escaped, and the JSON around it."""
LONGEST_SUMMARY = 4_000
LEAST_DIGITS = 6
"""Digits before the point of a duration: a script may run for days."""
WRITTEN = {
    "triggers": {"secret": 64},
    "trigger_executions": {
        "event_data": LONGEST_EVENT,
        "status": max(map(len, lifecycle.STATUSES)),
        "result_summary": LONGEST_SUMMARY,
        "error": LONGEST_SUMMARY,
        "idempotency_key": 255,
        "error_category": max(len(lifecycle.TRANSIENT), len(lifecycle.PERMANENT)),
    },
}
"""Longest text that this code writes by itself into each column; others need no length."""
KEY = "idempotency_key"
EXACT = {KEY, "secret"}
"""Columns in which `01` and `1`, or `A` and `a`, must stay different."""
IDENTITIES = {"id", "trigger_id"}
NEVER_WRITTEN = {"agent", "created_by", "remote_trigger_id", "source_plugin"}
"""Columns that only the older system writes, of any type."""

_TEXT, _TIME, _WHOLE, _NUMBER, _TRUTH = "text", "time", "whole", "number", "truth"
_POSTGRESQL_TYPES = """
    SELECT a.attname AS name, format_type(a.atttypid, a.atttypmod) AS spelled, b.typname AS type,
        b.typcategory::text AS category, a.atthasdef AS has_default,
        CASE WHEN b.typname = 'varchar' THEN
            NULLIF(CASE WHEN t.typtype = 'd' THEN t.typtypmod ELSE a.atttypmod END, -1) - 4
        END AS longest,
        CASE WHEN b.typname = 'numeric' AND a.atttypmod >= 4 THEN
            ((a.atttypmod - 4) >> 16) - ((a.atttypmod - 4) & 2047)
        END AS digits
    FROM pg_attribute AS a JOIN pg_type AS t ON t.oid = a.atttypid
    JOIN pg_type AS b ON b.oid = CASE WHEN t.typtype = 'd' THEN t.typbasetype ELSE t.oid END
    WHERE a.attrelid = to_regclass(:table) AND a.attnum > 0 AND NOT a.attisdropped"""
_SQLITE_TYPES = "SELECT name, type AS spelled FROM pragma_table_info(:table)"


@dataclass(frozen=True, slots=True)
class Misfit:
    """A column whose type cannot store what is written, and the statement that changes it."""

    table: str
    column: str
    actual: str
    needed: str
    remedy: str

    def __str__(self) -> str:
        return (
            f"{self.table}.{self.column} is {self.actual}, {self.needed} is needed: {self.remedy}"
        )


def misfits(connection: Connection) -> list[Misfit]:
    """Return each column of the adopted tables whose type this code cannot use."""
    check = _postgresql if connection.dialect.name == "postgresql" else _sqlite
    return [misfit for table in WRITTEN for misfit in check(connection, table)]


def trigger_on_trial() -> dict[str, object]:
    """Return the values of a trigger that is written on trial, and taken back."""
    return {
        "name": "hookonce check",
        "slug": f"hookonce-check-{secrets.token_hex(8)}",
        "type": "webhook",
        "source": "custom",
        "event_filter": "{}",
        "action_type": "script",
        "action_payload": "",
        "secret": secrets.token_hex(32),
        "enabled": True,
        "from_yaml": False,
        "created_at": clock.now(),
        "updated_at": clock.now(),
    }


def needed_type(connection: Connection, table: str, name: str) -> str | None:
    """Return the type that our column of this name has; None if we have no such column."""
    column = metadata.tables[table].columns.get(name)
    return None if column is None else str(column.type.compile(connection.dialect))


def _our_column(table: str, name: str) -> sa.Column[object] | None:
    """Return our column of this name; None for a column that this code never writes."""
    return None if name in NEVER_WRITTEN else metadata.tables[table].columns.get(name)


def _postgresql(connection: Connection, table: str) -> Iterator[Misfit]:
    for existing in connection.execute(sa.text(_POSTGRESQL_TYPES), {"table": table}):
        column = _our_column(table, existing.name)
        if column is not None and not _postgresql_takes(table, column, existing):
            needed = str(column.type.compile(connection.dialect))
            remedy = _alter(table, column, existing, needed)
            yield Misfit(table, column.name, existing.spelled, needed, remedy)


def _postgresql_takes(
    table: str, column: sa.Column[object], existing: sa.Row[tuple[object]]
) -> bool:
    family = _family(column)
    if family == _TEXT:
        longest = existing.longest or LONGEST_EVENT
        plain = existing.type in ("text", "varchar")
        loose = existing.category == "S" and existing.type not in ("bpchar", "name")
        enough = longest >= WRITTEN[table].get(column.name, 0)
        return (plain or (loose and column.name not in EXACT)) and enough
    if family == _TIME:
        return existing.type in ("timestamp", "timestamptz")
    if family == _TRUTH:
        return bool(existing.type == "bool")
    if family == _NUMBER:
        has_place = existing.digits is None or existing.digits >= LEAST_DIGITS
        return bool(existing.category == "N" and existing.type != "money" and has_place)
    return existing.type in ("int4", "int8") or (
        existing.type == "int2" and column.name not in IDENTITIES
    )


def _alter(
    table: str, column: sa.Column[object], existing: sa.Row[tuple[object]], needed: str
) -> str:
    value = _conversion(column, existing)
    if value is None:
        return "no ALTER converts it, so this table cannot be adopted"
    dropped = f"ALTER COLUMN {column.name} DROP DEFAULT, " if existing.has_default else ""
    kind = f"{needed} USING {value}"
    return f"run `ALTER TABLE {table} {dropped}ALTER COLUMN {column.name} TYPE {kind};`"


def _conversion(column: sa.Column[object], existing: sa.Row[tuple[object]]) -> str | None:
    """Return the SQL expression that converts the existing value; None if there is none."""
    name, family, numeric = column.name, _family(column), existing.category == "N"
    if family == _TEXT:
        return f"{name}::text"
    if existing.type == "money":
        return f"{name}::numeric"
    if family == _TRUTH:
        return f"{name} <> 0" if numeric else f"{name}::text::boolean"
    if family == _TIME:
        return f"to_timestamp({name}) AT TIME ZONE 'UTC'" if numeric else f"{name}::text::timestamp"
    if existing.category not in ("N", "S"):
        return None
    return f"{name}::text::numeric" if family == _NUMBER else f"{name}::text::bigint"


def _sqlite(connection: Connection, table: str) -> Iterator[Misfit]:
    """Yield the unusable columns of SQLite: only those whose affinity changes a stored value."""
    for existing in connection.execute(sa.text(_SQLITE_TYPES), {"table": table}):
        column = _our_column(table, existing.name)
        if column is None:
            continue
        affinity = _affinity(existing.spelled)
        folded = column.name in EXACT and affinity not in ("TEXT", "BLOB")
        if folded or (_family(column) == _TRUTH and affinity == "TEXT"):
            needed = str(column.type.compile(connection.dialect))
            yield Misfit(
                table, column.name, existing.spelled, needed, _recreate(table, column, needed)
            )


def _recreate(table: str, column: sa.Column[object], needed: str) -> str:
    """Return the statements that replace the column: SQLite cannot change a column's type."""
    name, before = column.name, f"{column.name}_found"
    value = f"CAST({before} AS TEXT)"
    if _family(column) == _TRUTH:
        value = f"lower({before}) IN ('1', 't', 'true', 'y', 'yes', 'on')"
    steps = [
        f"ALTER TABLE {table} RENAME COLUMN {name} TO {before}",
        f"ALTER TABLE {table} ADD COLUMN {name} {needed}",
        f"UPDATE {table} SET {name} = {value}",
    ]
    if name != KEY:  # it has indexes, so it cannot be dropped
        steps.append(f"ALTER TABLE {table} DROP COLUMN {before}")
    return f"run `{'; '.join(steps)};`"


def _affinity(spelled: str) -> str:
    """Return SQLite's affinity of a declared type: https://www.sqlite.org/datatype3.html#affname"""
    upper = spelled.upper()
    if "INT" in upper:
        return "INTEGER"
    if any(part in upper for part in ("CHAR", "CLOB", "TEXT")):
        return "TEXT"
    if "BLOB" in upper or not upper:
        return "BLOB"
    real = any(part in upper for part in ("REAL", "FLOA", "DOUB"))
    return "REAL" if real else "NUMERIC"


def _family(column: sa.Column[object]) -> str:
    """Return the kind of value of our column; UtcDateTime has the Python type `object`."""
    kind = column.type.python_type.__name__
    return {"str": _TEXT, "object": _TIME, "int": _WHOLE, "float": _NUMBER, "bool": _TRUTH}[kind]
