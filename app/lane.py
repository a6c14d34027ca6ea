"""The short way to the database for what every webhook asks: the driver itself, with fixed texts.

For a handful of rows SQLAlchemy's own work per statement and transaction is several times the
database's. What is asked here is small and asked for every request, so it is said directly;
everything else goes the ordinary way. The connections are the pool's, and are checked as its are.
"""
# ruff: noqa: S608, what is put into these texts are their own words, never from outside

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from itertools import chain
from typing import Any, NamedTuple, Protocol, cast

from sqlalchemy.engine import Engine
from sqlalchemy.pool import PoolProxiedConnection, QueuePool

from app import waiting
from app.db import SECONDS_SINCE, Database, begin_writing, in_our_words
from app.errors import HookonceError
from app.revision import Schema


class RowRefused(HookonceError):
    """A row of the batch broke a constraint, and nothing of the batch was kept."""


class Standing(NamedTuple):
    """An execution that a key was admitted as."""

    id: int
    digest: str | None
    """Of the payload that it was admitted with; None for what older code has written."""
    status: str
    finished_seconds: float | None = None
    """How long ago it finished; None if it has not, and for what older code has written."""


class Row(NamedTuple):
    """An execution to be, with the request that it comes from."""

    trigger_id: int
    event_data: str
    key: str | None
    digest: str | None
    content_type: str | None
    headers: str
    body: bytes


class Shape(NamedTuple):
    """What of the newest schema there is, as far as these statements go."""

    scheduled: bool
    requests: bool
    replays: bool
    digests: bool


class Lane(Protocol):
    """One database's way of saying it."""

    def standing(self, schema: Schema, trigger_id: int, keys: set[str]) -> dict[str, Standing]:
        """The execution that each of the keys was admitted as, for those that were.

        Raises DatabaseUnavailable or SchemaMoved.
        """

    def insert(self, schema: Schema, rows: Sequence[Row]) -> list[int]:
        """The ids of the rows' executions, committed together.

        Raises RowRefused, DatabaseUnavailable or SchemaMoved; then none was kept.
        """

    def enter(self, schema: Schema, row: Row) -> int | Standing:
        """The id of the row's execution, committed; or what its key was admitted as before.

        Raises as `insert`.
        """


@contextmanager
def opened(database: Database) -> Iterator[Lane]:
    """The lane of this database, on one connection until the block ends."""
    with _driver(database) as connection, _LANES[database.engine.dialect.name](connection) as lane:
        yield lane


def shape(schema: Schema) -> Shape:
    """What the statements may name."""
    return Shape(
        scheduled=schema.has("trigger_executions", "next_attempt_at"),
        requests=schema.has("execution_requests", "body"),
        replays=schema.has("trigger_executions", "replay_of_id"),
        digests=schema.has("trigger_executions", "payload_digest"),
    )


@contextmanager
def _driver(database: Database) -> Iterator[Any]:
    """A connection of the driver. After an error that is no refusal it is not used again."""
    dbapi: Any = database.engine.dialect.loaded_dbapi
    with in_our_words(dbapi.Error):
        pooled = _pooled(database.engine)
        try:
            yield pooled.driver_connection
        except (dbapi.IntegrityError, dbapi.DataError) as error:
            raise RowRefused(str(error)) from error
        except RowRefused:
            raise
        except BaseException:
            pooled.invalidate()
            raise
        finally:
            pooled.close()


def _pooled(engine: Engine) -> PoolProxiedConnection:
    """A connection that is at hand; one that is to be made, or waited for, comes from elsewhere."""
    at_hand = cast(QueuePool, engine.pool).checkedin()
    return engine.raw_connection() if at_hand else waiting.elsewhere(engine.raw_connection)


