"""The lane of PostgreSQL."""
# ruff: noqa: S608, what is put into these texts are their own words, never from outside

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from psycopg import errors, generators, pq

from app.db import ONLY_BY_KEY
from app.db.schema import Schema
from app.intake.store.rows import (
    ExistingExecution,
    NewExecution,
    SchemaFeatures,
    existing_columns,
    features,
)

_INTEGER, _TEXT, _BYTEA = 23, 25, 17
_TYPES = [_INTEGER, _TEXT, _TEXT, _TEXT, _TEXT, _TEXT, _BYTEA]
"""Of the fields of a Row, as PostgreSQL numbers them."""
_BINARY = [pq.Format.BINARY] * len(_TYPES)
_DONE = frozenset({pq.ExecStatus.COMMAND_OK, pq.ExecStatus.TUPLES_OK})


class PostgresqlAdmissionStore:
    """One look-up and one statement of PostgreSQL, each its own transaction."""

    def __init__(self, connection: Any) -> None:
        """Each statement commits by itself: no round trip for BEGIN, none for COMMIT."""
        connection.autocommit = True
        self._connection = connection
        said = connection.info.encoding
        self._encoding = "utf-8" if said == "ascii" else said  # which is what SQL_ASCII is called
        self._prepared: dict[str, bytes] = {}

    def find(self, schema: Schema, trigger_id: int, keys: set[str]) -> dict[str, ExistingExecution]:
        query = postgresql_standing(features(schema))
        found = self._connection.execute(query, (trigger_id, list(keys))).fetchall()
        return {key: ExistingExecution(*rest) for key, *rest in found}

    def insert(self, schema: Schema, rows: Sequence[NewExecution]) -> list[int]:
        columns = [list(column) for column in zip(*rows, strict=True)]
        made = self._connection.execute(_postgresql_insert(features(schema)), columns)
        return [id_ for (id_,) in made.fetchall()]

    def find_or_insert(self, schema: Schema, row: NewExecution) -> int | ExistingExecution:
        """In one statement: with one event under way, the way there and back is what takes long.

        So does what a cursor does for a statement of any kind: this one is handed to libpq.
        """
        name = self._named(postgresql_entering(features(schema)))
        given = [self._binary(value) for value in row]
        self._connection.pgconn.send_query_prepared(name, given, _BINARY, pq.Format.TEXT)
        made, *standing = self._row(self._result())
        if made is not None:
            return int(made)
        id_, digest, status, finished_seconds = standing
        finished = None if finished_seconds is None else float(finished_seconds)
        return ExistingExecution(int(id_), digest, status, finished)

    def is_alive(self) -> bool:
        return bool(self._connection.is_alive())

    def close(self) -> None:
        self._connection.close()

    def _named(self, text: str) -> bytes:
        """The name that the text was prepared by on this connection."""
        if text not in self._prepared:
            name = f"lane_{len(self._prepared)}".encode()
            self._connection.pgconn.send_prepare(name, text.encode(), _TYPES)
            self._result()
            self._prepared[text] = name
        return self._prepared[text]

    def _binary(self, value: int | str | bytes | None) -> bytes | None:
        """In text format a zero byte would end a text, and nobody would know."""
        if isinstance(value, int):
            return value.to_bytes(4, signed=True)
        return value.encode(self._encoding) if isinstance(value, str) else value

    def _result(self) -> Any:
        results = self._connection.wait(generators.execute(self._connection.pgconn))
        for each in results:  # a commit that fails says so after the rows
            if each.status not in _DONE:
                raise errors.error_from_result(each, self._encoding)
        return results[0]

    def _row(self, result: Any) -> list[Any]:
        values = (result.get_value(0, column) for column in range(result.nfields))
        return [None if value is None else value.decode(self._encoding) for value in values]


@lru_cache(maxsize=8)
def postgresql_standing(shape: SchemaFeatures) -> str:
    """The text of the look-up: trigger, and the keys."""
    return (
        f"SELECT idempotency_key, id, {existing_columns(shape, 'postgresql')} "
        "FROM trigger_executions WHERE trigger_id = %s AND idempotency_key = ANY(%s)"
        f" AND {ONLY_BY_KEY}"
        f"{' AND replay_of_id IS NULL' if shape.replays else ''}"
    )


@lru_cache(maxsize=8)
def _postgresql_insert(shape: SchemaFeatures) -> str:
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
def postgresql_entering(shape: SchemaFeatures) -> str:
    """The look-up, and the insert where it finds nothing; the fields of a Row in their order."""
    said = {"trigger_id": "$1", "event_data": "$2", "idempotency_key": "$3", "payload_digest": "$4"}
    columns = _postgresql_columns(shape)
    del columns["id"]
    values = ", ".join(said.get(name, value) for name, value in columns.items())
    requests = (
        ", kept AS (INSERT INTO execution_requests (execution_id, content_type, headers, body) "
        "SELECT id, $5, $6, $7 FROM made)"
    )
    return (
        "WITH standing (id, digest, status, finished_seconds) AS MATERIALIZED ("
        f"SELECT id, {existing_columns(shape, 'postgresql')} "
        "FROM trigger_executions WHERE trigger_id = $1 AND idempotency_key = $3"
        f" AND {ONLY_BY_KEY}"
        f"{' AND replay_of_id IS NULL' if shape.replays else ''}), "
        f"made AS (INSERT INTO trigger_executions ({', '.join(columns)}) "
        f"SELECT {values} WHERE NOT EXISTS (SELECT FROM standing) RETURNING id)"
        f"{requests if shape.requests else ''} "
        "SELECT id, NULL::bigint, NULL, NULL, NULL::float8 FROM made UNION ALL "
        "SELECT NULL, id, digest::text, status, finished_seconds::float8 FROM standing"
    )


def _postgresql_columns(shape: SchemaFeatures) -> dict[str, str]:
    """What a new execution says in each column, by the names of a Row's fields in `given`."""
    now = "timezone('utc', statement_timestamp())"
    columns = {"id": "id", "trigger_id": "trigger_id", "event_data": "event_data"}
    columns |= {"status": "'pending'", "idempotency_key": "idempotency_key"}
    columns |= {"next_attempt_at": now} if shape.scheduled else {}
    columns |= {"received_at": now, "payload_digest": "payload_digest"} if shape.digests else {}
    return columns
