"""PostgreSQL: make the engine, and set up each of its connections."""

from typing import Any

import psycopg
import sqlalchemy as sa
from psycopg.abc import Buffer
from psycopg.types.array import ListBinaryDumper
from psycopg.types.datetime import DateLoader, TimestampLoader, TimestamptzLoader
from sqlalchemy import event
from sqlalchemy.engine import Engine, ExceptionContext

from app import cooperative
from app.db import table_metadata
from app.db.errors import is_read_only
from app.db.notify import Notifier
from app.db.notify.postgresql import PostgresqlNotifier
from app.db.pool import RequestPool
from app.db.postgresql_connection import Loss, PostgresqlConnection
from app.settings import Settings

_CITUS = "SELECT to_regclass('pg_catalog.pg_dist_partition')"
_DISTRIBUTED = (
    "SELECT EXISTS (SELECT FROM pg_catalog.pg_dist_partition "
    "WHERE logicalrelid = to_regclass('trigger_executions') AND partmethod = 'h')"
)
READING: dict[str, Any] = {"isolation_level": "AUTOCOMMIT"}
"""Options of a connection that only reads."""
_USUAL = {"array_nulls": "on", "quote_all_identifiers": "off"}
"""Settings whose other values put the text NULL into lists, and quotes around names of types."""
_NO_WHOLE_TABLE = dict.fromkeys(
    ("enable_seqscan", "enable_hashjoin", "enable_mergejoin", "jit"), "off"
)


def create_engine(settings: Settings) -> Engine:
    """Make an engine that waits for locks no longer than the settings allow."""
    table_metadata.condition_on_postgresql()
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

    loss = Loss()

    @event.listens_for(engine, "do_connect")
    @cooperative.offloaded
    def _connect(_dialect: object, _record: object, arguments: Any, options: Any) -> Any:
        connection = PostgresqlConnection.connect(*arguments, **options)
        connection.loss = loss
        return connection

    @event.listens_for(engine, "connect")
    def _prepare(connection: PostgresqlConnection, _record: object) -> None:
        _accept_any_time(connection)
        # as text, every element of a list would be escaped in Python
        connection.adapters.register_dumper(list, ListBinaryDumper)
        connection.autocommit = True
        connection.find_pooler(settings.hookonce_pooler)
        connection.execute("SET TIME ZONE 'UTC'")  # which poolers keep for each client
        limits = {"lock_timeout": milliseconds, "statement_timeout": 2 * milliseconds}
        scope = "" if connection.pooled else "default_"
        isolation = {f"{scope}transaction_isolation": "'read committed'"}
        connection.keep({**limits, **_USUAL, **isolation})
        dialect: Any = engine.dialect
        dialect.distributed = _is_distributed(connection)
        connection.autocommit = False

    _leave_lost_connections(engine, loss)
    return engine


def _leave_lost_connections(engine: Engine, loss: Loss) -> None:
    """Open a connection anew where it was ended, or leads to a server that takes no writes."""

    @event.listens_for(engine, "checkout")
    def _require_alive(connection: PostgresqlConnection, record: Any, _proxy: object) -> None:
        was_idle = "used" in record.info  # a new one tells its loss by the first statement
        record.info["used"] = True
        if was_idle and not connection.is_alive():
            raise sa.exc.DisconnectionError("it was ended while it was idle; open another")

    @event.listens_for(engine, "handle_error")
    def _leave_read_only_server(context: ExceptionContext) -> None:
        """Have the connections of the pool opened anew, to a server that can be written."""
        if is_read_only(context.original_exception):
            loss.notice()
            context.is_disconnect = True


def serve(engine: Engine, settings: Settings) -> None:
    """Prepare the engine for requests and workers; a migration goes without this."""
    _forbid_whole_table_plans(engine)
    _limit_silence(engine, 3 * settings.hookonce_database_timeout_seconds)


def _is_distributed(connection: PostgresqlConnection) -> bool:
    """Return True if Citus distributes the executions; see app/db/distributed.py."""
    citus = connection.execute(_CITUS).fetchone()
    if citus is None or citus[0] is None:
        return False
    distributed = connection.execute(_DISTRIBUTED).fetchone()
    return bool(distributed and distributed[0])


def notifier(engine: Engine, settings: Settings) -> Notifier:
    """Return the notifier that wakes the workers; it listens on the direct URL if there is one."""
    is_direct = not settings.hookonce_direct_database_url
    return PostgresqlNotifier(engine, engine if is_direct else create_engine(settings.direct))


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
    def _set(connection: PostgresqlConnection, _record: object) -> None:
        connection.autocommit = True
        connection.keep(_NO_WHOLE_TABLE)
        connection.autocommit = False


def _limit_silence(engine: Engine, seconds: float) -> None:
    """Close a connection whose server sends nothing for so long, even if its machine responds.

    The server itself ends a statement that takes too long, unless it or its disk is frozen.
    """

    @event.listens_for(engine, "connect")
    def _set(connection: PostgresqlConnection, _record: object) -> None:
        connection.silence_seconds = seconds


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
