"""Add CHECK constraints together with a column, and drop them with it.

SQLite can add a CHECK only as part of a new column. PostgreSQL adds it NOT VALID, which takes a
moment, and then validates it without blocking traffic. Existing rows that break it stay as they
are; they and all older rows are exempt by their ids, so that they can still be updated.
"""
# ruff: noqa: S608, the names in these statements are the revisions' own, never from outside

import logging

import sqlalchemy as sa
from alembic.operations import Operations
from sqlalchemy.engine import Connection

from app.db.migration_ops import columns
from app.db.migration_ops.plugin import column_names, offline, operation, postgresql
from app.log import event

log = logging.getLogger("hookonce.migrate")


@operation
def add_column_with_checks(
    op: Operations, table: str, column: sa.Column[object], checks: dict[str, str]
) -> None:
    """Add the column with these constraints, given as condition by name."""
    if postgresql(op):
        columns.add_columns(op, table, column)
        with op.get_context().autocommit_block():
            pass  # release the lock before the whole table is read
        for name, condition in checks.items():
            _add_check(op, table, name, condition)
        return
    if column.name in column_names(op.get_bind(), table):
        return
    kind = column.type.compile(op.get_bind().dialect)
    clauses = [
        f"CONSTRAINT {name} CHECK ({_with_exemption(op.get_bind(), table, name, condition)})"
        for name, condition in checks.items()
    ]
    op.execute(f"ALTER TABLE {table} ADD COLUMN {column.name} {kind} {' '.join(clauses)}")


@operation
def drop_checks(op: Operations, table: str, names: list[str]) -> None:
    """Drop the constraints. On SQLite they go with the column that they were added with."""
    if postgresql(op):
        for name in names:
            op.execute(f"ALTER TABLE {table} DROP CONSTRAINT IF EXISTS {name}")


def _add_check(op: Operations, table: str, name: str, condition: str) -> None:
    """Add the constraint NOT VALID, then validate it: that reads the table and blocks no writer."""
    if not offline(op):
        condition = _with_exemption(op.get_bind(), table, name, condition)
    op.execute(f"ALTER TABLE {table} DROP CONSTRAINT IF EXISTS {name}")
    op.execute(f"ALTER TABLE {table} ADD CONSTRAINT {name} CHECK ({condition}) NOT VALID")
    with op.get_context().autocommit_block():
        op.execute(f"ALTER TABLE {table} VALIDATE CONSTRAINT {name}")


def _with_exemption(connection: Connection, table: str, name: str, condition: str) -> str:
    """Return the condition, with an exemption by id for existing rows that break it."""
    last = _newest_violator(connection, table, name, condition)
    return condition if last is None else f"({condition}) OR id <= {last}"


def _newest_violator(connection: Connection, table: str, name: str, condition: str) -> int | None:
    """Return the highest id of the rows that break the condition, if any; log their count."""
    query = f"SELECT count(*), max(id) FROM {table} WHERE NOT ({condition})"
    count, last = connection.execute(sa.text(query)).one()
    if count:
        event(log, logging.WARNING, "rows_exempt_from_check", check=name, rows=count, newest=last)
    return None if last is None else int(last)
