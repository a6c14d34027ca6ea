"""Parts of the statement texts that both databases share: the look-up and the column lists."""
# ruff: noqa: S608, the texts are put together from our own column names, never from outside

from collections.abc import Callable

from app.db import ONLY_BY_KEY, SECONDS_SINCE
from app.db.schema import Schema
from app.executions.creation import EXECUTION_FIELDS, REQUEST_FIELDS, TIME_COLUMNS
from app.lifecycle import PENDING

_INDEX_HINT = {"sqlite": "", "postgresql": f" AND {ONLY_BY_KEY}"}
"""By database: the condition that makes it answer the look-up from uq_trigger_idem."""


def look_up(schema: Schema, kind: str, keys: str, *, trigger_id: str, first: str = "") -> str:
    """Return the SELECT of the executions that a trigger admitted under some keys.

    `keys` is the comparison of the key, such as `= $3`. The columns are the fields of an
    ExistingExecution, after those of `first`.
    """
    first_only = " AND replay_of_id IS NULL" if schema.has(_EXECUTIONS, "replay_of_id") else ""
    return (
        f"SELECT {first}id, {_existing_columns(schema, kind)} FROM trigger_executions "
        f"WHERE trigger_id = {trigger_id} AND idempotency_key {keys}"
        f"{_INDEX_HINT[kind]}{first_only}"
    )


def execution_values(schema: Schema, field: Callable[[str], str], now: str) -> dict[str, str]:
    """Return the SQL expression of each column of trigger_executions that a new row is given.

    `field` returns the expression of a NewExecution's field, `now` is the current time's.
    """
    values = {name: field(name) for name in EXECUTION_FIELDS} | {"status": f"'{PENDING}'"}
    values |= dict.fromkeys(TIME_COLUMNS, now)
    return {name: value for name, value in values.items() if schema.has(_EXECUTIONS, name)}


def execution_fields(schema: Schema) -> list[str]:
    """Return the fields of a NewExecution that the schema's trigger_executions has."""
    return [name for name in EXECUTION_FIELDS if schema.has(_EXECUTIONS, name)]


def request_fields(schema: Schema) -> list[str]:
    """Return the fields of a NewExecution that execution_requests has; none before that table."""
    return [name for name in REQUEST_FIELDS if schema.has("execution_requests", name)]


def _existing_columns(schema: Schema, kind: str) -> str:
    """Return digest, status and age; the age is unknown of a row without its time of receiving."""
    if not schema.has(_EXECUTIONS, "payload_digest"):
        return "NULL, status, NULL"
    age = SECONDS_SINCE[kind].format(moment="completed_at")
    return f"payload_digest, status, CASE WHEN received_at IS NOT NULL THEN {age} END"


_EXECUTIONS = "trigger_executions"
