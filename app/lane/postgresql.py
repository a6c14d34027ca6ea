"""The lane of PostgreSQL."""
# ruff: noqa: S608, what is put into these texts are their own words, never from outside

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from app.lane.rows import Row, Shape, Standing, shape, told
from app.revision import Schema


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
        f"SELECT idempotency_key, id, {told(shape, 'postgresql')} "
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
        f"SELECT id, {told(shape, 'postgresql')} "
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
