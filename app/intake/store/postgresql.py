"""Admission store of PostgreSQL: each call is one statement, which commits by itself."""
# ruff: noqa: S608, the texts are put together from our own column names, never from outside

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

from psycopg import errors, generators, pq

from app.db.models import execution_requests, trigger_executions
from app.db.schema import Schema
from app.errors import SchemaMoved
from app.executions.creation import EXECUTION_FIELDS, NewExecution
from app.intake.store import texts
from app.intake.store.interface import ExistingExecution

NOW = "timezone('utc', statement_timestamp())"
_TYPE_NAMES: dict[type[Any], str] = {int: "integer", str: "text", bytes: "bytea"}
_OIDS = {"integer": 23, "text": 25, "bytea": 17}
"""The numbers by which the protocol names the types."""


def _type_of(field: str) -> str:
    table = trigger_executions if field in EXECUTION_FIELDS else execution_requests
    return _TYPE_NAMES[table.c[field].type.python_type]


_TYPES = {name: _type_of(name) for name in NewExecution._fields}
"""PostgreSQL's type of each field of a NewExecution."""
_TYPE_OIDS = [_OIDS[name] for name in _TYPES.values()]
_BINARY = [pq.Format.BINARY] * len(_TYPES)
MOVED = "the unique index was dropped or replaced since it was last read"
_DONE = frozenset({pq.ExecStatus.COMMAND_OK, pq.ExecStatus.TUPLES_OK})


class PostgresqlStatements:
    """Look-up and insert of PostgreSQL, in whatever transaction `execute` has."""

    def __init__(self, execute: Callable[[str, Any], Any]) -> None:
        self._execute = execute

    def find(self, schema: Schema, trigger_id: int, keys: set[str]) -> dict[str, ExistingExecution]:
        """Look the keys up."""
        rows = self._execute(find_text(schema), (trigger_id, list(keys))).fetchall()
        return {key: ExistingExecution(*existing) for key, *existing in rows}

    def insert(self, schema: Schema, rows: Sequence[NewExecution]) -> list[int]:
        """Insert the rows; the values of several are passed as one array per column."""
        if len(rows) == 1:
            inserted = self._execute(insert_one_text(schema), rows[0]._asdict())
        else:
            arrays = tuple(list(column) for column in zip(*rows, strict=True))
            inserted = self._execute(insert_text(schema), arrays)
        ids = [id_ for (id_,) in inserted.fetchall()]
        if len(ids) != len(rows):
            raise SchemaMoved(MOVED)
        return ids


class PostgresqlAdmissionStore(PostgresqlStatements):
    """Admission store on a driver's connection to PostgreSQL."""

    def __init__(self, connection: Any) -> None:
        """Each statement commits by itself: no round trip for BEGIN, none for COMMIT."""
        connection.autocommit = True
        super().__init__(connection.execute)
        self._connection = connection
        encoding = connection.info.encoding
        self._encoding = "utf-8" if encoding == "ascii" else encoding  # psycopg's name of SQL_ASCII
        self._prepared: dict[str, bytes] = {}

    def find_or_insert(self, schema: Schema, row: NewExecution) -> int | ExistingExecution:
        """Look up and insert in one statement: with one event, the round trip takes longest.

        A cursor of psycopg takes nearly as long, so the statement is handed to libpq directly.
        """
        text = find_or_insert_text(schema)
        parameters = [self._binary(value) for value in row]
        if self._connection.pooled:  # the next transaction may be in a session without the name
            query, types = text.encode(), _TYPE_OIDS
            self._connection.pgconn.send_query_params(query, parameters, types, _BINARY)
        else:
            name = self._name_of(text)
            self._connection.pgconn.send_query_prepared(name, parameters, _BINARY, pq.Format.TEXT)
        inserted, *existing = self._only_row(self._result())
        if inserted is not None:
            return int(inserted)
        id_, digest, status, age = existing
        return ExistingExecution(int(id_), digest, status, None if age is None else float(age))

    def is_alive(self) -> bool:
        """Return whether the connection is open, as far as the driver knows."""
        return bool(self._connection.is_alive())

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def _name_of(self, text: str) -> bytes:
        """Return the name of the text's prepared statement on this connection; prepare it once."""
        if text not in self._prepared:
            name = f"admission_{len(self._prepared)}".encode()
            self._connection.pgconn.send_prepare(name, text.encode(), _TYPE_OIDS)
            self._result()
            self._prepared[text] = name
        return self._prepared[text]

    def _binary(self, value: int | str | bytes | None) -> bytes | None:
        """Encode a parameter: in text format a zero byte would cut it off without an error."""
        if isinstance(value, int):
            return value.to_bytes(4, signed=True)
        return value.encode(self._encoding) if isinstance(value, str) else value

    def _result(self) -> Any:
        results = self._connection.wait(generators.execute(self._connection.pgconn))
        for each in results:  # a commit that fails reports it after the rows
            if each.status not in _DONE:
                raise errors.error_from_result(each, self._encoding)
        return results[0]

    def _only_row(self, result: Any) -> list[Any]:
        if not result.ntuples:
            raise SchemaMoved(MOVED)
        values = (result.get_value(0, column) for column in range(result.nfields))
        return [None if value is None else value.decode(self._encoding) for value in values]


