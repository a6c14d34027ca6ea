"""The columns of a new execution are declared once: every insert of either database follows it."""

import re

import pytest

from app.db import models
from app.db.schema import Schema
from app.executions.creation import EXECUTION_FIELDS, REQUEST_FIELDS, TIME_COLUMNS, NewExecution
from app.intake.store import postgresql, sqlite

DECLARED = {
    "trigger_executions": {*EXECUTION_FIELDS, *TIME_COLUMNS, "status"},
    "execution_requests": {*REQUEST_FIELDS, "execution_id"},
}
NEWEST = Schema(
    "newest",
    frozenset(f"{t.name}.{c.name}" for t in models.metadata.tables.values() for c in t.columns),
)


def without(*columns: str) -> Schema:
    return Schema("older", NEWEST.columns - {*columns})


def inserted_columns(schema: Schema) -> list[dict[str, set[str]]]:
    """By statement, the columns that it writes of each table."""
    one_row = sqlite._insert_statements(schema, 1)
    several = sqlite._insert_statements(schema, 4)
    statements = [
        f"{one_row.execution} {one_row.request}",
        f"{several.execution} {several.request}",
        postgresql.insert_text(schema),
        postgresql.insert_one_text(schema),
        postgresql.find_or_insert_text(schema),
    ]
    inserts = [re.findall(r"INSERT INTO (\w+) \((.*?)\)", each) for each in statements]
    return [{table: {*names.split(", ")} - {"id"} for table, names in each} for each in inserts]


def test_every_field_of_a_new_execution_is_a_column_of_one_table_and_the_trigger_of_both() -> None:
    others = tuple(name for name in REQUEST_FIELDS if name != "trigger_id")

    assert NewExecution._fields == EXECUTION_FIELDS + others
    assert "trigger_id" in EXECUTION_FIELDS
    assert "trigger_id" in REQUEST_FIELDS


def test_every_insert_writes_the_declared_columns() -> None:
    assert inserted_columns(NEWEST) == [DECLARED] * 5


@pytest.mark.parametrize("column", ["payload_digest", *TIME_COLUMNS])
def test_no_insert_names_a_column_that_the_schema_does_not_have(column: str) -> None:
    older = without(f"trigger_executions.{column}")

    columns = DECLARED["trigger_executions"] - {column}
    assert inserted_columns(older) == [DECLARED | {"trigger_executions": columns}] * 5


def test_no_insert_writes_a_request_where_the_schema_has_no_table_of_them() -> None:
    older = without(*(name for name in NEWEST.columns if name.startswith("execution_requests.")))

    columns = DECLARED["trigger_executions"]
    assert inserted_columns(older) == [{"trigger_executions": columns}] * 5


def test_the_parameters_of_an_insert_into_sqlite_are_the_row_s_values_in_their_order() -> None:
    row = NewExecution(1, "event", "key", "digest", "type", "headers", b"body")
    older = without("trigger_executions.payload_digest")

    newest, without_digest = (sqlite._insert_statements(each, 1) for each in (NEWEST, older))

    assert newest.execution_values(row) == (1, "event", "key", "digest")
    assert without_digest.execution_values(row) == (1, "event", "key")
    assert newest.request_values(row) == (1, "type", "headers", b"body")
