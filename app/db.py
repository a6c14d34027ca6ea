"""Engine, transactions, and every difference between SQLite and PostgreSQL."""

import os
import re
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import sqlalchemy as sa
from psycopg.abc import Buffer
from psycopg.types.array import ListBinaryDumper
from psycopg.types.datetime import DateLoader, TimestampLoader, TimestamptzLoader
from sqlalchemy import event, exc
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection, Dialect, Engine
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.pool import ConnectionPoolEntry
from sqlalchemy.sql.functions import FunctionElement

from app.bell import Bell, PostgresqlBell, SqliteBell
from app.errors import DatabaseUnavailable, NoDatabase, SchemaMoved
from app.models import UtcDateTime
from app.sealing import Safe
from app.settings import Settings

IDEMPOTENCY_INDEX = "uq_trigger_idem"
REPLAY_INDEX = "uq_trigger_executions_replay_of"
_INCOMING = "_incoming"
"""What the name of an index ends in while a migration builds it, to take another's place."""
_SQLITE_UNIQUE_COLUMNS = {
    IDEMPOTENCY_INDEX: "trigger_executions.trigger_id, trigger_executions.idempotency_key",
    REPLAY_INDEX: "trigger_executions.replay_of_id",
}
_POSTGRESQL_MOVED = {"42703", "42P01", "0A000"}  # no such column, no such table, stale plan
_SQLITE_MOVED = re.compile(r"no such (table|column)|has no column named")


