"""PostgreSQL: connect, set up each connection, wait cooperatively, and wake workers."""

import math
import time
from typing import Any

import psycopg
import sqlalchemy as sa
from psycopg.abc import Buffer
from psycopg.types.array import ListBinaryDumper
from psycopg.types.datetime import DateLoader, TimestampLoader, TimestamptzLoader
from sqlalchemy import event
from sqlalchemy.engine import Engine

from app import cooperative
from app.db import time_limit
from app.db.notify import Notifier
from app.db.notify.postgresql import PostgresqlNotifier
from app.db.pool import RequestPool
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
            # for each host; libpq knows whole seconds, at least two
            "connect_timeout": max(2, round(timeout / _host_count(settings))),
            "tcp_user_timeout": milliseconds,
            "application_name": "hookonce",
            # otherwise PGCLIENTENCODING or the database decides which text can be sent
            "client_encoding": "utf8",
        },
        poolclass=RequestPool,
        pool_size=settings.hookonce_pool_size,
        max_overflow=0,
        pool_timeout=timeout,
        pool_use_lifo=True,
    )

    silence = _Silence()

    @event.listens_for(engine, "do_connect")
    @cooperative.offloaded
    def _connect(_dialect: object, _record: object, arguments: Any, options: Any) -> Any:
        connection = _CooperativeConnection.connect(*arguments, **options)
        connection.silence = silence
        return connection

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


def _host_count(settings: Settings) -> int:
    """Return the number of hosts of the address: each is tried, within one time limit for all."""
    url = sa.make_url(settings.database_url)
    hosts = url.normalized_query.get("host", (url.host or "",))
    return sum(len(each.split(",")) for each in hosts)


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


class _Silence:
    """The last time at which the server left a connection of this process without an answer."""

    noticed_at = -math.inf


class _CooperativeConnection(psycopg.Connection[Any]):
    """A connection that lets an answering thread serve other requests while PostgreSQL works."""

    silence_seconds: float | None = None
    """Seconds that the server may send nothing; None: for ever."""

    silence = _Silence()

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._opened_at = time.monotonic()

    def is_alive(self) -> bool:
        """Return whether the connection is open, as far as is known here.

        When the server left one connection without an answer, all older ones count as lost: each
        would cost a request its whole time limit.
        """
        return not self.closed and self._opened_at > self.silence.noticed_at

    @classmethod
    def _connect_gen(cls, conninfo: str = "") -> Any:
        """Connect within the request's time limit: the driver's own is one for each host."""
        steps = super()._connect_gen(conninfo)
        try:
            awaited = next(steps)
            while not time_limit.is_over():
                awaited = steps.send((yield awaited))
        except StopIteration as connected:
            return connected.value
        raise psycopg.errors.ConnectionTimeout("no connection within the time limit")

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        if timeout is not None:
            return super().wait(gen, interval, timeout)  # the caller handles its own time-out
        seconds = self._seconds_to_wait()
        try:
            if seconds == 0.0:
                raise TimeoutError
            if cooperative.on_answering_thread():
                return cooperative.wait_io(gen, self.fileno(), seconds)
            return super().wait(gen, interval, seconds)
        except (TimeoutError, psycopg.errors._WaitTimeout) as error:
            self.silence.noticed_at = time.monotonic()
            self.close()  # the outcome of the statement can no longer be known
            message = f"the server has said nothing for {seconds:.1f} s"
            raise psycopg.OperationalError(message) from error

    def _seconds_to_wait(self) -> float | None:
        if self.silence_seconds is None and time_limit.end() is None:
            return None
        return time_limit.shortest(self.silence_seconds or math.inf)


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
