"""SQLite: connect, begin transactions, wait for its one write lock, and wake workers."""

import os
import sqlite3
import time
from pathlib import Path
from threading import Event
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event, exc
from sqlalchemy.engine import Connection, Engine

from app import cooperative, installation
from app.db import time_limit
from app.db.notify import Notifier
from app.db.notify.sqlite import SqliteNotifier
from app.db.pool import RequestPool
from app.errors import NoDatabase
from app.installation import migration_command
from app.settings import Settings

LOCK_POLL_SECONDS = 0.0003
"""Seconds between two attempts to get a lock that another connection holds."""
OPEN_POLL_SECONDS = 0.02
"""Seconds between two attempts to open a file that another connection has locked whole."""
MEMORY_BYTES = 8_388_608
"""Memory of all connections of a process from which SQLite reuses pages of its caches."""
READING: dict[str, Any] = {}
"""Options of a connection that only reads: without BEGIN, SQLite is in autocommit already."""


def create_engine(settings: Settings) -> Engine:
    """Make an engine that waits for the lock no longer than the settings allow."""
    timeout = settings.hookonce_database_timeout_seconds
    engine = sa.create_engine(
        settings.database_url,
        connect_args={"timeout": timeout, "factory": _SqliteConnection},
        poolclass=RequestPool,
        pool_size=settings.hookonce_pool_size,
        max_overflow=0,
        pool_timeout=timeout,
    )

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _record: object) -> None:
        connection.lock_timeout_seconds = timeout
        connection.isolation_level = None  # the driver's own BEGIN comes too late and too weak
        _use_write_ahead_log(connection)
        for pragma in ("synchronous = FULL", "foreign_keys = ON"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        if connection.get_execution_options().get("hookonce_writes"):
            try:
                begin_writing(connection.connection.driver_connection)
            except sqlite3.OperationalError as error:
                raise exc.OperationalError("BEGIN IMMEDIATE", None, error) from error

    return engine


def serve(engine: Engine, _settings: Settings) -> None:
    """Prepare the engine for requests and workers; a migration goes without this."""
    _require_same_file(engine)
    _accept_invalid_text(engine)
    _limit_memory(engine)


def notifier(engine: Engine, _settings: Settings) -> Notifier:
    """Return the notifier that wakes the workers."""
    return SqliteNotifier(engine)


def begin_writing(connection: Any) -> None:
    """Begin a transaction with SQLite's one write lock, as soon as the lock is free.

    SQLite itself tries again after 1, 2, 5, 10 and more milliseconds, while a writer holds the lock
    for about one: the second writer would wait for several others. Raises OperationalError after
    the connection's own time-out.
    """
    timeout = connection.lock_timeout_seconds
    connection.execute("PRAGMA busy_timeout = 0")
    try:
        if not _begin_if_free(connection, last=not timeout):
            until = time.monotonic() + time_limit.shortest(timeout)
            _begin_until(connection, until, time_limit.stop())
    finally:
        connection.execute(f"PRAGMA busy_timeout = {timeout * 1000:.0f}")


@cooperative.offloaded
def _begin_until(connection: Any, until: float, stop: Event | None) -> None:
    time.sleep(LOCK_POLL_SECONDS)
    while not _begin_if_free(connection, last=_is_over(until, stop)):
        time.sleep(LOCK_POLL_SECONDS)


def _begin_if_free(connection: Any, *, last: bool) -> bool:
    return _executed(connection, "BEGIN IMMEDIATE", last=last)


def _use_write_ahead_log(connection: Any) -> None:
    """Open the file in WAL mode, as soon as no other connection has the whole file locked.

    Every later statement reads without a lock. SQLite itself would sleep until the time-out, in
    which Python hears no Ctrl-C, or not wait at all for a writer of a file without this log.
    """
    timeout = connection.lock_timeout_seconds
    until, stop = time.monotonic() + timeout, time_limit.stop()
    connection.execute("PRAGMA busy_timeout = 0")
    while not _executed(connection, "PRAGMA journal_mode = WAL", last=_is_over(until, stop)):
        time.sleep(OPEN_POLL_SECONDS)
    connection.execute(f"PRAGMA busy_timeout = {timeout * 1000:.0f}")


def _is_over(until: float, stop: Event | None) -> bool:
    return time.monotonic() >= until or (stop is not None and stop.is_set())


def _executed(connection: Any, statement: str, *, last: bool) -> bool:
    """Return False if a lock prevented the statement; raise the error at the last attempt."""
    try:
        connection.execute(statement)
    except sqlite3.OperationalError as error:
        if last or error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
            raise
        return False
    return True


def _absent(path: str) -> str:
    """Return a sentence with the whole path: a relative one is mostly read in the wrong place."""
    sentence = f"there is no database {os.path.abspath(path)}"
    upgrade = migration_command("upgrade head")
    if os.path.isabs(path) or Path.cwd() == installation.ROOT:
        return f"{sentence}: run `{upgrade}`"
    return (
        f"{sentence}: DATABASE_URL is relative to this directory; "
        f"go to the directory of the service, or create a database here by `{upgrade}`"
    )


def _require_same_file(engine: Engine) -> None:
    """Never create an empty database, nor write into a file that was moved away or replaced.

    Only migrations create one. An open connection would go on writing into the file that it once
    opened, wherever that file is now: events would be acknowledged, and lost.
    """
    path = engine.url.database or ""

    @event.listens_for(engine, "do_connect")
    def _require_file(*_: object) -> None:
        if not os.path.exists(path):  # Path.exists() raises where it may not look
            raise NoDatabase(_absent(path))

    @event.listens_for(engine, "connect")
    def _remember(connection: Any, _record: object) -> None:
        connection.remember(path)

    @event.listens_for(engine, "checkout")
    def _require_same(connection: Any, _record: object, _proxy: object) -> None:
        if not connection.is_alive():
            raise exc.DisconnectionError("another file has taken its place; open that one")


def _accept_invalid_text(engine: Engine) -> None:
    """Read bytes that are not UTF-8 as replacement characters.

    SQLite stores any bytes, and one such value in an adopted row would fail every statement that
    reads it: also the claim, and with it everything that is due. Migrations read no such value.
    """

    @event.listens_for(engine, "connect")
    def _read(connection: Any, _record: object) -> None:
        connection.text_factory = _lenient_text


def _limit_memory(engine: Engine) -> None:
    """Limit the page caches of all connections together.

    Each may keep 2 MB by itself, 32 MB for a full pool, until it is used after another connection
    has written. The limit is soft: a statement that needs more gets more.
    https://www.sqlite.org/c3ref/hard_heap_limit64.html
    """

    @event.listens_for(engine, "connect")
    def _limit(connection: Any, _record: object) -> None:
        connection.execute(f"PRAGMA soft_heap_limit = {MEMORY_BYTES}")


def _lenient_text(value: bytes) -> str:
    return value.decode("utf-8", "replace")


class _SqliteConnection(sqlite3.Connection):
    """A connection with its lock time-out, and with the identity of the file that it has open."""

    lock_timeout_seconds = 0.0
    _path: str | None = None
    _identity: tuple[int, int] | None = None

    def remember(self, path: str) -> None:
        """Note the file that is open; the connection is alive as long as the path leads to it."""
        self._path, self._identity = path, _identity(path)

    def is_alive(self) -> bool:
        """Return whether the path still leads to the open file."""
        return self._path is None or _identity(self._path) == self._identity


def _identity(path: str) -> tuple[int, int] | None:
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_dev, status.st_ino
