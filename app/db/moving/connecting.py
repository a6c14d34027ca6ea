"""Open the two databases of a move, and name each in sentences without its password."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import zip_longest

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from app import db
from app.db.distributed import is_distributed
from app.db.moving.session import DriverSession, PostgresqlDriverSession, SqliteDriverSession
from app.errors import CannotMove
from app.settings import Settings

CONNECTIONS = 3
LOCK_SECONDS = 30.0
"""Seconds that the mover waits for a lock of the service."""


def name_of(settings: Settings) -> str:
    """Return the database's address without user, password and options.

    No two databases have the same one: a finished move is recognised by it.
    """
    url = sa.make_url(settings.database_url)
    if settings.embedded:
        return f"sqlite:///{os.path.realpath(url.database or '')}"
    hosts = url.normalized_query.get("host") or (url.host or "localhost",)
    ports = url.normalized_query.get("port") or (str(url.port or ""),)
    pairs = zip_longest(",".join(hosts).split(","), ",".join(ports).split(","), fillvalue="")
    places = [f"{host}:{port}" if port else host for host, port in pairs]
    return f"postgresql://{','.join(places)}/{url.database}"


def engine_of(settings: Settings) -> Engine:
    """Return an engine that waits long for locks, as a move is no request."""
    patient = replace(
        settings, hookonce_database_timeout_seconds=LOCK_SECONDS, hookonce_pool_size=CONNECTIONS
    )
    return db.create_engine(patient)


@contextmanager
def opened(engine: Engine, name: str, *, replace_text: bool = False) -> Iterator[DriverSession]:
    """Open a session; raise CannotMove if the database cannot be reached or a file not opened."""
    try:
        connection = engine.connect()
    except sa.exc.SQLAlchemyError as error:
        reason = " ".join(str(getattr(error, "orig", None) or error).split())
        raise CannotMove(f"{name} cannot be opened: {reason}") from error
    try:
        if engine.dialect.name == "sqlite":
            yield SqliteDriverSession(connection, name, replace_text=replace_text)
        elif is_distributed(connection):
            raise CannotMove(
                f"Citus distributes the tables of {name}, and none of its triggers could close "
                "them to writes: run undistribute_table first, as docs/sharding.md says; nothing "
                "was changed"
            )
        else:
            yield PostgresqlDriverSession(connection, name)
    except sa.exc.SQLAlchemyError as error:
        reason = " ".join(str(getattr(error, "orig", None) or error).split())
        raise CannotMove(
            f"{name}: {reason}; what was copied stays copied, run the same command again once the "
            "cause is gone"
        ) from error
    finally:
        connection.invalidate()  # its settings are the mover's own
        connection.close()
