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
from app.db import Database, in_our_words
from app.intake.store.rows import Lane, Row, RowRefused, Standing
from app.intake.store.sqlite import SqliteLane

__all__ = ["Lane", "Row", "RowRefused", "SqliteLane", "Standing", "opened"]


@contextmanager
def opened(database: Database) -> Iterator[Lane]:
    """The lane of this database, nobody else's until the block ends; one is kept for the next.

    After an error that is no refusal it is not used again.
    """
    dbapi: Any = database.engine.dialect.loaded_dbapi
    with in_our_words(dbapi.Error):
        lane = _kept(database) or cooperative.offload(partial(_made, database))
        try:
            yield lane
        except (dbapi.IntegrityError, dbapi.DataError) as error:
            _keep(database, lane)
            raise RowRefused(str(error)) from error
        except RowRefused:
            _keep(database, lane)
            raise
        except BaseException:
            lane.close()
            raise
        _keep(database, lane)


def _keep(database: Database, lane: Lane) -> None:
    """If none is, so that many at once do not leave many connections."""
    if database.aside:
        lane.close()
    else:
        database.aside.append(lane)


def _kept(database: Database) -> Lane | None:
    with suppress(IndexError):
        while True:
            lane = cast(Lane, database.aside.pop())
            if lane.stands():
                return lane
            lane.close()
    return None


def _made(database: Database) -> Lane:
    pooled = database.engine.raw_connection()
    connection = pooled.driver_connection
    pooled.detach()
    if database.engine.dialect.name == "sqlite":
        return SqliteLane(connection)
    from app.intake.store.postgresql import (
        PostgresqlLane,  # its driver, too, is loaded where it is used
    )

    return PostgresqlLane(connection)
