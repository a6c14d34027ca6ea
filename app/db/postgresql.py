"""PostgreSQL: connect, set up each connection, wait cooperatively, and wake workers."""

from typing import Any

import psycopg
import sqlalchemy as sa
from psycopg.abc import Buffer
from psycopg.types.array import ListBinaryDumper
from psycopg.types.datetime import DateLoader, TimestampLoader, TimestamptzLoader
from sqlalchemy import event
from sqlalchemy.engine import Engine

from app import cooperative
from app.db.notify import Notifier
from app.db.notify.postgresql import PostgresqlNotifier
from app.settings import Settings

READING: dict[str, Any] = {"isolation_level": "AUTOCOMMIT"}
"""Options of a connection that only reads."""


def create_engine(settings: Settings) -> Engine:
    """Make an engine that waits for locks no longer than the settings allow."""
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
    @cooperative.offloaded
    def _connect(_dialect: object, _record: object, arguments: Any, options: Any) -> Any:
        return _CooperativeConnection.connect(*arguments, **options)

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _record: object) -> None:
        _accept_any_time(connection)
        # as text, every element of a list would be escaped in Python
        connection.adapters.register_dumper(list, ListBinaryDumper)
        connection.autocommit = True
        connection.execute(f"SET lock_timeout = {milliseconds}")
        connection.execute(f"SET statement_timeout = {2 * milliseconds}")
        connection.execute("SET TIME ZONE 'UTC'")
        connection.autocommit = False

    return engine


def serve(engine: Engine, settings: Settings) -> None:
    """Prepare the engine for requests and workers; a migration goes without this."""
    _forbid_whole_table_plans(engine)
    _limit_silence(engine, 3 * settings.hookonce_database_timeout_seconds)


def notifier(engine: Engine) -> Notifier:
    """Return the notifier that wakes the workers."""
    return PostgresqlNotifier(engine)


def _forbid_whole_table_plans(engine: Engine) -> None:
    """Never plan to read a whole table, however few rows it has now.

    PostgreSQL keeps the plan of a statement that is repeated, and of its own check of a foreign
    key: a plan made for the first dozens of rows would read hundreds of thousands until the table
    is analysed again. So would a join that reads both sides whole. All our statements have an
    index. Where there is none (a table of a few rows), servers before 18 estimate such a plan to
    be so expensive that they would compile it (`jit`).
    """

    @event.listens_for(engine, "connect")
    def _set(connection: Any, _record: object) -> None:
        connection.autocommit = True
        for setting in ("enable_seqscan", "enable_hashjoin", "enable_mergejoin", "jit"):
            connection.execute(f"SET {setting} = off")
        connection.autocommit = False


def _limit_silence(engine: Engine, seconds: float) -> None:
    """Close a connection whose server sends nothing for so long, even if its machine responds.

    The server itself ends a statement that takes too long, unless it or its disk is frozen.
    """

    @event.listens_for(engine, "connect")
    def _set(connection: Any, _record: object) -> None:
        connection.silence_seconds = seconds


class _CooperativeConnection(psycopg.Connection[Any]):
    """A connection that lets an answering thread serve other requests while PostgreSQL works."""

    silence_seconds: float | None = None
    """Seconds that the server may send nothing; None: for ever."""

    def is_alive(self) -> bool:
        """Return whether the connection is open, as far as is known here."""
        return not self.closed

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        if timeout is not None:
            return super().wait(gen, interval, timeout)  # the caller handles its own time-out
        try:
            if cooperative.on_answering_thread():
                return cooperative.wait_io(gen, self.fileno(), self.silence_seconds)
            return super().wait(gen, interval, self.silence_seconds)
        except (TimeoutError, psycopg.errors._WaitTimeout) as error:
            self.close()  # the outcome of the statement can no longer be known
            message = f"the server has said nothing for {self.silence_seconds:g} s"
            raise psycopg.OperationalError(message) from error


class _AnyTime:
    """Loader that returns `infinity`, and years that Python does not have, as their text."""

    def load(self, data: Buffer) -> Any:
        try:
            return super().load(data)  # type: ignore[misc]
        except psycopg.DataError:
            return bytes(data).decode()


class _AnyTimestamp(_AnyTime, TimestampLoader): ...


class _AnyTimestamptz(_AnyTime, TimestamptzLoader): ...


class _AnyDate(_AnyTime, DateLoader): ...


def _accept_any_time(connection: Any) -> None:
    """Read any time: one odd value in an adopted row must not fail the statement for all rows."""
    connection.adapters.register_loader("timestamp", _AnyTimestamp)
    connection.adapters.register_loader("timestamptz", _AnyTimestamptz)
    connection.adapters.register_loader("date", _AnyDate)
