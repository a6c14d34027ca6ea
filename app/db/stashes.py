"""List what downgrades stashed, with its size, and drop it in small steps."""
# ruff: noqa: S608, the names in these statements are read from the database, and quoted

import logging
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from alembic.util import CommandError
from sqlalchemy.engine import Connection

from app.db import Database
from app.db.migration_ops import attachments, dependents, hiding, migration_lock, vacuums
from app.db.migration_ops.hiding import Hidden
from app.errors import DatabaseUnavailable, StashInUse
from app.log import event

PREFIX = "_stash_"
SAMPLED_ROWS = 10_000
"""Rows from which the size of a column is estimated."""
STEP_ROWS = 500
"""Rows that one transaction empties on SQLite, which lets no other writer in meanwhile."""
REST = 1.0
"""Pause after each step, as a multiple of its duration, so that others can write."""
REWRITTEN_ROWS = 50_000
"""Rows of a table up to which SQLite may drop a column: it rewrites all of them, under its lock."""
LOCK_SECONDS = 0.5
"""Longest wait for a lock of PostgreSQL: every writer waits behind it."""
RETRIES = 300

log = logging.getLogger("hookonce.stash")


@dataclass(frozen=True, slots=True)
class Stash:
    """A hidden column, or a table of stashed rows."""

    table: str
    column: str | None
    values: int
    size_bytes: int
    """Size of a table on disk; of a column an estimate from some of its rows."""

    @property
    def name(self) -> str:
        return self.table if self.column is None else f"{self.table}.{self.column}"


def listed(connection: Connection) -> list[Stash]:
    """Return every stash, hidden columns first."""
    names = sorted(sa.inspect(connection).get_table_names())
    hidden = {name: hiding.hidden_columns(connection, name) for name in names}
    tables = [name for name in names if hidden[name]]
    columns = [each for name in tables for each in _columns(connection, name, hidden[name])]
    return columns + [_table(connection, name) for name in names if name.startswith(PREFIX)]


def _table(connection: Connection, name: str) -> Stash:
    if connection.dialect.name == "postgresql":
        size = _number(connection, f"SELECT pg_total_relation_size('\"{name}\"')")
    else:
        size = _number(connection, f"SELECT sum(pgsize) FROM dbstat WHERE name = '{name}'")
    return Stash(name, None, _number(connection, f'SELECT count(*) FROM "{name}"'), size)


def _columns(connection: Connection, table: str, hidden: list[Hidden]) -> Iterator[Stash]:
    """Count the values of each column, and their bytes, in some rows; extrapolate to all."""
    is_postgresql = connection.dialect.name == "postgresql"
    width = "pg_column_size({0})" if is_postgresql else "length(CAST({0} AS BLOB))"
    measures = [f"count({each.name}), sum({width.format(each.name)})" for each in hidden]
    query = f'SELECT count(*), {", ".join(measures)} FROM (SELECT * FROM "{table}" LIMIT {{}}) AS t'
    read, *measured = connection.execute(sa.text(query.format(SAMPLED_ROWS))).one()
    share = 1.0 if read < SAMPLED_ROWS else _row_count(connection, table) / read
    for number, each in enumerate(hidden):
        filled, size = measured[2 * number : 2 * number + 2]
        yield Stash(table, each.name, int(filled * share), int((size or 0) * share))


def _row_count(connection: Connection, table: str) -> int:
    """Return the number of rows; on PostgreSQL as it last estimated it, if it has."""
    if connection.dialect.name == "postgresql":
        query = f"SELECT reltuples FROM pg_class WHERE oid = '\"{table}\"'::regclass"
        estimate = _number(connection, query)
        if estimate > 0:
            return estimate
    return _number(connection, f'SELECT count(*) FROM "{table}"')


def _number(connection: Connection, query: str) -> int:
    return int(connection.execute(sa.text(query)).scalar() or 0)


def drop(database: Database, names: list[str], stop: threading.Event) -> Iterator[Stash]:
    """Drop the stashes of these names, and yield each when it is gone; `stop` ends it early.

    Raises StashInUse, before anything is dropped, if an object of somebody else uses a column.
    """
    with migration_lock.only_migrator(database.engine):
        with database.reading() as connection:
            chosen = [each for each in listed(connection) if each.name in names]
            _require_unused(connection, chosen)
        for stash in chosen:
            if stop.is_set():
                return
            if database.engine.dialect.name == "postgresql":
                _drop_on_postgresql(database, stash, stop)
            else:
                _drop_on_sqlite(database, stash, stop)
            event(log, logging.INFO, "stash_dropped", stash=stash.name, bytes=stash.size_bytes)
            yield stash


