"""PostgreSQL: how to connect, what each connection is told, and how its workers are woken."""

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
    """An engine that waits for locks no longer than the settings allow."""
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
        _read_any_time(connection)
        # as text, every element of a list would be escaped in Python
        connection.adapters.register_dumper(list, ListBinaryDumper)
        connection.autocommit = True
        connection.execute(f"SET lock_timeout = {milliseconds}")
        connection.execute(f"SET statement_timeout = {2 * milliseconds}")
        connection.execute("SET TIME ZONE 'UTC'")
        connection.autocommit = False

    return engine


def serve(engine: Engine, settings: Settings) -> None:
    """From now on it serves requests and workers, and not a migration."""
    _plan_for_growth(engine)
    _give_up_waiting(engine, 3 * settings.hookonce_database_timeout_seconds)


def notifier(engine: Engine) -> Notifier:
    """How workers are woken."""
    return PostgresqlNotifier(engine)


def _plan_for_growth(engine: Engine) -> None:
    """Never plan to read a whole table, however little is in it now.

    PostgreSQL keeps the plan of a statement that is asked again and again, and of its own look at a
    foreign key: one that was made for the first dozens of rows would read hundreds of thousands
    until the table is analysed again. So would a join that reads both sides whole. All that we ask
    has an index. Where nothing has (a table of a few rows), servers before 18 take such a plan for
    so dear that they would compile it.
    """

    @event.listens_for(engine, "connect")
    def _set(connection: Any, _record: object) -> None:
        connection.autocommit = True
        for way in ("enable_seqscan", "enable_hashjoin", "enable_mergejoin", "jit"):
            connection.execute(f"SET {way} = off")
        connection.autocommit = False


def _give_up_waiting(engine: Engine, seconds: float) -> None:
    """A server that says nothing for so long is away, though its machine still answers.

    It ends what takes too long itself, unless it is frozen, or waits for a disk that is.
    """

    @event.listens_for(engine, "connect")
    def _set(connection: Any, _record: object) -> None:
        connection.patience_seconds = seconds


class _CooperativeConnection(psycopg.Connection[Any]):
    """Who is answered in turn lets others go on while PostgreSQL works."""

    patience_seconds: float | None = None
    """How long any answer is waited for; None: for ever."""

    def is_alive(self) -> bool:
        """Whether it is open still, as far as is known."""
        return not self.closed

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        if timeout is not None:
            return super().wait(gen, interval, timeout)  # who asks for it knows what follows
        try:
            if cooperative.on_answering_thread():
                return cooperative.wait_io(gen, self.fileno(), self.patience_seconds)
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
