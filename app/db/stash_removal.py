"""Drop what downgrades stashed, in small steps."""

import logging
import threading
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from itertools import groupby

from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from alembic.util import CommandError
from sqlalchemy import exc
from sqlalchemy.engine import Connection

from app.db import Database
from app.db.errors import is_lock_refused, translated_errors
from app.db.hidden_columns import hidden_columns
from app.db.migration_ops import (
    attachments,
    dependents,
    event_triggers,
    migration_lock,
    preparation,
    removal,
    running,
    stopping,
    table_dependents,
    vacuums,
)
from app.db.migration_ops.stopping import Stopped
from app.db.stashes import Stash, listed
from app.errors import DatabaseUnavailable, StashInUse
from app.log import event

LOCK_SECONDS = 0.5
"""Longest wait for a lock of PostgreSQL: every writer waits behind it."""
RETRIES = 300

log = logging.getLogger("hookonce.stash")


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
    for stash in stashes if connection.dialect.name == "postgresql" else ():
        if stash.column is None and (
            used_by := table_dependents.before_drop(connection, stash.table)
        ):
            raise StashInUse(
                f"objects that are not Hookonce's use {stash.table}; nothing was removed. Run "
                f"`{' '.join(used_by)}`, then run the same command again"
            )


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
        except DatabaseUnavailable as error:
            _require_lock_refused(database, error)
            if attempt == RETRIES or stop.wait(LOCK_SECONDS):
                raise
            _wait_for_vacuum(database, stop)


def _require_lock_refused(database: Database, error: DatabaseUnavailable) -> None:
    """Raise the error unless a lock was refused, which may pass; name an event trigger in it."""
    cause = error.__cause__
    if isinstance(cause, exc.DBAPIError) and is_lock_refused(cause):
        return
    with database.reading() as connection:
        names = event_triggers.named_in(connection, str(error))
    remedies = [f"{event_triggers.remedy(name)} this command" for name in names]
    raise DatabaseUnavailable("; ".join([str(error), *remedies])) from error


def _keep_attached(connection: Connection, stash: Stash) -> None:
    """Keep the statements of what others attached to the column, for the next upgrade."""
    hidden = hidden_columns(connection, stash.table)
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
                hidden = hidden_columns(connection, table)
                columns = [each for each in hidden if each.name in [s.column for s in stashes]]
                removal.drop_beside_writers(migration, table, columns, stop)
    except CommandError as error:
        raise StashInUse(str(error)) from error
