"""The short way to the database for what every webhook asks: the driver itself, with fixed texts.

For a handful of rows SQLAlchemy's own work per statement and transaction is several times the
database's. What is asked here is small and asked for every request, so it is said directly;
everything else goes the ordinary way. The connections are the pool's, and are checked as its are.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

from sqlalchemy.engine import Engine
from sqlalchemy.pool import PoolProxiedConnection, QueuePool

from app import waiting
from app.db import Database, in_our_words
from app.lane.postgresql import PostgresqlLane
from app.lane.rows import Lane, Row, RowRefused, Standing
from app.lane.sqlite import SqliteLane

__all__ = ["Lane", "PostgresqlLane", "Row", "RowRefused", "SqliteLane", "Standing", "opened"]


@contextmanager
def opened(database: Database) -> Iterator[Lane]:
    """The lane of this database, on one connection until the block ends."""
    with _driver(database) as connection, _LANES[database.engine.dialect.name](connection) as lane:
        yield lane


@contextmanager
def _driver(database: Database) -> Iterator[Any]:
    """A connection of the driver. After an error that is no refusal it is not used again."""
    dbapi: Any = database.engine.dialect.loaded_dbapi
    with in_our_words(dbapi.Error):
        pooled = _pooled(database.engine)
        try:
            yield pooled.driver_connection
        except (dbapi.IntegrityError, dbapi.DataError) as error:
            raise RowRefused(str(error)) from error
        except RowRefused:
            raise
        except BaseException:
            pooled.invalidate()
            raise
        finally:
            pooled.close()


def _pooled(engine: Engine) -> PoolProxiedConnection:
    """A connection that is at hand; one that is to be made, or waited for, comes from elsewhere."""
    at_hand = cast(QueuePool, engine.pool).checkedin()
    return engine.raw_connection() if at_hand else waiting.elsewhere(engine.raw_connection)


_LANES: dict[str, type[SqliteLane] | type[PostgresqlLane]] = {
    "sqlite": SqliteLane,
    "postgresql": PostgresqlLane,
}
