"""Admission store of SQLite: one look-up, and one transaction of few statements."""
# ruff: noqa: S608, the texts are put together from our own column names, never from outside

import json
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from itertools import chain
from operator import itemgetter
from typing import Any, NamedTuple

from app.db import begin_writing
from app.db.schema import Schema
from app.errors import SchemaMoved
from app.executions.creation import NewExecution
from app.intake.store import texts
from app.intake.store.interface import ExistingExecution

_NOW = "strftime('%Y-%m-%d %H:%M:%f', 'now') || '000'"
"""The current time in milliseconds, with zeros so that it sorts with what SQLAlchemy writes."""


class SqliteStatements:
    """Look-up and insert of SQLite, in whatever transaction `execute` has.

    Each call into SQLite lets another thread have the interpreter, and waits until it is given
    back: so there are few calls, however many rows there are.
    """

    def __init__(self, execute: Callable[[str, tuple[Any, ...]], Any]) -> None:
        self._execute = execute

    def find(self, schema: Schema, trigger_id: int, keys: set[str]) -> dict[str, ExistingExecution]:
        """Look the keys up; they are passed and answered as one JSON list."""
        parameters = (trigger_id, json.dumps(list(keys)))
        (rows,) = self._execute(find_text(schema), parameters).fetchone()
        return {key: ExistingExecution(*existing) for key, *existing in json.loads(rows)}

    def insert(self, schema: Schema, rows: Sequence[NewExecution]) -> list[int]:
        """Insert the rows; their ids follow each other, since SQLite has one writer at a time."""
        self._require_index(schema)
        return [id_ for some in _portions(rows) for id_ in self._insert(schema, some)]

    def _require_index(self, schema: Schema) -> None:
        """Raise SchemaMoved if the unique index may have changed in the wait for the lock."""
        (version,) = self._execute("PRAGMA schema_version", ()).fetchone()
        if version != schema.index.version:
            raise SchemaMoved("the schema was changed since it was last read")

    def _insert(self, schema: Schema, rows: Sequence[NewExecution]) -> range:
        statements = _insert_statements(schema, len(rows))
        parameters = tuple(chain.from_iterable(map(statements.execution_values, rows)))
        last = int(self._execute(statements.execution, parameters).lastrowid)
        ids = range(last - len(rows) + 1, last + 1)
        if statements.request is not None:
            requests = zip(ids, map(statements.request_values, rows), strict=True)
            parameters = tuple(chain.from_iterable((id_, *values) for id_, values in requests))
            self._execute(statements.request, parameters)
        return ids


class SqliteAdmissionStore(SqliteStatements):
    """Admission store on a driver's connection to SQLite."""

    def __init__(self, connection: Any) -> None:
        super().__init__(connection.execute)
        self._connection = connection

    def insert(self, schema: Schema, rows: Sequence[NewExecution]) -> list[int]:
        """Insert the rows in a transaction of their own."""
        begin_writing(self._connection)
        try:
            ids = super().insert(schema, rows)
            self._connection.execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise
        return ids

    def find_or_insert(self, schema: Schema, row: NewExecution) -> int | ExistingExecution:
        """Look the key up outside any transaction, and insert the row if there is none."""
        parameters = (row.trigger_id, row.idempotency_key)
        existing = self._connection.execute(find_one_text(schema), parameters).fetchone()
        return self.insert(schema, [row])[0] if existing is None else ExistingExecution(*existing)

    def is_alive(self) -> bool:
        """Return whether the file that is open is still the database's."""
        return bool(self._connection.is_alive())

    def close(self) -> None:
        """Close the connection; an open transaction is rolled back first, and its lock released."""
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")
        self._connection.close()


class _InsertStatements(NamedTuple):
    """Texts that insert a number of rows, and the functions that pick each one's parameters."""

    execution: str
    execution_values: Callable[[NewExecution], tuple[Any, ...]]
    request: str | None = None
    """None where the schema has no table of requests."""
    request_values: Callable[[NewExecution], tuple[Any, ...]] = tuple


def _portions(rows: Sequence[NewExecution]) -> Iterator[Sequence[NewExecution]]:
    """Yield the rows by powers of two, so that there are few texts to prepare and remember."""
    done = 0
    while done < len(rows):
        size = 1 << ((len(rows) - done).bit_length() - 1)
        yield rows[done : done + size]
        done += size


@lru_cache(maxsize=8)
def find_text(schema: Schema) -> str:
    """Return the look-up of several keys: trigger id and keys as a JSON list; one JSON list."""
    keys = "IN (SELECT value FROM json_each(?2))"
    look_up = texts.look_up(schema, "sqlite", keys, trigger_id="?1", first="idempotency_key, ")
    return (
        f"WITH existing (key, id, digest, status, finished_seconds) AS ({look_up}) "
        "SELECT json_group_array(json_array(key, id, digest, status, finished_seconds)) "
        "FROM existing"
    )


@lru_cache(maxsize=8)
def find_one_text(schema: Schema) -> str:
    """Return the look-up of one key: trigger id and key; the fields of an ExistingExecution."""
    return texts.look_up(schema, "sqlite", "= ?2", trigger_id="?1")


@lru_cache(maxsize=64)
def _insert_statements(schema: Schema, count: int) -> _InsertStatements:
    values = texts.execution_values(schema, lambda _name: "?", _NOW)
    execution = _insert_text("trigger_executions", values, count)
    execution_values = _picker(texts.execution_fields(schema))
    fields = texts.request_fields(schema)
    if not fields:
        return _InsertStatements(execution, execution_values)
    request = dict.fromkeys(["execution_id", *fields], "?")
    text = _insert_text("execution_requests", request, count)
    return _InsertStatements(execution, execution_values, text, _picker(fields))


def _insert_text(table: str, values: dict[str, str], count: int) -> str:
    rows = ", ".join([f"({', '.join(values.values())})"] * count)
    return f"INSERT INTO {table} ({', '.join(values)}) VALUES {rows}"


def _picker(fields: list[str]) -> Callable[[NewExecution], tuple[Any, ...]]:
    """Return the function that returns the values of these fields of a row."""
    return itemgetter(*map(NewExecution._fields.index, fields))
