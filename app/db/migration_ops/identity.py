"""Tell whether a row is the one whose values were stashed, or a new one under the same id.

SQLite gives the id of a deleted newest row to the next row, unless the table is AUTOINCREMENT. The
tables of the older system are not. So a stash of an adopted database keeps, beside each id, columns
that are set when a row is created: a row is the same if they are the same.
"""

import hashlib
import logging
from collections.abc import Collection

import sqlalchemy as sa
from alembic.operations import Operations

from app.db.migration_ops.found import RECORD
from app.db.migration_ops.plugin import column_names, postgresql, table_names
from app.log import event

PREFIX = "_row_"
"""Prefix of a stash's columns that identify the row."""
UNMATCHED = "_unmatched"
"""Suffix of the stash that keeps values whose row was deleted or replaced."""
DIGEST = "hookonce_digest"
"""SQL function that running.py defines for SQLite; PostgreSQL has its own."""
ERASED = "{}"
"""Event of an execution whose payload was deleted after its retention time."""

_IDENTIFYING = {
    "triggers": ("created_at", "slug", "secret"),
    "trigger_executions": ("trigger_id", "started_at", "event_data"),
    "execution_attempts": ("execution_id", "number"),
}
_DIGESTED = frozenset({"secret", "event_data"})

log = logging.getLogger("hookonce.migrate")


def digest(value: object) -> str | None:
    """Return the SHA-256 of a value of SQLite in hexadecimal digits; None for NULL."""
    if value is None:
        return None
    data = value if isinstance(value, bytes) else str(value).encode("utf-8", "surrogatepass")
    return hashlib.sha256(data).hexdigest()


def identifying(op: Operations, table: str, without: Collection[str] = ()) -> list[str]:
    """Return the columns of the table that identify a row; none unless the database is adopted."""
    if table not in _IDENTIFYING or RECORD not in table_names(op.get_bind()):
        return []
    existing = column_names(op.get_bind(), table) - set(without)
    return [name for name in _IDENTIFYING[table] if name in existing]


def expressions(op: Operations, of: str, names: list[str]) -> list[str]:
    """Return an SQL expression for each column, for a row that the statement calls `of`."""
    return [_expression(op, of, name) for name in names]


def selected(op: Operations, of: str, names: list[str]) -> str:
    """Return the expressions as the end of a SELECT list, each under its name in the stash."""
    pairs = zip(expressions(op, of, names), names, strict=True)
    return "".join(f", {expression} AS {PREFIX}{name}" for expression, name in pairs)


def stashed(columns: Collection[str]) -> list[str]:
    """Return the identifying columns that a stash with these columns has."""
    names = (column.removeprefix(PREFIX) for column in columns if column.startswith(PREFIX))
    return sorted(names)


def same_row(op: Operations, table: str, stash: str, *, row: str = "", kept: str = "kept") -> str:
    """Return the condition that `kept`, a row of the stash, is of the row of `table`.

    A stash of an earlier release has no identifying columns: there only the ids are compared.
    """
    row = row or table
    names = set(stashed(column_names(op.get_bind(), stash)))
    names &= column_names(op.get_bind(), table)
    alike = {
        name: f"{_expression(op, row, name)} {_is(op)} {kept}.{PREFIX}{name}" for name in names
    }
    return " AND ".join([f"{kept}.id = {row}.id", *_conditions(alike, table, row, kept)])


def stashed_row(op: Operations, table: str, stash: str) -> str:
    """Return `same_row` for an UPDATE of the table with values `FROM stash AS kept`.

    On SQLite the plus keeps the index of the stash out of it: SQLite does not know that the stash
    is smaller, and might read the whole table under its write lock to look each row up there.
    """
    same = same_row(op, table, stash)
    return same if postgresql(op) else f"+{same}"


def _conditions(alike: dict[str, str], table: str, row: str, kept: str) -> list[str]:
    """Combine the comparisons: a column that may change in a row's life never decides alone."""
    if table == "triggers" and "created_at" in alike:
        created = alike.pop("created_at")
        others = " AND ".join(["true", *alike.values()])
        return [created, f"({kept}.{PREFIX}created_at IS NOT NULL OR ({others}))"]
    if table == "trigger_executions" and {"started_at", "event_data"} <= alike.keys():
        started, sent = alike.pop("started_at"), alike.pop("event_data")
        erased = f"CAST({row}.event_data AS TEXT) = '{ERASED}'"
        begun = f"{kept}.{PREFIX}started_at IS NOT NULL AND {started} AND ({sent} OR {erased})"
        waiting = f"{kept}.{PREFIX}started_at IS NULL AND {sent}"
        return [*alike.values(), f"(({begun}) OR ({waiting}))"]
    return list(alike.values())


def drop_restored(op: Operations, table: str, stash: str) -> None:
    """Drop the stash after its values were restored; keep and report those without their row."""
    if stashed(column_names(op.get_bind(), stash)):
        same = same_row(op, table, stash)
        keep_unmatched(op, stash, f"NOT EXISTS (SELECT 1 FROM {table} WHERE {same})", stash)  # noqa: S608
    op.drop_table(stash)


def keep_unmatched(op: Operations, source: str, condition: str, stash: str) -> None:
    """Copy the rows of `source` (called `kept`) that fulfil the condition beside the stash."""
    rows = f"FROM {source} AS kept WHERE {condition}"
    count = op.get_bind().execute(sa.text(f"SELECT count(*) {rows}")).scalar_one()
    if not count:
        return
    existing = table_names(op.get_bind())
    name = next(n for n in unmatched_names(stash, len(existing)) if n not in existing)
    op.execute(f"CREATE TABLE {name} AS SELECT kept.* {rows}")
    event(log, logging.WARNING, "stashed_rows_without_their_row", stash=name, rows=count)


def unmatched_names(stash: str, existing_count: int) -> list[str]:
    """Return names for a table of values without their row, of which one is free."""
    numbered = (f"{stash}{UNMATCHED}_{number}" for number in range(2, existing_count + 3))
    return [stash + UNMATCHED, *numbered]


def _expression(op: Operations, of: str, name: str) -> str:
    if name not in _DIGESTED:
        return f"{of}.{name}"
    if postgresql(op):
        return f"encode(sha256(convert_to(CAST({of}.{name} AS TEXT), 'UTF8')), 'hex')"
    return f"{DIGEST}({of}.{name})"


def _is(op: Operations) -> str:
    return "IS NOT DISTINCT FROM" if postgresql(op) else "IS"
