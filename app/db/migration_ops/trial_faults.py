"""Say in a sentence, with the statement to run, why a row on trial was refused or changed."""

import re
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy import exc
from sqlalchemy.engine import Connection

from app.db import fitness
from app.db.migration_ops import sqlite_catalog
from app.db.migration_ops.sqlite_catalog import quoted

_CONSTRAINT = """
    SELECT conname FROM pg_constraint WHERE conrelid = to_regclass(:table) AND conname = :name"""
_TRIGGERS = """
    SELECT quote_ident(tgname) AS name, proname, tgtype & 2 = 2 AS is_before
    FROM pg_trigger JOIN pg_proc AS p ON p.oid = tgfoid
    WHERE tgrelid = to_regclass(:table) AND NOT tgisinternal AND tgenabled <> 'D'
    AND tgtype & :event <> 0 ORDER BY tgname"""
_EVENTS = {"INSERT": 4, "UPDATE": 16}
"""Bits of pg_trigger.tgtype."""
_OF_TYPE = """
    SELECT attname FROM pg_attribute AS a JOIN pg_type AS t ON t.oid = a.atttypid
    WHERE attrelid = to_regclass(:table) AND t.typname = :type AND NOT attisdropped"""
_SQLITE_INDEX = re.compile(r"UNIQUE constraint failed: index '(.*)'")
_UNKNOWN = re.compile(r"(?:no such collation sequence|unknown function|no such function): (\w+)")


class TrialFault(NamedTuple):
    """A reason why this code could not use a found table, and what mends it."""

    reason: str
    statements: tuple[str, ...]
    otherwise: str = "change or remove what does that"
    """Remedy if there is no statement to run."""

    def __str__(self) -> str:
        if not self.statements:
            return f"{self.reason}: {self.otherwise}"
        return f"{self.reason}: run `{'; '.join(self.statements)};`"


def of_error(connection: Connection, table: str, event: str, error: exc.DBAPIError) -> TrialFault:
    """Return the fault for which the database refused a statement on trial."""
    words = str(error.orig).partition("\n")[0]
    reason = f"{table} refuses what Hookonce writes ({words})"
    if connection.dialect.name != "postgresql":
        statements = _sqlite_statements(connection, table, event, words)
        anew = f"create {table} anew without that, and copy the rows into it"
        return TrialFault(reason, statements, anew)
    diagnosis: Any = error.orig.diag  # type: ignore[union-attr]
    if diagnosis.datatype_name:
        return TrialFault(reason, _without_domain(connection, table, diagnosis.datatype_name))
    if diagnosis.table_name == table and diagnosis.constraint_name:
        return TrialFault(reason, (_drop(connection, table, diagnosis.constraint_name),))
    context = diagnosis.context or ""
    return TrialFault(reason, _disable(connection, table, event, context))


def of_change(connection: Connection, table: str, event: str) -> TrialFault:
    """Return the fault for which a row is not stored as it was written."""
    reason = f"{table} does not store what Hookonce writes by {event}"
    if connection.dialect.name != "postgresql":
        return TrialFault(reason, _drop_sqlite_triggers(connection, table, event))
    return TrialFault(reason, _disable(connection, table, event))


def _drop(connection: Connection, table: str, name: str) -> str:
    own = connection.dialect.identifier_preparer.quote(name)
    parameters = {"table": table, "name": name}
    if connection.execute(sa.text(_CONSTRAINT), parameters).scalar() is None:
        return f"DROP INDEX {own}"
    return f"ALTER TABLE {table} DROP CONSTRAINT {own}"


def _without_domain(connection: Connection, table: str, domain: str) -> tuple[str, ...]:
    """Return statements that give the columns of a domain the plain type of ours."""
    names = connection.scalars(sa.text(_OF_TYPE), {"table": table, "type": domain}).all()
    return tuple(
        f"ALTER TABLE {table} ALTER COLUMN {name} TYPE {kind}"
        for name in names
        if (kind := fitness.needed_type(connection, table, name))
    )


def _disable(
    connection: Connection, table: str, event: str, context: str | None = None
) -> tuple[str, ...]:
    """Return statements that disable the triggers named in the context of an error.

    Without an error, those are meant that can change or drop a row.
    """
    parameters = {"table": table, "event": _EVENTS[event]}
    rows = connection.execute(sa.text(_TRIGGERS), parameters).all()
    return tuple(
        f"ALTER TABLE {table} DISABLE TRIGGER {row.name}"
        for row in rows
        if (row.is_before if context is None else re.search(rf"\b{row.proname}\b", context))
    )


def _sqlite_statements(
    connection: Connection, table: str, event: str, words: str
) -> tuple[str, ...]:
    if index := _SQLITE_INDEX.search(words):
        return (f"DROP INDEX {quoted(index[1])}",)
    if (unknown := _UNKNOWN.search(words)) and (
        drops := _drop_indexes_with(connection, table, unknown[1])
    ):
        return drops
    if words.startswith(("CHECK constraint", "NOT NULL constraint", "UNIQUE constraint")):
        return ()
    return _drop_sqlite_triggers(connection, table, event)


def _drop_indexes_with(connection: Connection, table: str, name: str) -> tuple[str, ...]:
    """Return statements that drop the indexes with a collation or function of this name."""
    return tuple(
        f"DROP INDEX {quoted(each.name)}"
        for each in sqlite_catalog.entries(connection, table)
        if each.kind == "index" and sqlite_catalog.uses(each.sql or "", name)
    )


def _drop_sqlite_triggers(connection: Connection, table: str, event: str) -> tuple[str, ...]:
    query = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = :table"
    rows = connection.execute(sa.text(query), {"table": table}).all()
    header = re.compile(rf"\b{event}\b.*?\bON\b", re.IGNORECASE | re.DOTALL)
    return tuple(
        f"DROP TRIGGER {quoted(row.name)}"
        for row in rows
        if header.search(re.split(r"\bBEGIN\b", row.sql, maxsplit=1, flags=re.IGNORECASE)[0])
    )
