"""The short way to the database for what every webhook asks: the driver itself, with fixed texts.

For a handful of rows SQLAlchemy's own work per statement and transaction is several times the
database's, and so is the pool's. What is asked here is small and asked for every request, so it is
said directly, on a connection that is kept for it; everything else goes the ordinary way.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any, cast

from app import cooperative
from app.db import Database, translated_errors
from app.intake.store.rows import AdmissionStore, ExistingExecution, NewExecution, RowRejected
from app.intake.store.sqlite import SqliteAdmissionStore

__all__ = [
    "AdmissionStore",
    "ExistingExecution",
    "NewExecution",
    "RowRejected",
    "SqliteAdmissionStore",
    "opened",
]


@contextmanager
def opened(database: Database) -> Iterator[AdmissionStore]:
    """The lane of this database, nobody else's until the block ends; one is kept for the next.

    After an error that is no refusal it is not used again.
    """
    dbapi: Any = database.engine.dialect.loaded_dbapi
    with translated_errors(dbapi.Error):
        store = _kept(database) or cooperative.offload(partial(_made, database))
        try:
            yield store
        except (dbapi.IntegrityError, dbapi.DataError) as error:
            _keep(database, store)
            raise RowRejected(str(error)) from error
        except RowRejected:
            _keep(database, store)
            raise
        except BaseException:
            store.close()
            raise
        _keep(database, store)


def _keep(database: Database, store: AdmissionStore) -> None:
    """If none is, so that many at once do not leave many connections."""
    if database.dedicated:
        store.close()
    else:
        database.dedicated.append(store)


def _kept(database: Database) -> AdmissionStore | None:
    with suppress(IndexError):
        while True:
            store = cast(AdmissionStore, database.dedicated.pop())
            if store.is_alive():
                return store
            store.close()
    return None


def _made(database: Database) -> AdmissionStore:
    pooled = database.engine.raw_connection()
    connection = pooled.driver_connection
    pooled.detach()
    if database.engine.dialect.name == "sqlite":
        return SqliteAdmissionStore(connection)
    from app.intake.store.postgresql import PostgresqlAdmissionStore

    return PostgresqlAdmissionStore(connection)
