"""Write rows on trial into found tables, as receiving and running do, and take them back.

A CHECK, index, policy or trigger of the older system may refuse or change what this code writes.
The table would be adopted, and every webhook after it refused, or two events taken for one.
"""

import re
import secrets
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy import exc
from sqlalchemy.engine import Connection

from app import clock, lifecycle
from app.db import fitness
from app.db.errors import is_lock_refused
from app.db.migration_ops import broken_objects, orphans, sqlite_catalog, trial_faults
from app.db.migration_ops.plugin import column_names
from app.db.migration_ops.sqlite_catalog import quoted
from app.db.migration_ops.trial_faults import TrialFault
from app.db.models import metadata

TRIGGERS, EXECUTIONS = "triggers", "trigger_executions"
ADDED = "_hookonce_trial"
"""Name of a column that exists on trial only."""
MORE_COLUMNS = [f"ALTER TABLE {name} ADD COLUMN {ADDED} INTEGER" for name in (TRIGGERS, EXECUTIONS)]
"""Changes as revisions make them: a trigger may copy whole rows into a table with as many."""
EVENT_BYTES = 3_500
"""Random bytes of a payload on trial, twice as many characters: no index on payloads holds it."""
ID_GAP = 1_000
"""Ids between the newest row and those on trial, so that no row of a writer waits for them."""
LAST_ID = 2**31 - ID_GAP
"""Highest id on trial, as a found id may be an INTEGER."""
MOVES = (
    (lifecycle.RUNNING, lifecycle.COMPLETED),
    (lifecycle.RUNNING, lifecycle.RETRYING, lifecycle.RUNNING, lifecycle.FAILED),
    (lifecycle.RUNNING, lifecycle.FAILED_RETRYABLE, lifecycle.REPLAYED),
)
"""Lives of the executions on trial: a trigger of somebody else may forbid other moves."""
_ROLLBACK = re.compile(r"(\bRAISE\s*\(\s*)ROLLBACK\b", re.IGNORECASE)


class _Changed(Exception):
    """A row is not stored as it was written."""


def faults(connection: Connection, changes: Sequence[str] = ()) -> list[TrialFault]:
    """Return each reason why rows of ours are refused or changed; every change is taken back.

    The rows are written after these changes of the tables. The remedy of each reason is applied on
    trial too, so that the next one shows, and so that it is known to help.
    """
    found: list[TrialFault] = []
    with orphans.all_taken_back(connection), connection.begin_nested() as savepoint:
        for change in changes:
            connection.exec_driver_sql(change)
        broken_objects.put_back(connection)  # a broken trigger refuses every row
        _keep_transaction(connection)
        while (fault := _next_fault(connection)) is not None and fault not in found:
            found.append(fault)
            if not fault.statements:
                break
            for statement in fault.statements:
                connection.exec_driver_sql(statement.replace("%", "%%"))
        savepoint.rollback()
    return found


def _keep_transaction(connection: Connection) -> None:
    """Let triggers of SQLite that would roll back the whole transaction refuse the statement alone.

    Otherwise the savepoints of the trial would be gone too.
    """
    if connection.dialect.name != "sqlite":
        return
    for entry in sqlite_catalog.entries(connection):
        if entry.kind == "trigger" and _ROLLBACK.search(entry.sql or ""):
            connection.exec_driver_sql(f"DROP TRIGGER {quoted(entry.name)}")
            connection.exec_driver_sql(_ROLLBACK.sub(r"\1ABORT", entry.sql or ""))


def _next_fault(connection: Connection) -> TrialFault | None:
    """Write the rows on trial; return the first reason why that fails."""
    step = (TRIGGERS, "INSERT")
    savepoint = connection.begin_nested()
    try:
        for next_step, statement, expected in _statements(connection):
            step = next_step
            _require_stored(connection, statement, expected)
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql("SET CONSTRAINTS ALL IMMEDIATE")
    except exc.DBAPIError as error:
        if is_lock_refused(error):
            raise
        savepoint.rollback()
        return trial_faults.of_error(connection, *step, error)
    except _Changed:
        savepoint.rollback()
        return trial_faults.of_change(connection, *step)
    savepoint.rollback()
    return None