class SqliteLane:
    """One look-up and one transaction of SQLite.

    Each call into SQLite lets another thread have the interpreter, and waits until it is given
    back: so there are few calls, whatever the number of rows.
    """

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def __enter__(self) -> "SqliteLane":
        return self

    def __exit__(self, *_: object) -> None:
        """The connection is as it was."""

    def standing(self, schema: Schema, trigger_id: int, keys: set[str]) -> dict[str, Standing]:
        query = sqlite_standing(shape(schema))
        (found,) = self._connection.execute(query, (trigger_id, json.dumps(list(keys)))).fetchone()
        return {key: Standing(*rest) for key, *rest in json.loads(found)}

    def insert(self, schema: Schema, rows: Sequence[Row]) -> list[int]:
        known = shape(schema)
        begin_writing(self._connection)
        try:
            ids = [id_ for some in _portions(rows) for id_ in self._inserted(known, some)]
            self._connection.execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise
        return ids

    def enter(self, schema: Schema, row: Row) -> int | Standing:
        known = self.standing(schema, row.trigger_id, {row.key}) if row.key is not None else {}
        return known[row.key] if row.key in known else self.insert(schema, [row])[0]

    def _inserted(self, known: Shape, rows: Sequence[Row]) -> range:
        """Their ids, in their order: no other writer can come between them."""
        execution, request = _sqlite_inserts(known, len(rows))
        told = 4 if known.digests else 3
        said = tuple(chain.from_iterable(row[:told] for row in rows))
        last = int(self._connection.execute(execution, said).lastrowid)
        ids = range(last - len(rows) + 1, last + 1)
        if request is not None:
            kept = ((id_, *row[4:]) for id_, row in zip(ids, rows, strict=True))
            self._connection.execute(request, tuple(chain.from_iterable(kept)))
        return ids


def _portions(rows: Sequence[Row]) -> Iterator[Sequence[Row]]:
    """The rows by powers of two, so that there are few texts to prepare and remember."""
    done = 0
    while done < len(rows):
        size = 1 << ((len(rows) - done).bit_length() - 1)
        yield rows[done : done + size]
        done += size


@lru_cache(maxsize=8)
def sqlite_standing(shape: Shape) -> str:
    """The text of the look-up: trigger, and the keys as a JSON list; a JSON list is its answer."""
    return (
        "WITH known (key, id, digest, status, finished_seconds) AS ("
        f"SELECT idempotency_key, id, {_told(shape, 'sqlite')} "
        "FROM trigger_executions WHERE trigger_id = ?1 "
        "AND idempotency_key IN (SELECT value FROM json_each(?2))"
        f"{' AND replay_of_id IS NULL' if shape.replays else ''}) "
        "SELECT json_group_array(json_array(key, id, digest, status, finished_seconds)) FROM known"
    )


@lru_cache(maxsize=64)
def _sqlite_inserts(shape: Shape, number: int) -> tuple[str, str | None]:
    """The texts for so many executions, and for their requests; a row's fields in their order."""
    # milliseconds, with zeros so that it sorts with what SQLAlchemy writes
    now = "strftime('%Y-%m-%d %H:%M:%f', 'now') || '000'"
    columns = {"trigger_id": "?", "event_data": "?", "idempotency_key": "?"}
    columns |= {"payload_digest": "?"} if shape.digests else {}
    columns |= {"status": "'pending'"}
    columns |= {"next_attempt_at": now} if shape.scheduled else {}
    columns |= {"received_at": now} if shape.digests else {}
    row = f"({', '.join(columns.values())})"
    execution = (
        f"INSERT INTO trigger_executions ({', '.join(columns)}) VALUES {_times(number, row)}"
    )
    request = "INSERT INTO execution_requests (execution_id, content_type, headers, body) VALUES "
    return execution, request + _times(number, "(?, ?, ?, ?)") if shape.requests else None


def _times(number: int, row: str) -> str:
    return ", ".join([row] * number)


