"""Admission store: the look-up and the insert that every webhook asks for, as fixed statements.

For a handful of rows SQLAlchemy's own work per statement and transaction is several times the
database's, and so is the pool's. These statements are few and run for every request, so they go to
the driver itself, on a connection that is kept for them (`borrow`). Where a request is admitted on
its own, the same statements run in an SQLAlchemy transaction (`within`).
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, cast

from sqlalchemy.engine import Connection, Dialect

from app import cooperative
from app.db import Database, is_distributed, is_read_only, time_limit, translated_errors
from app.intake.store.interface import AdmissionStore, ExistingExecution, RowRejected, Statements
from app.intake.store.sqlite import SqliteAdmissionStore, SqliteStatements

__all__ = [
    "AdmissionStore",
    "ExistingExecution",
    "RowRejected",
    "Statements",
    "borrow",
    "within",
]


@contextmanager
def borrow(database: Database) -> Iterator[AdmissionStore]:
    """Borrow a store of this database for the block; one is kept for the next caller.

    After an error other than a rejected row its connection is closed, for its state is unknown.
    """
    dbapi: Any = database.engine.dialect.loaded_dbapi
    time_limit.require()
    with translated_errors(dbapi.Error):
        store = _take_kept(database) or _connect(database)
        try:
            yield store
        except (dbapi.IntegrityError, dbapi.DataError) as error:
            _keep(database, store)
            raise RowRejected(str(error)) from error
        except RowRejected:
            _keep(database, store)
            raise
        except BaseException as error:
            if not store.is_alive() or is_read_only(error):
                database.engine.dispose()  # the pool's connections to that server are lost, too
            store.close()
            raise
        _keep(database, store)


def within(connection: Connection) -> Statements:
    """Return the same statements for the transaction of this connection, with SQLAlchemy's errors.

    The caller sets savepoints beside them, and finds out from the error which constraint failed.
    """
    if _is_sqlite(connection.dialect):
        return SqliteStatements(connection.exec_driver_sql)
    if is_distributed(connection):
        from app.intake.store.distributed import DistributedStatements

        return DistributedStatements(connection.exec_driver_sql)
    from app.intake.store.postgresql import PostgresqlStatements

    return PostgresqlStatements(connection.exec_driver_sql)


def _keep(database: Database, store: AdmissionStore) -> None:
    """Keep the store unless one is kept: a burst of requests must not leave many connections."""
    if database.dedicated:
        store.close()
    else:
        database.dedicated.append(store)


def _take_kept(database: Database) -> AdmissionStore | None:
    with suppress(IndexError):
        while True:
            store = cast(AdmissionStore, database.dedicated.pop())
            if store.is_alive():
                return store
            store.close()
    return None


@cooperative.offloaded
def _connect(database: Database) -> AdmissionStore:
    pooled = database.engine.raw_connection()
    connection = pooled.driver_connection
    pooled.detach()
    if _is_sqlite(database.engine.dialect):
        return SqliteAdmissionStore(connection)
    if is_distributed(database.engine):
        from app.intake.store.distributed import DistributedAdmissionStore

        return DistributedAdmissionStore(connection)
    from app.intake.store.postgresql import PostgresqlAdmissionStore

    return PostgresqlAdmissionStore(connection)


def _is_sqlite(dialect: Dialect) -> bool:
    """Return True for SQLite. PostgreSQL's module is imported where it is used: it is heavy."""
    return dialect.name == "sqlite"
