"""Admission store where Citus distributes the executions: statements that each name one trigger.

Citus refuses a statement that looks up, and inserts into two tables, at once. So an event takes a
look-up and two inserts, which one transaction commits together.
"""

from collections.abc import Sequence
from functools import lru_cache

from app.db.schema import Schema
from app.errors import SchemaMoved
from app.executions.creation import NewExecution
from app.intake.store import texts
from app.intake.store.interface import ExistingExecution
from app.intake.store.postgresql import (
    MOVED,
    NOW,
    PostgresqlAdmissionStore,
    PostgresqlStatements,
    index_stands,
    typed_parameter,
)


class DistributedStatements(PostgresqlStatements):
    """Look-up and insert for Citus, in whatever transaction `execute` has."""

    def insert(self, schema: Schema, rows: Sequence[NewExecution]) -> list[int]:
        """Insert the rows one by one, in the order of their keys; return their ids as in `rows`.

        The inserts keep others from dropping the index, so it is looked at after them.
        """
        ids: dict[int, int] = {}
        for place in sorted(range(len(rows)), key=lambda at: _order(rows[at])):
            ids[place] = self._insert_one(schema, rows[place])
        if not self._execute(f"SELECT {index_stands(schema)}", ()).fetchone()[0]:
            raise SchemaMoved(MOVED)
        return [ids[place] for place in range(len(rows))]

    def _insert_one(self, schema: Schema, row: NewExecution) -> int:
        values = row._asdict()
        id_ = int(self._execute(_execution_text(schema), values).fetchone()[0])
        request = _request_text(schema)
        if request is not None:
            self._execute(request, values | {"execution_id": id_})
        return id_


class DistributedAdmissionStore(PostgresqlAdmissionStore):
    """Admission store on a driver's connection to the coordinator of Citus."""

    def insert(self, schema: Schema, rows: Sequence[NewExecution]) -> list[int]:
        """Insert the rows in one transaction."""
        with self._connection.transaction():
            return DistributedStatements(self._execute).insert(schema, rows)

    def find_or_insert(self, schema: Schema, row: NewExecution) -> int | ExistingExecution:
        """Look the key up; insert the row if no execution has it."""
        if row.idempotency_key is not None:
            found = self.find(schema, row.trigger_id, {row.idempotency_key})
            if row.idempotency_key in found:
                return found[row.idempotency_key]
        return self.insert(schema, [row])[0]


def _order(row: NewExecution) -> tuple[int, str]:
    return row.trigger_id, row.idempotency_key or ""


@lru_cache(maxsize=8)
def _execution_text(schema: Schema) -> str:
    values = texts.execution_values(schema, typed_parameter, NOW)
    return f"INSERT INTO trigger_executions {_values(values)} RETURNING id"


@lru_cache(maxsize=8)
def _request_text(schema: Schema) -> str | None:
    fields = texts.request_fields(schema)
    if not fields:
        return None
    values = {"execution_id": "%(execution_id)s::bigint"}
    values |= {name: typed_parameter(name) for name in fields}
    return f"INSERT INTO execution_requests {_values(values)}"


def _values(values: dict[str, str]) -> str:
    return f"({', '.join(values)}) VALUES ({', '.join(values.values())})"