def _require_unused(connection: Connection, stashes: list[Stash]) -> None:
    for table in sorted({each.table for each in stashes}):
        names = [each.column for each in stashes if each.table == table and each.column]
        statements = dependents.remedies(connection, table, names)
        if statements:
            raise StashInUse(dependents.refusal(table, statements))


def _drop_on_postgresql(database: Database, stash: Stash, stop: threading.Event) -> None:
    """Drop the column or table, which takes a moment; wait for its lock in short tries."""
    for attempt in range(1, RETRIES + 1):
        try:
            with database.writing() as connection:
                connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{LOCK_SECONDS}s'")
                if stash.column is not None:
                    _keep_attached(connection, stash)
                    connection.exec_driver_sql(f'ALTER TABLE "{stash.table}" DROP {stash.column}')
                else:
                    connection.exec_driver_sql(f'DROP TABLE "{stash.table}" CASCADE')
            return
        except DatabaseUnavailable:
            if attempt == RETRIES or stop.wait(LOCK_SECONDS):
                raise
            _wait_for_vacuum(database)


def _keep_attached(connection: Connection, stash: Stash) -> None:
    """Keep the statements of what others attached to the column, for the next upgrade."""
    hidden = hiding.hidden_columns(connection, stash.table)
    columns = [each for each in hidden if each.name == stash.column]
    attachments.keep(Operations(MigrationContext.configure(connection)), stash.table, columns)


def _wait_for_vacuum(database: Database) -> None:
    try:
        vacuums.wait(database.engine, RETRIES * LOCK_SECONDS)
    except CommandError as error:
        raise StashInUse(str(error)) from error


def _drop_on_sqlite(database: Database, stash: Stash, stop: threading.Event) -> None:
    """Empty the column or table in small steps, then drop it where that takes a moment.

    A large table keeps the empty column: SQLite would rewrite every row under the write lock.
    """
    key = "rowid"
    if stash.column is None:
        statement = f'DELETE FROM "{stash.table}" WHERE'
    else:
        empty = _default(database, stash)
        statement = (
            f'UPDATE "{stash.table}" SET {stash.column} = {empty} '
            f"WHERE {stash.column} IS NOT {empty} AND"
        )
    for first, last in _ranges(database, stash.table, key):
        if stop.is_set():
            return
        began = time.monotonic()
        with database.writing() as connection:
            connection.exec_driver_sql(f"{statement} {key} BETWEEN {first} AND {last}")
        stop.wait((time.monotonic() - began) * REST)
    with database.writing() as connection:
        rows = _number(connection, f'SELECT count(*) FROM "{stash.table}"')
        if stash.column is None:
            connection.exec_driver_sql(f'DROP TABLE "{stash.table}"')
        elif rows <= REWRITTEN_ROWS:
            _keep_attached(connection, stash)
            for index in hiding.indexes_on(connection, stash.table, [stash.column]):
                connection.exec_driver_sql(f'DROP INDEX "{index}"')
            connection.exec_driver_sql(f'ALTER TABLE "{stash.table}" DROP {stash.column}')


def _default(database: Database, stash: Stash) -> Any:
    with database.reading() as connection:
        columns = sa.inspect(connection).get_columns(stash.table)
    return next(each["default"] or "NULL" for each in columns if each["name"] == stash.column)


def _ranges(database: Database, table: str, key: str) -> Iterator[tuple[int, int]]:
    """Yield the first and last key of each batch of the rows that exist."""
    last: int | None = None
    while True:
        after = "" if last is None else f"WHERE {key} > {last}"
        batch = f'SELECT {key} AS k FROM "{table}" {after} ORDER BY {key} LIMIT {STEP_ROWS}'
        with database.reading() as connection:
            first, last = connection.execute(
                sa.text(f"SELECT min(k), max(k) FROM ({batch}) AS b")
            ).one()
        if first is None:
            return
        yield first, last
