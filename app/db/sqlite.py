"""SQLite: how to connect, begin and wait for its one lock, and how its workers are woken."""

import os
import sqlite3
import time
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event, exc
from sqlalchemy.engine import Connection, Engine

from app import cooperative
from app.db.notify import Notifier
from app.db.notify.sqlite import SqliteNotifier
from app.errors import NoDatabase
from app.settings import Settings

LOOK_AGAIN_SECONDS = 0.0003
"""How soon to ask again for a lock that another holds."""
READING: dict[str, Any] = {}
"""Options of a connection that only reads: without BEGIN, SQLite is in autocommit already."""


def create_engine(settings: Settings) -> Engine:
    """An engine that waits for the lock no longer than the settings allow."""
    timeout = settings.hookonce_database_timeout_seconds
    engine = sa.create_engine(
        settings.database_url,
        connect_args={"timeout": timeout, "factory": _SqliteConnection},
        poolclass=sa.QueuePool,
        pool_size=settings.hookonce_pool_size,
        max_overflow=0,
        pool_timeout=timeout,
    )

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _record: object) -> None:
        connection.patience_seconds = timeout
        connection.isolation_level = None  # the driver's own BEGIN comes too late and too weak
        cursor = connection.cursor()
        for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        if connection.get_execution_options().get("hookonce_writes"):
            try:
                begin_writing(connection.connection.driver_connection)
            except sqlite3.OperationalError as error:
                raise exc.OperationalError("BEGIN IMMEDIATE", None, error) from error

    return engine


def serve(engine: Engine, _settings: Settings) -> None:
    """From now on it serves requests and workers, and not a migration."""
    _insist_on_the_file(engine)
    _read_any_text(engine)


def notifier(engine: Engine) -> Notifier:
    """How workers are woken."""
    return SqliteNotifier(engine)


def begin_writing(connection: Any) -> None:
    """The driver's connection holds SQLite's one write lock, as soon as it is to be had.

    SQLite itself looks again after 1, 2, 5, 10 and more milliseconds, while the turn of another
    takes but one: whoever came second would wait several turns. Raises OperationalError after the
    connection's own time-out.
    """
    patience = connection.patience_seconds
    connection.execute("PRAGMA busy_timeout = 0")
    try:
        if not _begun(connection, last=not patience):
            until = time.monotonic() + patience
            _begin_until(connection, until)
    finally:
        connection.execute(f"PRAGMA busy_timeout = {patience * 1000:.0f}")


@cooperative.offloaded
def _begin_until(connection: Any, until: float) -> None:
    time.sleep(LOOK_AGAIN_SECONDS)
    while not _begun(connection, last=time.monotonic() >= until):
        time.sleep(LOOK_AGAIN_SECONDS)


def _begun(connection: Any, *, last: bool) -> bool:
    try:
        connection.execute("BEGIN IMMEDIATE")
    except sqlite3.OperationalError as error:
        if last or error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
            raise
        return False
    return True


def _insist_on_the_file(engine: Engine) -> None:
    """Never make an empty database, nor write into a file that was moved away or replaced.

    Making one is for migrations. An open connection would go on writing into the file that it
    once opened, wherever that is by now: acknowledged, and gone.
    """
    path = engine.url.database or ""

    @event.listens_for(engine, "do_connect")
    def _must_stand(*_: object) -> None:
        if not os.path.exists(path):  # Path.exists() raises where it may not look
            raise NoDatabase(f"there is no database {path}: run `alembic upgrade head`")

    @event.listens_for(engine, "connect")
    def _remember(connection: Any, _record: object) -> None:
        connection.remember(path)

    @event.listens_for(engine, "checkout")
    def _must_be_the_same(connection: Any, _record: object, _proxy: object) -> None:
        if not connection.is_alive():
            raise exc.DisconnectionError("another file stands in its place; open that one")


def _read_any_text(engine: Engine) -> None:
    """Bytes that are no UTF-8 are read as the sign that stands for such.

    SQLite keeps what it is given, and one such value of a found row would fail every statement
    that reads it: the one that claims, and with it all that is due. Migrations read no such thing.
    """

    @event.listens_for(engine, "connect")
    def _read(connection: Any, _record: object) -> None:
        connection.text_factory = _any_text


def _any_text(found: bytes) -> str:
    return found.decode("utf-8", "replace")


class _SqliteConnection(sqlite3.Connection):
    """Knows how long it waits for a lock, and which file it has open."""

    patience_seconds = 0.0
    _path: str | None = None
    _identity: tuple[int, int] | None = None

    def remember(self, path: str) -> None:
        """From now on it stands as long as this file does."""
        self._path, self._identity = path, _identity(path)

    def is_alive(self) -> bool:
        """Whether what it would write is where it belongs."""
        return self._path is None or _identity(self._path) == self._identity


def _identity(path: str) -> tuple[int, int] | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino
