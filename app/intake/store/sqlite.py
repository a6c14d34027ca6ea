"""The lane of SQLite."""
# ruff: noqa: S608, what is put into these texts are their own words, never from outside

import json
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import chain
from typing import Any

from app.db import begin_writing
from app.db.schema import Schema
from app.intake.store.rows import (
    ExistingExecution,
    NewExecution,
    SchemaFeatures,
    existing_columns,
    features,
)


class SqliteAdmissionStore:
    """One look-up and one transaction of SQLite.

    Each call into SQLite lets another thread have the interpreter, and waits until it is given
    back: so there are few calls, whatever the number of rows.
    """

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def find(self, schema: Schema, trigger_id: int, keys: set[str]) -> dict[str, ExistingExecution]:
        query = sqlite_standing(features(schema))
        (found,) = self._connection.execute(query, (trigger_id, json.dumps(list(keys)))).fetchone()
        return {key: ExistingExecution(*rest) for key, *rest in json.loads(found)}

    def insert(self, schema: Schema, rows: Sequence[NewExecution]) -> list[int]:
        known = features(schema)
        begin_writing(self._connection)
        try:
            ids = [id_ for some in _portions(rows) for id_ in self._inserted(known, some)]
            self._connection.execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise
        return ids

    def find_or_insert(self, schema: Schema, row: NewExecution) -> int | ExistingExecution:
        query = sqlite_standing_alone(features(schema))
        found = self._connection.execute(query, (row.trigger_id, row.key)).fetchone()
        return self.insert(schema, [row])[0] if found is None else ExistingExecution(*found)

    def is_alive(self) -> bool:
        return bool(self._connection.is_alive())

    def close(self) -> None:
        self._connection.close()

    def _inserted(self, known: SchemaFeatures, rows: Sequence[NewExecution]) -> range:
        """Their ids, in their order: no other writer can come between them."""
        execution, request = _sqlite_inserts(known, len(rows))
        fields = 4 if known.digests else 3
        said = tuple(chain.from_iterable(row[:fields] for row in rows))
        last = int(self._connection.execute(execution, said).lastrowid)
        ids = range(last - len(rows) + 1, last + 1)
        if request is not None:
            kept = ((id_, *row[4:]) for id_, row in zip(ids, rows, strict=True))
            self._connection.execute(request, tuple(chain.from_iterable(kept)))
        return ids


def _portions(rows: Sequence[NewExecution]) -> Iterator[Sequence[NewExecution]]:
    """The rows by powers of two, so that there are few texts to prepare and remember."""
    done = 0
    while done < len(rows):
        size = 1 << ((len(rows) - done).bit_length() - 1)
        yield rows[done : done + size]
        done += size


@lru_cache(maxsize=8)
def sqlite_standing(shape: SchemaFeatures) -> str:
    """The text of the look-up: trigger, and the keys as a JSON list; a JSON list is its answer."""
    return (
        "WITH known (key, id, digest, status, finished_seconds) AS ("
        f"SELECT idempotency_key, id, {existing_columns(shape, 'sqlite')} "
        "FROM trigger_executions WHERE trigger_id = ?1 "
        "AND idempotency_key IN (SELECT value FROM json_each(?2))"
        f"{' AND replay_of_id IS NULL' if shape.replays else ''}) "
        "SELECT json_group_array(json_array(key, id, digest, status, finished_seconds)) FROM known"
    )


@lru_cache(maxsize=8)
def sqlite_standing_alone(shape: SchemaFeatures) -> str:
    """The text of the look-up of one: trigger, and the key; a Standing is its answer."""
    return (
        f"SELECT id, {existing_columns(shape, 'sqlite')} "
        "FROM trigger_executions WHERE trigger_id = ?1 AND idempotency_key = ?2"
        f"{' AND replay_of_id IS NULL' if shape.replays else ''}"
    )


@lru_cache(maxsize=64)
def _sqlite_inserts(shape: SchemaFeatures, number: int) -> tuple[str, str | None]:
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
