"""Record the tables of an adopted database, so that a downgrade can give them back as they were."""
# ruff: noqa: S608, the names in these statements are our own, never from outside

from collections.abc import Collection

import sqlalchemy as sa
from alembic.operations import Operations
from alembic.util import CommandError
from sqlalchemy.engine import Connection

from app.db import fitness
from app.db.migration_ops import batches, grants, obstacles, refusing_objects, rehearsal, trial
from app.db.migration_ops.plugin import (
    offline,
    operation,
    postgresql,
    stop_script_if,
    table_names,
)
from app.db.models import metadata

RECORD = "_found_0001"
"""Table with one row for each table, column and index that existed before the first revision."""

FOUND = "tables of an older system exist: run alembic upgrade head, which adopts them"
ADOPTED = "tables of an older system were adopted: run alembic downgrade, which gives them back"
"""Sentences with which a script stops: only a command can inspect or give back those tables."""
UNFINISHED = "status IN ('pending', 'running', 'retrying')"

_record = sa.Table(
    RECORD,
    sa.MetaData(),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("table_name", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("definition", sa.Text),
)


@operation
def record_found_tables(op: Operations, required: dict[str, set[str]]) -> None:
    """Record the existing tables of these names; a downgrade will never drop them.

    `required` maps each table to the columns that it must have: without them it belongs to another
    system, and the upgrade stops, as it does for a column of an unusable type. A database
    without these tables gets no record.
    """
    if offline(op):
        _refuse_found_tables_offline(op, list(required))
        return
    connection = op.get_bind()
    if RECORD in table_names(connection):
        return
    existing = [name for name in required if name in table_names(connection)]
    for name in existing:
        _require_same_system(connection, name, required[name])
    _require_free_names(connection, required)
    _require_adoptable(connection, list(required))
    if not existing:
        return
    rows = [row for name in existing for row in _describe(connection, name)]
    _require_fit(connection)
    if required.keys() <= set(existing):
        # a rehearsal would take these changes for those of the step
        changes = () if rehearsal.is_rehearsed(op) else trial.MORE_COLUMNS
        _refuse([str(each) for each in trial.faults(connection, changes)])
    _record.create(connection)
    grants.share(op, RECORD)
    connection.execute(_record.insert(), rows)


def _refuse_found_tables_offline(op: Operations, tables: list[str]) -> None:
    """Make an SQL script stop on an adopted database: only the command can inspect it."""
    any_exists = " OR ".join(f"to_regclass('{table}') IS NOT NULL" for table in tables)
    stop_script_if(op, any_exists, FOUND)


def refuse_record_offline(op: Operations) -> None:
    """Make an SQL script stop on an adopted database: only the command can give it back."""
    stop_script_if(op, f"to_regclass('{RECORD}') IS NOT NULL", ADOPTED)


@operation
def forget_found_tables(op: Operations) -> None:
    """Drop the record."""
    if offline(op):
        op.execute(f"DROP TABLE IF EXISTS {RECORD}")
    else:
        _record.drop(op.get_bind(), checkfirst=True)


@operation
def hold_found_executions(op: Operations, statement: str) -> None:
    """Run `statement` with `:last_id`, the newest execution of an adopted database.

    In any other database there is nothing to hold, and nothing runs.
    """
    if offline(op):
        return
    if rehearsal.is_rehearsed(op):
        rehearsal.declare_hold(op)
    last_id = definition(op, "last_id", "trigger_executions")
    if last_id is None:
        return
    statement = statement.replace(":last_id", str(int(last_id)))
    if postgresql(op):
        batches.run(op, "trigger_executions", statement)
        return
    for condition in unclaimed():
        op.execute(statement.replace(UNFINISHED, condition))


def unclaimed(lease: str = "lease_expires_at") -> tuple[str, str]:
    """Return two conditions that are true for the unfinished executions without a lease.

    Each is answered from a partial index of SQLite, which reads every row for both together, or if
    the second did not name the indexed column `lease`: seconds under the write lock.
    """
    return "status IN ('pending', 'retrying')", f"status = 'running' AND {lease} IS NULL"


def is_recorded(op: Operations) -> bool:
    """Return True if the database was adopted from the older system."""
    return RECORD in table_names(op.get_bind())


def tables(op: Operations) -> list[str]:
    """Return the tables of ours that are adopted; none if the database was not."""
    return [name for name in metadata.tables if has_table(op, name)]


def has_table(op: Operations, table: str) -> bool:
    """Return True if the table is adopted, not created by a revision."""
    return definition(op, "table", table) is not None


def has_column(op: Operations, table: str, column: str) -> bool:
    """Return True if the column is adopted, not created by a revision."""
    return definition(op, "column", column, table) is not None


def definition(op: Operations, kind: str, name: str, table: str | None = None) -> str | None:
    """Return the recorded definition: the type of a column, the CREATE statement of an index."""
    connection = op.get_bind()
    if RECORD not in table_names(connection):
        return None
    query = sa.select(_record.c.definition).where(_record.c.kind == kind, _record.c.name == name)
    if table is not None:
        query = query.where(_record.c.table_name == table)
    return connection.execute(query).scalar()


def index_definition(op: Operations, name: str) -> str | None:
    """Return the CREATE statement of the index as it is now; None if there is none."""
    in_catalog = "SELECT sql FROM sqlite_master WHERE type = 'index' AND name = :name"
    query = "SELECT pg_get_indexdef(to_regclass(:name))" if postgresql(op) else in_catalog
    return op.get_bind().execute(sa.text(query), {"name": name}).scalar()


def _require_same_system(connection: Connection, table: str, required: set[str]) -> None:
    """Raise CommandError if the table lacks a required column in any spelling."""
    names = {column["name"].lower() for column in sa.inspect(connection).get_columns(table)}
    if not required <= names:
        missing = ", ".join(sorted(required - names))
        raise CommandError(
            f"a table {table} exists, but it is not the table of the older system: "
            f"it has no {missing}; nothing was changed"
        )


def _describe(connection: Connection, table: str) -> list[dict[str, str]]:
    inspector = sa.inspect(connection)
    columns = {column["name"]: str(column["type"]) for column in inspector.get_columns(table)}
    last_id = connection.execute(sa.text(f"SELECT max(id) FROM {table}")).scalar()
    rows = [("table", table, ""), ("last_id", table, str(last_id or 0))]
    rows += [("column", name, kind) for name, kind in columns.items()]
    rows += [("index", name, sql) for name, sql in _indexes(connection, table)]
    return [
        {"kind": kind, "table_name": table, "name": name, "definition": text}
        for kind, name, text in rows
    ]


def _require_free_names(connection: Connection, adopted: Collection[str]) -> None:
    sentences = refusing_objects.taken_tables(connection, adopted)
    if sentences:
        raise CommandError(
            "the database has tables of another system under names of ours; nothing was changed.\n"
            + "\n".join(f"  {sentence}" for sentence in sentences)
            + "\nThen run the same command again."
        )


def _require_adoptable(connection: Connection, tables: list[str]) -> None:
    _refuse(obstacles.obstacles(connection, tables))


def _refuse(sentences: list[str]) -> None:
    if sentences:
        raise CommandError(
            "the existing tables cannot be adopted as they are; nothing was changed.\n"
            + "\n".join(f"  {sentence}" for sentence in sentences)
            + "\nThen run the same command again."
        )


def _require_fit(connection: Connection) -> None:
    unfit = fitness.misfits(connection)
    if unfit:
        columns = "column" if len(unfit) == 1 else "columns"
        raise CommandError(
            f"{len(unfit)} existing {columns} cannot store what Hookonce writes; "
            "nothing was changed.\n"
            + "\n".join(f"  {misfit}" for misfit in unfit)
            + "\nThen run the same command again."
        )


_IS_CONSTRAINT = "conrelid = to_regclass(:table) AND contype = 'u'"


def _indexes(connection: Connection, table: str) -> list[tuple[str, str]]:
    if connection.dialect.name == "postgresql":
        query = (
            "SELECT indexname, indexdef FROM pg_indexes "
            "WHERE schemaname = current_schema() AND tablename = :table AND indexname NOT IN ("
            f"SELECT conname FROM pg_constraint WHERE {_IS_CONSTRAINT}) UNION ALL "
            f"SELECT conname, 'ALTER TABLE ' || conrelid::regclass || ' ADD CONSTRAINT ' || "
            f"quote_ident(conname) || ' ' || pg_get_constraintdef(oid) "
            f"FROM pg_constraint WHERE {_IS_CONSTRAINT}"
        )
    else:
        query = (
            "SELECT name, sql FROM sqlite_master "
            "WHERE type = 'index' AND sql IS NOT NULL AND tbl_name = :table"
        )
    return [(row[0], row[1]) for row in connection.execute(sa.text(query), {"table": table})]