Step = tuple[tuple[str, str], sa.Executable, tuple[str, int, Mapping[str, Any]]]
"""Table and kind of a statement, the statement, and the row that must be stored after it."""


def _statements(connection: Connection) -> Iterator[Step]:
    """Yield the statements of a trigger's and of some executions' lives."""
    trigger_id = _unused_id(connection, TRIGGERS)
    yield _insert(connection, TRIGGERS, {"id": trigger_id, **fitness.trigger_on_trial()})
    first_id = _unused_id(connection, EXECUTIONS)
    for number, statuses in enumerate(MOVES):
        key = f"{'kK' * 126} {number} "  # 255 characters, which nothing may fold or trim
        row = {"id": first_id + number, "trigger_id": trigger_id, "idempotency_key": key}
        row |= {"event_data": secrets.token_hex(EVENT_BYTES), "status": lifecycle.PENDING}
        yield _insert(connection, EXECUTIONS, row)
        for status in statuses:
            yield _update(connection, first_id + number, _settled(status))


def _settled(status: str) -> dict[str, Any]:
    is_finished, is_failed = status in lifecycle.FINISHED, status in lifecycle.DEAD
    long = secrets.token_hex(fitness.LONGEST_SUMMARY // 2)
    transient = status in (lifecycle.RETRYING, lifecycle.FAILED_RETRYABLE)
    return {
        "status": status,
        "started_at": clock.now(),
        "completed_at": clock.now() if is_finished else None,
        "duration_seconds": 86_400.5 if is_finished else None,
        "result_summary": long if is_finished else None,
        "error": long if is_failed or transient else None,
        "error_category": lifecycle.TRANSIENT if transient else lifecycle.PERMANENT,
    }


def _insert(connection: Connection, table: str, row: dict[str, Any]) -> Step:
    existing = _existing(connection, table, row)
    statement = _lightweight(table, existing).insert().values(existing)
    return (table, "INSERT"), statement, (table, row["id"], existing)


def _update(connection: Connection, row_id: int, values: dict[str, Any]) -> Step:
    existing = _existing(connection, EXECUTIONS, values)
    table = _lightweight(EXECUTIONS, {"id": row_id, **existing})
    statement = table.update().where(table.c.id == row_id).values(existing)
    return (EXECUTIONS, "UPDATE"), statement, (EXECUTIONS, row_id, existing)


def _existing(connection: Connection, table: str, values: dict[str, Any]) -> dict[str, Any]:
    names = column_names(connection, table)
    return {name: value for name, value in values.items() if name in names}


def _lightweight(table: str, names: Mapping[str, Any]) -> sa.TableClause:
    """Return the table with these columns alone: the found one lacks others of ours."""
    ours = metadata.tables[table].columns
    return sa.table(table, *(sa.column(name, ours[name].type) for name in names))


def _unused_id(connection: Connection, table: str) -> int:
    """Return the first of some ids that no row has: above the newest one, if an integer can be."""
    newest = int(connection.scalar(sa.text(f"SELECT max(id) FROM {table}")) or 0)  # noqa: S608
    first = newest + ID_GAP
    query = sa.text(f"SELECT 1 FROM {table} WHERE id BETWEEN :first AND :last")  # noqa: S608
    while first > LAST_ID or connection.scalar(query, {"first": first, "last": first + len(MOVES)}):
        first = 1 + secrets.randbelow(LAST_ID)
    return first


def _require_stored(
    connection: Connection, statement: sa.Executable, expected: tuple[str, int, Mapping[str, Any]]
) -> None:
    """Execute the statement; raise _Changed unless its texts and numbers can be read again."""
    connection.execute(statement)
    name, row_id, values = expected
    compared = [each for each, value in values.items() if isinstance(value, str | int)]
    table = _lightweight(name, {"id": row_id, **dict.fromkeys(compared)})
    columns = [table.c[each] for each in compared]
    stored = connection.execute(sa.select(*columns).where(table.c.id == row_id)).one_or_none()
    if stored is None or list(stored) != [values[each] for each in compared]:
        raise _Changed