class Database:
    """The one database of this process: hand it around, open nothing else."""

    def __init__(self, settings: Settings) -> None:
        self.engine = create_engine(settings)
        self.bell: Bell = (SqliteBell if settings.embedded else PostgresqlBell)(self.engine)
        self.safe = Safe(settings.hookonce_secret_key)
        if settings.embedded:
            _insist_on_the_file(self.engine)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection whose statements each see what is committed; it holds no lock.

        Raises DatabaseUnavailable or SchemaMoved in place of the driver's errors.
        """
        with in_our_words(), self.engine.connect() as connection:
            yield connection.execution_options(**_READING[self.engine.dialect.name])

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """One transaction, committed at the end or rolled back whole.

        On SQLite it takes the write lock at once: a transaction that reads first and writes
        later loses to any other writer in between. Errors as in `reading`; an IntegrityError
        passes, its reader knows what it means.
        """
        with (
            in_our_words(),
            self.engine.connect() as connection,
            connection.execution_options(hookonce_writes=True).begin(),
        ):
            yield connection

    def dispose(self) -> None:
        """Close every connection."""
        self.bell.close()
        self.engine.dispose()


_READING: dict[str, dict[str, Any]] = {
    "sqlite": {},  # without BEGIN, SQLite is in autocommit already
    "postgresql": {"isolation_level": "AUTOCOMMIT"},
}


def create_engine(settings: Settings) -> Engine:
    """An engine that waits for locks no longer than the settings allow."""
    if settings.embedded:
        return _sqlite_engine(settings)
    return _postgresql_engine(settings)


def _sqlite_engine(settings: Settings) -> Engine:
    timeout = settings.hookonce_database_timeout_seconds
    engine = sa.create_engine(
        settings.database_url,
        connect_args={"timeout": timeout},
        poolclass=sa.QueuePool,
        pool_size=settings.hookonce_pool_size,
        max_overflow=0,
        pool_timeout=timeout,
    )

    @event.listens_for(engine, "connect")
    def _prepare(connection: Any, _record: object) -> None:
        connection.isolation_level = None  # the driver's own BEGIN comes too late and too weak
        cursor = connection.cursor()
        for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        if connection.get_execution_options().get("hookonce_writes"):
            connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def _insist_on_the_file(engine: Engine) -> None:
    """Never make an empty database, nor write into a file that was moved away or replaced.

    Making one is for migrations. An open connection would go on writing into the file that it
    once opened, wherever that is by now: acknowledged, and gone.
    """
    path = Path(engine.url.database or "")

    @event.listens_for(engine, "do_connect")
    def _must_stand(*_: object) -> None:
        if not os.path.exists(path):  # Path.exists() raises where it may not look
            raise NoDatabase(f"there is no database {path}: run `alembic upgrade head`")

    @event.listens_for(engine, "connect")
    def _remember(_connection: Any, record: ConnectionPoolEntry) -> None:
        record.info["file"] = _identity(path)

    @event.listens_for(engine, "checkout")
    def _must_be_the_same(_connection: Any, record: ConnectionPoolEntry, _proxy: object) -> None:
        if record.info["file"] != _identity(path):
            raise exc.DisconnectionError("another file stands in its place; open that one")


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
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


@contextmanager
def in_our_words(driver_error: type[Exception] = exc.DBAPIError) -> Iterator[None]:
    """DatabaseUnavailable or SchemaMoved in place of SQLAlchemy's errors, and of the driver's.

    A broken constraint passes: its reader knows what it means.
    """
    try:
        yield
    except (exc.IntegrityError, exc.DataError):
        raise
    except exc.TimeoutError as error:
        raise DatabaseUnavailable("every database connection is busy") from error
    except (exc.DBAPIError, driver_error) as error:
        said = getattr(error, "orig", None) or error
        if _schema_moved(said):
            raise SchemaMoved(str(said)) from error
        raise DatabaseUnavailable(str(said)) from error


def _schema_moved(error: BaseException) -> bool:
    sqlstate = getattr(error, "sqlstate", None)
    return sqlstate in _POSTGRESQL_MOVED or bool(_SQLITE_MOVED.search(str(error)))


def violates(error: exc.IntegrityError, index: str) -> bool:
    """Whether it is this unique index, and no other constraint, that refused the row.

    PostgreSQL names the index. SQLite names its columns, and only its error name tells a
    unique index from NOT NULL, FOREIGN KEY and CHECK.
    """
    diagnosis = getattr(error.orig, "diag", None)
    if diagnosis is not None:
        return diagnosis.constraint_name in (index, index + _INCOMING)
    if getattr(error.orig, "sqlite_errorname", None) != "SQLITE_CONSTRAINT_UNIQUE":
        return False
    return str(error.orig) == f"UNIQUE constraint failed: {_SQLITE_UNIQUE_COLUMNS[index]}"


def explain(connection: Connection, statement: sa.Select[Any]) -> str:
    """The plan the database makes for the statement, as text.

    PostgreSQL scans a small table whatever indexes it has; it is asked for its plan at size.
    """
    sql = statement.compile(connection, compile_kwargs={"literal_binds": True}).string
    if connection.dialect.name == "sqlite":
        rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}")
        return "\n".join(str(row.detail) for row in rows)
    connection.exec_driver_sql("SET enable_seqscan = off")
    try:
        return "\n".join(str(row[0]) for row in connection.exec_driver_sql(f"EXPLAIN {sql}"))
    finally:
        connection.exec_driver_sql("RESET enable_seqscan")


class utc_now(FunctionElement[Any]):  # noqa: N801, it reads as the SQL function that it is
    """The database's own clock: what a lease is measured by. `utc_now(30)` is in 30 s."""

    inherit_cache = True
    type = UtcDateTime()

    def __init__(self, seconds: float | sa.ColumnElement[float] = 0.0) -> None:
        given = isinstance(seconds, sa.ColumnElement)
        super().__init__(seconds if given else sa.literal(float(seconds), sa.Float))


@compiles(utc_now, "sqlite")
def _utc_now_sqlite(element: utc_now, compiler: Any, **options: Any) -> str:
    seconds = compiler.process(element.clauses, **options)
    # SQLite knows milliseconds; the zeros make it sort with what SQLAlchemy writes
    return f"(strftime('%Y-%m-%d %H:%M:%f', 'now', ({seconds}) || ' seconds') || '000')"


@compiles(utc_now, "postgresql")
def _utc_now_postgresql(element: utc_now, compiler: Any, **options: Any) -> str:
    seconds = compiler.process(element.clauses, **options)
    # clock_timestamp() is volatile: compared with it, no index can be searched, only read through
    return f"(timezone('utc', statement_timestamp()) + make_interval(secs => {seconds}))"


class seconds_since(FunctionElement[Any]):  # noqa: N801, it reads as the SQL function that it is
    """How long ago a moment was, by the database's clock; None for one that cannot be read."""

    inherit_cache = True
    type = sa.Float()


@compiles(seconds_since, "sqlite")
def _seconds_since_sqlite(element: seconds_since, compiler: Any, **options: Any) -> str:
    moment = compiler.process(element.clauses, **options)
    return SECONDS_SINCE["sqlite"].format(moment=moment)