@lru_cache(maxsize=8)
def find_text(schema: Schema) -> str:
    """Return the look-up of several keys: trigger id and keys."""
    first = "idempotency_key, "
    return texts.look_up(schema, "postgresql", "= ANY(%s)", trigger_id="%s", first=first)


@lru_cache(maxsize=8)
def insert_text(schema: Schema) -> str:
    """Return the insert of any number of rows: an array per field; ids in the order of the rows.

    The ids are drawn first, so that one statement fills both tables. Rows are inserted in the order
    of their keys: otherwise two processes with the same keys could wait for each other in a circle.
    """
    arrays = ", ".join(f"%s::{kind}[]" for kind in _TYPES.values())
    values = texts.execution_values(schema, str, NOW)
    return (
        "WITH new_rows AS MATERIALIZED ("
        "SELECT nextval(pg_get_serial_sequence('trigger_executions', 'id')) AS id, fields.* "
        f"FROM unnest({arrays}) WITH ORDINALITY AS fields ({', '.join(_TYPES)}, place) "
        f"WHERE {index_stands(schema)}), "
        f"inserted AS (INSERT INTO trigger_executions (id, {', '.join(values)}) "
        f"SELECT id, {', '.join(values.values())} FROM new_rows "
        "ORDER BY trigger_id, idempotency_key)"
        f"{_with_requests(schema, str, 'new_rows')} SELECT id FROM new_rows ORDER BY place"
    )


@lru_cache(maxsize=8)
def insert_one_text(schema: Schema) -> str:
    """Return the insert of one row, with a parameter named as each of its fields; its id."""
    condition = f" WHERE {index_stands(schema)}"
    inserted = _insert_one(schema, typed_parameter, condition)
    return f"WITH {inserted} SELECT id FROM inserted"


@lru_cache(maxsize=8)
def find_or_insert_text(schema: Schema) -> str:
    """Return the look-up of one key, and the insert where it finds nothing: fields in their order.

    The row returned is the new id, or NULL and the fields of an ExistingExecution.
    """
    place = {name: f"${number}" for number, name in enumerate(_TYPES, 1)}
    keys, trigger_id = f"= {place['idempotency_key']}", place["trigger_id"]
    unless_found = f" WHERE NOT EXISTS (SELECT FROM existing) AND {index_stands(schema)}"
    return (
        "WITH existing (id, digest, status, finished_seconds) AS MATERIALIZED ("
        f"{texts.look_up(schema, 'postgresql', keys, trigger_id=trigger_id)}), "
        f"{_insert_one(schema, place.__getitem__, unless_found)} "
        "SELECT id, NULL::bigint, NULL, NULL, NULL::float8 FROM inserted UNION ALL "
        "SELECT NULL, id, digest::text, status, finished_seconds::float8 FROM existing"
    )


def typed_parameter(field: str) -> str:
    """Return the parameter named as a field of a NewExecution, with its type."""
    return f"%({field})s::{_TYPES[field]}"


def index_stands(schema: Schema) -> str:
    """Return the condition that the unique index is the one that `schema` was read with.

    The statement may have waited seconds for a lock, while another transaction dropped the index.
    """
    return (
        f"EXISTS (SELECT FROM pg_index WHERE indexrelid = {schema.index.version} "
        "AND indrelid = 'trigger_executions'::regclass AND indisunique AND indisvalid)"
    )


def _insert_one(schema: Schema, field: Callable[[str], str], condition: str = "") -> str:
    """Return the parts of a WITH that insert one row; `inserted` has its id."""
    values = texts.execution_values(schema, field, NOW)
    return (
        f"inserted AS (INSERT INTO trigger_executions ({', '.join(values)}) "
        f"SELECT {', '.join(values.values())}{condition} RETURNING id)"
        f"{_with_requests(schema, field, 'inserted')}"
    )


def _with_requests(schema: Schema, field: Callable[[str], str], source: str) -> str:
    """Return the part of a WITH that inserts the request of each id in `source`."""
    fields = texts.request_fields(schema)
    if not fields:
        return ""
    return (
        f", requests AS (INSERT INTO execution_requests (execution_id, {', '.join(fields)}) "
        f"SELECT id, {', '.join(map(field, fields))} FROM {source})"
    )