class PostgresqlLane:
    """One look-up and one statement of PostgreSQL, each its own transaction."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def __enter__(self) -> "PostgresqlLane":
        """Each statement commits by itself: no round trip for BEGIN, none for COMMIT."""
        self._connection.autocommit = True
        return self

    def __exit__(self, *_: object) -> None:
        if not self._connection.closed:
            self._connection.autocommit = False

    def standing(self, schema: Schema, trigger_id: int, keys: set[str]) -> dict[str, Standing]:
        query = postgresql_standing(shape(schema))
        found = self._connection.execute(query, (trigger_id, list(keys))).fetchall()
        return {key: Standing(*rest) for key, *rest in found}

    def insert(self, schema: Schema, rows: Sequence[Row]) -> list[int]:
        columns = [list(column) for column in zip(*rows, strict=True)]
        made = self._connection.execute(_postgresql_insert(shape(schema)), columns)
        return [id_ for (id_,) in made.fetchall()]

    def enter(self, schema: Schema, row: Row) -> int | Standing:
        """In one statement: with one event under way, the way there and back is what takes long."""
        found = self._connection.execute(_postgresql_entering(shape(schema)), row._asdict())
        made, *standing = found.fetchone()
        return Standing(*standing) if made is None else int(made)


@lru_cache(maxsize=8)
def postgresql_standing(shape: Shape) -> str:
    """The text of the look-up: trigger, and the keys."""
    return (
        f"SELECT idempotency_key, id, {_told(shape, 'postgresql')} "
        "FROM trigger_executions WHERE trigger_id = %s AND idempotency_key = ANY(%s)"
        f"{' AND replay_of_id IS NULL' if shape.replays else ''}"
    )


@lru_cache(maxsize=8)
def _postgresql_insert(shape: Shape) -> str:
    """Ids first, so that both tables are filled by one statement; in the order of the rows.

    Keys enter the index in their own order: two processes that bring the same ones never wait for
    each other in a circle.
    """
    columns = _postgresql_columns(shape)
    requests = (
        ", kept AS (INSERT INTO execution_requests (execution_id, content_type, headers, body) "
        "SELECT id, content_type, headers, body FROM given)"
    )
    return (
        "WITH given AS MATERIALIZED ("
        "SELECT nextval(pg_get_serial_sequence('trigger_executions', 'id')) AS id, said.* "
        "FROM unnest(%s::integer[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[], "
        "%s::bytea[]) WITH ORDINALITY AS said (trigger_id, event_data, idempotency_key, "
        "payload_digest, content_type, headers, body, place)), "
        f"made AS (INSERT INTO trigger_executions ({', '.join(columns)}) "
        f"SELECT {', '.join(columns.values())} FROM given ORDER BY trigger_id, idempotency_key)"
        f"{requests if shape.requests else ''} SELECT id FROM given ORDER BY place"
    )


@lru_cache(maxsize=8)
def _postgresql_entering(shape: Shape) -> str:
    """The look-up, and the insert where it finds nothing."""
    said = {
        "trigger_id": "%(trigger_id)s::integer",
        "event_data": "%(event_data)s::text",
        "idempotency_key": "%(key)s::text",
        "payload_digest": "%(digest)s::text",
    }
    columns = {name: said.get(value, value) for name, value in _postgresql_columns(shape).items()}
    requests = (
        ", kept AS (INSERT INTO execution_requests (execution_id, content_type, headers, body) "
        "SELECT id, %(content_type)s::text, %(headers)s::text, %(body)s::bytea FROM given)"
    )
    return (
        "WITH standing (id, digest, status, finished_seconds) AS MATERIALIZED ("
        f"SELECT id, {_told(shape, 'postgresql')} "
        "FROM trigger_executions "
        "WHERE trigger_id = %(trigger_id)s::integer AND idempotency_key = %(key)s::text"
        f"{' AND replay_of_id IS NULL' if shape.replays else ''}), "
        "given AS MATERIALIZED ("
        "SELECT nextval(pg_get_serial_sequence('trigger_executions', 'id')) AS id "
        "WHERE NOT EXISTS (SELECT FROM standing)), "
        f"made AS (INSERT INTO trigger_executions ({', '.join(columns)}) "
        f"SELECT {', '.join(columns.values())} FROM given)"
        f"{requests if shape.requests else ''} "
        "SELECT id, NULL::bigint, NULL, NULL, NULL::float8 FROM given UNION ALL "
        "SELECT NULL, id, digest::text, status, finished_seconds::float8 FROM standing"
    )


def _postgresql_columns(shape: Shape) -> dict[str, str]:
    """What a new execution says in each column, by the names of a Row's fields in `given`."""
    now = "timezone('utc', statement_timestamp())"
    columns = {"id": "id", "trigger_id": "trigger_id", "event_data": "event_data"}
    columns |= {"status": "'pending'", "idempotency_key": "idempotency_key"}
    columns |= {"next_attempt_at": now} if shape.scheduled else {}
    columns |= {"received_at": now, "payload_digest": "payload_digest"} if shape.digests else {}
    return columns


def _told(shape: Shape, kind: str) -> str:
    """The rest of a Standing; a row that does not say when it was received has no known age."""
    if not shape.digests:
        return "NULL, status, NULL"
    age = SECONDS_SINCE[kind].format(moment="completed_at")
    return f"payload_digest, status, CASE WHEN received_at IS NOT NULL THEN {age} END"


_LANES: dict[str, type[SqliteLane] | type[PostgresqlLane]] = {
    "sqlite": SqliteLane,
    "postgresql": PostgresqlLane,
}
