"""CHECK constraints arrive with a column, bind every row written from then on, and leave with it.

SQLite can add a CHECK only as part of a new column. PostgreSQL adds it unproven, which takes a
moment, and then proves it beside the traffic. Rows that stood before and break it are left as
they are, and they and what is older stay exempt by their ids, so that they can still be changed.
"""
# ruff: noqa: S608, the names in these statements are the revisions' own, never from outside

import logging

import sqlalchemy as sa
from alembic.operations import Operations
from sqlalchemy.engine import Connection

from app.db.migration_ops.plugin import column_names, offline, operation, postgresql
from app.log import event

log = logging.getLogger("hookonce.migrate")


@operation
def add_column_with_checks(
    op: Operations, table: str, column: sa.Column[object], checks: dict[str, str]
) -> None:
    """The column stands, and with it the constraints: each name with its condition."""
    if postgresql(op):
        if offline(op) or column.name not in column_names(op.get_bind(), table):
            op.add_column(table, column, if_not_exists=True)
            with op.get_context().autocommit_block():
                pass  # its lock must go before the whole table is read
        for name, condition in checks.items():
            _check(op, table, name, condition)
        return
    if column.name in column_names(op.get_bind(), table):
        return
    kind = column.type.compile(op.get_bind().dialect)
    clauses = [
        f"CONSTRAINT {name} CHECK ({_sparing(op.get_bind(), table, name, condition)})"
        for name, condition in checks.items()
    ]
    op.execute(f"ALTER TABLE {table} ADD COLUMN {column.name} {kind} {' '.join(clauses)}")


@operation
def drop_checks(op: Operations, table: str, names: list[str]) -> None:
    """The constraints bind no more. On SQLite they go with the column they came with."""
    if postgresql(op):
        for name in names:
            op.execute(f"ALTER TABLE {table} DROP CONSTRAINT IF EXISTS {name}")


def _check(op: Operations, table: str, name: str, condition: str) -> None:
    """Proven after it is added: the proof reads the whole table, and stops nobody."""
    if not offline(op):
        condition = _sparing(op.get_bind(), table, name, condition)
    op.execute(f"ALTER TABLE {table} DROP CONSTRAINT IF EXISTS {name}")
    op.execute(f"ALTER TABLE {table} ADD CONSTRAINT {name} CHECK ({condition}) NOT VALID")
    with op.get_context().autocommit_block():
        op.execute(f"ALTER TABLE {table} VALIDATE CONSTRAINT {name}")


def _sparing(connection: Connection, table: str, name: str, condition: str) -> str:
    """The condition, or with it the newest id of the rows that it cannot ask anything of."""
    last = _violators(connection, table, name, condition)
    return f"({condition}) OR id <= {last}" if last else condition


def _violators(connection: Connection, table: str, name: str, condition: str) -> int:
    """The newest id of the rows that break the condition; 0 when there are none."""
    query = f"SELECT count(*), max(id) FROM {table} WHERE NOT ({condition})"
    count, last = connection.execute(sa.text(query)).one()
    if count:
        event(log, logging.WARNING, "rows_exempt_from_check", check=name, rows=count, newest=last)
    return int(last or 0)
