"""List what downgrades stashed, with its size, and drop it in small steps."""
# ruff: noqa: S608, the names in these statements are read from the database, and quoted

import logging
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from itertools import groupby

import sqlalchemy as sa
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from alembic.util import CommandError
from sqlalchemy.engine import Connection

from app.db import Database
from app.db.errors import translated_errors
from app.db.migration_ops import (
    attachments,
    dependents,
    hiding,
    migration_lock,
    preparation,
    removal,
    running,
    stopping,
    vacuums,
)
from app.db.migration_ops.hiding import Hidden
from app.db.migration_ops.plugin import table_names
from app.db.migration_ops.stopping import Stopped
from app.errors import DatabaseUnavailable, StashInUse
from app.log import event

PREFIX = "_stash_"
SAMPLED_ROWS = 10_000
"""Rows from which the size of a column is estimated."""
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
    names = sorted(table_names(connection))
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
    pause = partial(stopping.sleep, stop=stop)
    with suppress(Stopped), migration_lock.only_migrator(database.engine, pause):
        with database.reading() as connection:
            chosen = [each for each in listed(connection) if each.name in names]
            _require_unused(connection, chosen)
        for together in _together(database, chosen):
            stopping.require_going_on(stop)
            if database.engine.dialect.name == "postgresql":
                _drop_on_postgresql(database, together[0], stop)
            else:
                _drop_on_sqlite(database, together, stop)
            for stash in together:
                event(log, logging.INFO, "stash_dropped", stash=stash.name, bytes=stash.size_bytes)
                yield stash


def _together(database: Database, chosen: list[Stash]) -> Iterator[list[Stash]]:
    """Yield the stashes that are dropped at once: on SQLite all columns of a table, by one copy."""
    is_sqlite = database.engine.dialect.name == "sqlite"
    for _, group in groupby(chosen, key=lambda each: is_sqlite and each.column and each.table):
        stashes = list(group)
        if is_sqlite and stashes[0].column is not None:
            yield stashes
        else:
            yield from ([each] for each in stashes)


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
            _wait_for_vacuum(database, stop)


def _keep_attached(connection: Connection, stash: Stash) -> None:
    """Keep the statements of what others attached to the column, for the next upgrade."""
    hidden = hiding.hidden_columns(connection, stash.table)
    columns = [each for each in hidden if each.name == stash.column]
    attachments.keep(Operations(MigrationContext.configure(connection)), stash.table, columns)


def _wait_for_vacuum(database: Database, stop: threading.Event) -> None:
    try:
        vacuums.wait(database.engine, RETRIES * LOCK_SECONDS, stop)
    except CommandError as error:
        raise StashInUse(str(error)) from error


def _drop_on_sqlite(database: Database, stashes: list[Stash], stop: threading.Event) -> None:
    """Drop the columns of one table together, or one table; raise Stopped if `stop` is set.

    The rows are copied or deleted in short transactions: SQLite would rewrite a table to drop a
    column, and read a table to drop it, under its write lock.
    """
    table = stashes[0].table
    try:
        with translated_errors(), running.session(database.engine) as (connection, migration):
            if stashes[0].column is None:
                preparation.drop_large_table(migration, table, stop)
            else:
                hidden = hiding.hidden_columns(connection, table)
                columns = [each for each in hidden if each.name in [s.column for s in stashes]]
                removal.drop_beside_writers(migration, table, columns, stop)
    except CommandError as error:
        raise StashInUse(str(error)) from error
