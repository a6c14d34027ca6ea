"""Statements on one database of a move, by the driver itself: both databases by one interface.

The layer above would turn values into other types, and no row may change on its way.
"""
# ruff: noqa: S608, the names in these statements are the database's own, and quoted

import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import islice
from typing import Any, ClassVar

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.schema import CreateIndex, CreateTable

from app.db.moving.values import decoded, decoded_with_replacement
from app.errors import CannotMove, SessionNeeded

FETCHED_ROWS = 50
"""Rows that PostgreSQL sends at a time, if their sizes are not known."""
FETCHED_BYTES = 2_097_152
"""Bytes of text and bodies after which PostgreSQL sends no more rows at a time."""
WEIGHED_ROWS = 2_000
"""Rows of which PostgreSQL sends the sizes at a time, before the rows themselves."""

Row = tuple[Any, ...]


def quoted(name: str) -> str:
    """Return the name as a quoted identifier."""
    return '"' + name.replace('"', '""') + '"'


def listed(names: Iterable[str]) -> str:
    """Return the names as quoted identifiers with commas between them."""
    return ", ".join(map(quoted, names))


class DriverSession(ABC):
    """An open connection that runs each statement at once, or in a transaction of `transaction`."""

    kind: ClassVar[str]
    row_key: ClassVar[str]
    """Column by which the rows of a table without a primary key are found."""

    def __init__(self, connection: Connection, name: str) -> None:
        self.connection = connection
        self.name = name
        self.raw: Any = connection.connection.driver_connection

    @property
    def dialect(self) -> sa.Dialect:
        """Return the dialect in which SQLAlchemy writes statements for this database."""
        return self.connection.dialect

    def create(self, table: sa.Table) -> None:
        """Create the table and its indexes, in the open transaction."""
        self.execute(str(CreateTable(table).compile(dialect=self.dialect)))
        for index in table.indexes:
            self.execute(str(CreateIndex(index).compile(dialect=self.dialect)))

    @property
    def inspector(self) -> sa.Inspector:
        """Return an inspector of the database as it is now."""
        return sa.inspect(self.connection)

    @abstractmethod
    def execute(self, sql: str, values: Sequence[Any] = ()) -> list[Row]:
        """Run a statement with `?` for each value; return its rows."""

    @abstractmethod
    def stream(self, sql: str, values: Sequence[Any] = (), weights: str = "") -> Iterator[Row]:
        """Yield the rows of a query, few of them in memory; for use in `snapshot`.

        `weights` is a query for the bytes of each of these rows, in the same order.
        """

    def weight(self, columns: Sequence[str], types: Sequence[sa.types.TypeEngine[Any]]) -> str:
        """Return the expression of the bytes of text and bodies in a row."""
        sized = [
            f"coalesce(octet_length({quoted(name)}), 0)"
            for name, kind in zip(columns, types, strict=True)
            if isinstance(kind, sa.String | sa.LargeBinary | sa.types._Binary)
        ]
        return " + ".join(sized) or "0"

    @abstractmethod
    def insert(self, table: str, columns: Sequence[str], rows: Sequence[Row]) -> None:
        """Insert rows that the table does not have."""

    @abstractmethod
    def merge(
        self, table: str, columns: Sequence[str], rows: Sequence[Row], key: Sequence[str] = ()
    ) -> None:
        """Insert rows; one that exists is changed if it has the key, and left alone without one."""

    @abstractmethod
    def selected(self, column: str, kind: sa.types.TypeEngine[Any]) -> str:
        """Return the expression that reads a column in the form that `values` expects."""

    @abstractmethod
    def transaction(self) -> Any:
        """Return a context manager for a transaction that writes."""

    @abstractmethod
    def snapshot(self) -> Any:
        """Return a context manager in which every query sees the database of one moment."""

    @contextmanager
    def _between(self, begin: str) -> Iterator[None]:
        self.execute(begin)
        try:
            yield
            self.execute("COMMIT")
        except BaseException:
            with suppress(CannotMove):  # the first error says more, and may have rolled back
                self.execute("ROLLBACK")
            raise

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """Raise CannotMove, with the name of the database, for an error of the driver."""
        try:
            yield
        except self.dialect.loaded_dbapi.Error as error:
            reason = " ".join(str(error).split())
            raise CannotMove(
                f"{self.name}: {reason}; what was copied stays copied, run the same command again "
                "once the cause is gone"
            ) from error


def _conflict(columns: Sequence[str], key: Sequence[str]) -> str:
    """Return the end of an INSERT that says what to do about a row that exists."""
    others = [f"{quoted(name)} = excluded.{quoted(name)}" for name in columns if name not in key]
    if not key or not others:
        return "ON CONFLICT DO NOTHING"
    return f"ON CONFLICT ({listed(key)}) DO UPDATE SET {', '.join(others)}"


def _counts(weights: Iterable[Row]) -> Iterator[int]:
    """Yield numbers of rows to fetch at a time, given the bytes of each of them."""
    count = size = 0
    for (weight,) in weights:
        if count and size + weight > FETCHED_BYTES:
            yield count
            count = size = 0
        count += 1
        size += weight
    yield count


