"""The engine of each database: how it connects, waits for locks and begins."""

import os
import sqlite3
import time
from functools import partial
from typing import Any

import psycopg
import sqlalchemy as sa
from psycopg.abc import Buffer
from psycopg.types.array import ListBinaryDumper
from psycopg.types.datetime import DateLoader, TimestampLoader, TimestamptzLoader
from sqlalchemy import event, exc
from sqlalchemy.engine import Connection, Engine

from app import waiting
from app.errors import NoDatabase
from app.settings import Settings

LOOK_AGAIN_SECONDS = 0.0003
"""How soon to ask again for a lock that another holds."""


def create_engine(settings: Settings) -> Engine:
    """An engine that waits for locks no longer than the settings allow."""
    if settings.embedded:
        return _sqlite_engine(settings)
    return _postgresql_engine(settings)


def _sqlite_engine(settings: Settings) -> Engine:
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
            waiting.elsewhere(partial(_begin_until, connection, until))
    finally:
        connection.execute(f"PRAGMA busy_timeout = {patience * 1000:.0f}")


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


def insist_on_the_file(engine: Engine) -> None:
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
        if not connection.stands():
            raise exc.DisconnectionError("another file stands in its place; open that one")


def read_any_text(engine: Engine) -> None:
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

    def stands(self) -> bool:
        """Whether what it would write is where it belongs."""
        return self._path is None or _identity(self._path) == self._identity


def _identity(path: str) -> tuple[int, int] | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _postgresql_engine(settings: Settings) -> Engine:
    timeout = settings.hookonce_database_timeout_seconds
    milliseconds = int(timeout * 1000)
    engine = sa.create_engine(
        settings.database_url,
        connect_args={
            "connect_timeout": max(2, round(timeout)),  # libpq knows whole seconds, at least two
            "tcp_user_timeout": milliseconds,
            "application_name": "hookonce",
        },
        pool_size=settings.hookonce_pool_size,
        max_overflow=0,
        pool_timeout=timeout,
        pool_use_lifo=True,
    )

    @event.listens_for(engine, "do_connect")
    def _connect(_dialect: object, _record: object, given: Any, named: Any) -> Any:
        return waiting.elsewhere(partial(_Connection.connect, *given, **named))

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _record: object) -> None:
        _read_any_time(connection)
        # as text, every element of a list would be escaped in Python
        connection.adapters.register_dumper(list, ListBinaryDumper)
        connection.autocommit = True
        connection.execute(f"SET lock_timeout = {milliseconds}")
        connection.execute(f"SET statement_timeout = {2 * milliseconds}")
        connection.execute("SET TIME ZONE 'UTC'")
        connection.autocommit = False

    return engine


def plan_for_growth(engine: Engine) -> None:
    """Never plan to read a whole table, however little is in it now.

    PostgreSQL keeps the plan of a statement that is asked again and again, and of its own look at a
    foreign key: one that was made for the first dozens of rows would read hundreds of thousands
    until the table is analysed again. All that we ask has an index. Where nothing has (a table of
    a few rows), servers before 18 take such a plan for so dear that they would compile it.
    """

    @event.listens_for(engine, "connect")
    def _set(connection: Any, _record: object) -> None:
        connection.autocommit = True
        connection.execute("SET enable_seqscan = off")
        connection.execute("SET jit = off")
        connection.autocommit = False


def give_up_waiting(engine: Engine, seconds: float) -> None:
    """A server that says nothing for so long is away, though its machine still answers.

    It ends what takes too long itself, unless it is frozen, or waits for a disk that is.
    """

    @event.listens_for(engine, "connect")
    def _set(connection: Any, _record: object) -> None:
        connection.patience_seconds = seconds


class _Connection(psycopg.Connection[Any]):
    """Who is answered in turn lets others go on while PostgreSQL works."""

    patience_seconds: float | None = None
    """How long any answer is waited for; None: for ever."""

    def stands(self) -> bool:
        """Whether it is open still, as far as is known."""
        return not self.closed

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        if timeout is not None:
            return super().wait(gen, interval, timeout)  # who asks for it knows what follows
        try:
            if waiting.in_turn():
                return waiting.stepped(gen, self.fileno(), self.patience_seconds)
            return super().wait(gen, interval, self.patience_seconds)
        except (TimeoutError, psycopg.errors._WaitTimeout) as error:
            self.close()  # what the answer would have been, nobody can tell any more
            said = f"the server has said nothing for {self.patience_seconds:g} s"
            raise psycopg.OperationalError(said) from error


class _AnyTime:
    """Reads `infinity` and years that Python does not have as text, which says what was found."""

    def load(self, data: Buffer) -> Any:
        try:
            return super().load(data)  # type: ignore[misc]
        except psycopg.DataError:
            return bytes(data).decode()


class _AnyTimestamp(_AnyTime, TimestampLoader): ...


class _AnyTimestamptz(_AnyTime, TimestamptzLoader): ...


class _AnyDate(_AnyTime, DateLoader): ...


def _read_any_time(connection: Any) -> None:
    """One odd value of a found row must not keep all the others from being read."""
    connection.adapters.register_loader("timestamp", _AnyTimestamp)
    connection.adapters.register_loader("timestamptz", _AnyTimestamptz)
    connection.adapters.register_loader("date", _AnyDate)
