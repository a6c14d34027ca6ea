"""Add CHECK constraints together with a column, and drop them.

PostgreSQL adds one NOT VALID, which takes a moment, and then validates it without blocking traffic.
SQLite has no statement for it, so its catalog is edited. Existing rows that break a CHECK stay as
they are; they and all older rows are exempt by their ids, so that they can still be updated.
"""
# ruff: noqa: S608, the names in these statements are the revisions' own, never from outside

import logging

import sqlalchemy as sa
from alembic.operations import Operations
from sqlalchemy.engine import Connection

from app.db.migration_ops import columns, rehearsal, sqlite_catalog, violators
from app.db.migration_ops.plugin import (
    column_names,
    end_transaction,
    offline,
    operation,
    postgresql,
)
from app.log import event

log = logging.getLogger("hookonce.migrate")


@operation
def add_column_with_checks(
    op: Operations, table: str, column: sa.Column[object], checks: dict[str, str]
) -> None:
    """Add the column with these constraints, given as condition by name."""
    if postgresql(op):
        columns.add_columns(op, table, column)
        end_transaction(op)  # the whole table is read without the lock
        for name, condition in checks.items():
            _add_check(op, table, name, condition)
        return
    if not sqlite_catalog.is_editable(op.get_bind()):
        _add_with_column(op, table, column, checks)
        return
    columns.add_columns(op, table, column)
    sql = sqlite_catalog.table_sql(op.get_bind(), table)
    for name, condition in checks.items():
        if rehearsal.is_rehearsed(op):
            rehearsal.declare_check(op, table, name, condition)
        elif sqlite_catalog.without_check(sql, name) == sql:
            exempting = _with_exemption(op.get_bind(), table, name, condition, _sought(op, name))
            sql = sqlite_catalog.with_constraint(sql, f"CONSTRAINT {name} CHECK ({exempting})")
    sqlite_catalog.edit_constraints(op.get_bind(), table, sql)


@operation
def drop_checks(op: Operations, table: str, names: list[str]) -> None:
    """Drop the constraints. Where SQLite's catalog is protected, they go with their column."""
    if postgresql(op):
        for name in names:
            op.execute(f"ALTER TABLE {table} DROP CONSTRAINT IF EXISTS {name}")
    elif sqlite_catalog.is_editable(op.get_bind()):
        sql = sqlite_catalog.table_sql(op.get_bind(), table)
        for name in names:
            sql = sqlite_catalog.without_check(sql, name)
        sqlite_catalog.edit_constraints(op.get_bind(), table, sql)


def _add_with_column(
    op: Operations, table: str, column: sa.Column[object], checks: dict[str, str]
) -> None:
    """Add the CHECKs as a part of a new column, as SQLite can where its catalog is protected."""
    if column.name in column_names(op.get_bind(), table):
        return
    kind = column.type.compile(op.get_bind().dialect)
    clauses = [
        f"CONSTRAINT {name} CHECK ({_with_exemption(op.get_bind(), table, name, condition)})"
        for name, condition in checks.items()
    ]
    op.execute(f"ALTER TABLE {table} ADD COLUMN {column.name} {kind} {' '.join(clauses)}")


def _sought(op: Operations, name: str) -> list[int | None] | None:
    """Return the rows that were found to break the CHECK before the step; None if none were sought.

    Violators that were written since are among them.
    """
    before = rehearsal.prepared(op)
    if before is None or name not in before:
        return None
    since = violators.noted(op.get_bind(), name)
    violators.forget(op.get_bind(), name)
    return [before[name], since]


def _add_check(op: Operations, table: str, name: str, condition: str) -> None:
    """Add the constraint NOT VALID, then validate it: that reads the table and blocks no writer."""
    if not offline(op):
        condition = _with_exemption(op.get_bind(), table, name, condition)
    op.execute(f"ALTER TABLE {table} DROP CONSTRAINT IF EXISTS {name}")
    op.execute(f"ALTER TABLE {table} ADD CONSTRAINT {name} CHECK ({condition}) NOT VALID")
    with op.get_context().autocommit_block():
        op.execute(f"ALTER TABLE {table} VALIDATE CONSTRAINT {name}")


def _with_exemption(
    connection: Connection,
    table: str,
    name: str,
    condition: str,
    sought: list[int | None] | None = None,
) -> str:
    """Return the condition, with an exemption by id for existing rows that break it."""
    if sought is None:
        sought = [_newest_violator(connection, table, condition)]
    found = [each for each in sought if each is not None]
    if not found:
        return condition
    event(log, logging.WARNING, "rows_exempt_from_check", check=name, newest=max(found))
    return f"({condition}) OR id <= {max(found)}"


def _newest_violator(connection: Connection, table: str, condition: str) -> int | None:
    """Return the highest id of the rows that break the condition, if any."""
    query = f"SELECT max(id) FROM {table} WHERE NOT ({condition})"
    last: int | None = connection.execute(sa.text(query)).scalar()
    return last