class SqliteDriverSession(DriverSession):
    """A connection to a SQLite file; it checks no foreign key, the comparison does that."""

    kind = "sqlite"
    row_key = "rowid"

    def __init__(self, connection: Connection, name: str, *, replace_text: bool = False) -> None:
        super().__init__(connection, name)
        self.raw.text_factory = decoded_with_replacement if replace_text else str
        self.raw.execute("PRAGMA foreign_keys = OFF")

    def execute(self, sql: str, values: Sequence[Any] = ()) -> list[Row]:
        with self._translated():
            try:
                return list(self.raw.execute(sql, values))
            except sqlite3.OperationalError as error:
                self._decode_here(error)
                return list(self.raw.execute(sql, values))

    def stream(self, sql: str, values: Sequence[Any] = (), weights: str = "") -> Iterator[Row]:  # noqa: ARG002
        with self._translated():
            count = 0
            try:
                for row in self.raw.execute(sql, values):
                    yield row
                    count += 1
            except sqlite3.OperationalError as error:
                self._decode_here(error)
                yield from islice(self.raw.execute(sql, values), count, None)

    def _decode_here(self, error: sqlite3.OperationalError) -> None:
        """Mark text that is not UTF-8 from now on; raise the error if it is another one.

        A function of Python for each text takes a third of the time of a move, so it is called
        only once there is such a text.
        """
        if self.raw.text_factory is not str or "decode to UTF-8" not in str(error):
            raise error
        self.raw.text_factory = decoded

    def insert(self, table: str, columns: Sequence[str], rows: Sequence[Row]) -> None:
        self._insert(table, columns, rows, "")

    def merge(
        self, table: str, columns: Sequence[str], rows: Sequence[Row], key: Sequence[str] = ()
    ) -> None:
        self._insert(table, columns, rows, _conflict(columns, key))

    def _insert(self, table: str, columns: Sequence[str], rows: Sequence[Row], end: str) -> None:
        marks = ", ".join("?" * len(columns))
        sql = f"INSERT INTO {quoted(table)} ({listed(columns)}) VALUES ({marks}) {end}"
        with self._translated():
            self.raw.executemany(sql, rows)

    def selected(self, column: str, kind: sa.types.TypeEngine[Any]) -> str:  # noqa: ARG002
        return quoted(column)

    def transaction(self) -> Any:
        return self._between("BEGIN IMMEDIATE")

    def snapshot(self) -> Any:
        return self._between("BEGIN")


class PostgresqlDriverSession(DriverSession):
    """A session of PostgreSQL without a time limit for statements: some read whole tables."""

    kind = "postgresql"
    row_key = "ctid"

    def __init__(self, connection: Connection, name: str) -> None:
        super().__init__(connection, name)
        if self.raw.pooled:
            raise SessionNeeded(
                f"{name} is reached through a pooler, and a move needs a session of its own; "
                "nothing was changed. Give the URL of PostgreSQL itself: of the old database in "
                "HOOKONCE_DIRECT_DATABASE_URL, of the new one with --to"
            )
        self.raw.rollback()
        self.raw.autocommit = True
        self.execute("SET statement_timeout = 0")

    def execute(self, sql: str, values: Sequence[Any] = ()) -> list[Row]:
        with self._translated():
            cursor = self.raw.execute(sql.replace("?", "%s") if values else sql, values or None)
            return cursor.fetchall() if cursor.description else []

    def stream(self, sql: str, values: Sequence[Any] = (), weights: str = "") -> Iterator[Row]:
        with self._translated(), self._cursor("rows", sql, values) as cursor:
            if not weights:
                cursor.itersize = FETCHED_ROWS
                yield from cursor
                return
            with self._cursor("weights", weights, values) as weighed:
                while some := weighed.fetchmany(WEIGHED_ROWS):
                    for count in _counts(some):
                        yield from cursor.fetchmany(count)

    @contextmanager
    def _cursor(self, name: str, sql: str, values: Sequence[Any]) -> Iterator[Any]:
        """Yield a cursor of the server that has run the query."""
        with self.raw.cursor(name=f"hookonce_move_{name}") as cursor:
            cursor.execute(sql.replace("?", "%s") if values else sql, values or None)
            yield cursor

    def insert(self, table: str, columns: Sequence[str], rows: Sequence[Row]) -> None:
        sql = f"COPY {quoted(table)} ({listed(columns)}) FROM STDIN"
        with self._translated(), self.raw.cursor() as cursor, cursor.copy(sql) as copy:
            for row in rows:
                copy.write_row(row)

    def merge(
        self, table: str, columns: Sequence[str], rows: Sequence[Row], key: Sequence[str] = ()
    ) -> None:
        names = listed(columns)
        self.execute(
            f"CREATE TEMP TABLE _move_rows ON COMMIT DROP AS "
            f"SELECT {names} FROM {quoted(table)} WHERE false"
        )
        self.insert("_move_rows", columns, rows)
        self.execute(
            f"INSERT INTO {quoted(table)} ({names}) SELECT {names} FROM _move_rows "
            f"{_conflict(columns, key)}"
        )
        self.execute("DROP TABLE _move_rows")

    def selected(self, column: str, kind: sa.types.TypeEngine[Any]) -> str:
        name = quoted(column)
        if isinstance(kind, sa.Boolean):
            return f"({name})::int"
        if isinstance(kind, sa.DateTime):
            time = f"({name} AT TIME ZONE 'UTC')" if kind.timezone else name
            return (
                f"CASE WHEN {time} >= '0001-01-01' AND {time} < '10000-01-01' "
                f"THEN to_char({time}, 'YYYY-MM-DD HH24:MI:SS.US') ELSE {time}::text END"
            )
        return name

    def transaction(self) -> Any:
        return self._between("BEGIN")

    def snapshot(self) -> Any:
        return self._between("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