@compiles(seconds_since, "postgresql")
def _seconds_since_postgresql(element: seconds_since, compiler: Any, **options: Any) -> str:
    moment = compiler.process(element.clauses, **options)
    return SECONDS_SINCE["postgresql"].format(moment=moment)


SECONDS_SINCE = {
    "sqlite": "((julianday('now') - julianday({moment})) * 86400.0)",
    # infinity, which a found row may hold, is no moment to count from
    "postgresql": "(CASE WHEN isfinite({moment}) THEN extract(epoch FROM "
    "timezone('utc', statement_timestamp()) - {moment})::float8 END)",
}


def alone(connection: Connection, errand: int) -> bool:
    """Whether nobody else is about this errand until the transaction ends, which writes.

    On SQLite nobody else writes at all.
    """
    if connection.dialect.name != "postgresql":
        return True
    return bool(connection.execute(sa.select(sa.func.pg_try_advisory_xact_lock(errand))).scalar())


def locked_for_claim(statement: sa.Select[Any], dialect: Dialect) -> sa.Select[Any]:
    """Let each claimer take other rows; SQLite's write lock admits one claimer anyway.

    FOR NO KEY UPDATE: a row that refers to one of these may be inserted meanwhile.
    """
    if dialect.name == "postgresql":
        return statement.with_for_update(key_share=True, skip_locked=True)
    return statement


def is_one_of(column: sa.ColumnElement[str], words: Iterable[str]) -> sa.ColumnElement[bool]:
    """The column is one of our own words, which stand in the statement as they are.

    A partial index is used only where its condition can be read off the statement: not off a
    parameter, neither by SQLite nor in a plan that PostgreSQL keeps.
    """
    written: list[sa.ColumnElement[str]]
    written = [sa.literal_column(f"'{word}'") for word in words]
    # to SQLite, IN with one word is not the equality that an index may be made for
    return column == written[0] if len(written) == 1 else column.in_(written)


def referable(connection: Connection, table: sa.Table, ids: Collection[int]) -> set[int]:
    """Those of the ids whose row stands, and stays until the transaction ends.

    A row that another transaction has locked is left out: it may be on its way out.
    """
    if not ids:
        return set()
    query = sa.select(table.c.id).where(table.c.id.in_(sorted(ids))).order_by(table.c.id)
    if connection.dialect.name == "postgresql":
        query = query.with_for_update(read=True, key_share=True, skip_locked=True)
    return set(connection.execute(query).scalars())


def adding(table: sa.Table, dialect: Dialect) -> sa.Insert:
    """The insert that adds its `number` to a row of the same primary key that stands already.

    `first_at` and `last_at`, where there are such, come to span both.
    """
    insert: sqlite.Insert | postgresql.Insert = _INSERTS[dialect.name](table)
    values = {"number": table.c.number + insert.excluded.number}
    if "last_at" in table.c:
        old, new = table.c.last_at, insert.excluded.last_at
        values["last_at"] = sa.case((new > old, new), else_=old)
    if "first_at" in table.c:
        old, new = table.c.first_at, insert.excluded.first_at
        values["first_at"] = sa.case((new < old, new), else_=old)
    return insert.on_conflict_do_update(index_elements=list(table.primary_key), set_=values)


_INSERTS: dict[str, Callable[[sa.Table], Any]] = {
    "sqlite": sqlite.insert,
    "postgresql": postgresql.insert,
}


def index_valid(connection: Connection, name: str) -> bool:
    """Whether the index is whole: PostgreSQL keeps a concurrent build that failed, invalid."""
    if connection.dialect.name != "postgresql":
        return True
    query = sa.text("SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(:name)")
    return bool(connection.execute(query, {"name": name}).scalar())


def columns(connection: Connection) -> frozenset[str]:
    """Every column there is, as `table.column`, asked in one statement.

    Asked table by table, a migration could move one between two questions.
    """
    found = connection.execute(sa.text(_COLUMNS[connection.dialect.name]))
    return frozenset(f"{table}.{column}" for table, column in found)


_COLUMNS = {
    "sqlite": "SELECT t.name, c.name FROM sqlite_master AS t, pragma_table_info(t.name) AS c",
    "postgresql": "SELECT table_name, column_name FROM information_schema.columns "
    "WHERE table_schema = current_schema()",
}
