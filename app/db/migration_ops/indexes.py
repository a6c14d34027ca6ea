"""Build and check indexes; the migration fails with an error if one is missing or invalid."""

import re
from typing import Any

import sqlalchemy as sa
from alembic.operations import Operations
from alembic.util import CommandError
from sqlalchemy import exc

from app.db import index_definition
from app.db.index_definition import IndexDefinition
from app.db.migration_ops import found, partition_indexes, running
from app.db.migration_ops.plugin import offline, operation, postgresql

PROBE = "_hookonce_probe"
"""Name of an empty table that exists inside one transaction only."""
DOUBLES_AT_MOST = 10
"""Groups of rows with the same values that an error names."""


@operation
def ensure_index(
    op: Operations,
    name: str,
    table: str,
    columns: list[str],
    *,
    unique: bool = False,
    where: str | None = None,
) -> None:
    """Build the index with exactly this definition, without blocking writers.

    An index of the same name with another definition, or left invalid by a killed build, is
    replaced.
    """
    options: dict[str, Any] = {"unique": unique}
    if where is not None:
        options |= {"postgresql_where": sa.text(where), "sqlite_where": sa.text(where)}
    if offline(op):
        build_offline(op, name, table, columns, options)
        return
    definition = IndexDefinition(name, table, tuple(columns), unique, where)
    if index_definition.is_as_defined(op.get_bind(), definition):
        return
    _require_free_name(op, name, table)
    if postgresql(op):
        _build_concurrently(op, definition, options)
    else:
        op.drop_index(name, table, if_exists=True)
        op.create_index(name, table, columns, **options)
    fault = index_definition.fault(index_definition.find(op.get_bind(), name, table), definition)
    if fault:
        raise CommandError(f"{name} was built but {fault}: {_database(op)}")


@operation
def remove_index(op: Operations, name: str, table: str) -> None:
    """Drop the index; `return_found_index` restores an adopted one."""
    if not offline(op) and index_definition.is_partitioned(op.get_bind(), table):
        partition_indexes.drop(op, name, table)
    elif postgresql(op):
        with op.get_context().autocommit_block():
            op.drop_index(name, table, if_exists=True, postgresql_concurrently=True)
    else:
        op.drop_index(name, table, if_exists=True)


@operation
def return_found_index(op: Operations, name: str, table: str) -> None:
    """Restore the adopted index of this name, or drop the index if none was adopted."""
    if offline(op):
        op.drop_index(name, table, if_exists=True)
        return
    adopted = found.definition(op, "index", name)
    if adopted == found.index_definition(op, name):
        return
    op.drop_index(name, table, if_exists=True)
    if adopted is not None:
        op.execute(sa.text(adopted.replace(":", r"\:")))


@operation
def verify_lookup(op: Operations, query: str, *, uses: str) -> None:
    """Raise CommandError unless the database can answer `query` by the index `uses`.

    The query is planned on an empty table that has only this index. The choice between several
    indexes depends on the current number of rows, and must not fail a migration.
    """
    if offline(op):
        return
    table = re.findall(r"\bFROM (\w+)", query)[0]
    columns, options = _definition(op, uses, table)
    if columns:
        op.execute(f"DROP TABLE IF EXISTS {PROBE}")
        op.execute(f"CREATE TABLE {PROBE} AS SELECT * FROM {table} WHERE false")  # noqa: S608
        op.create_index(f"{PROBE}_{uses}", PROBE, columns, **options)
        plan = _plan(op, re.sub(rf"\b{table}\b", PROBE, query))
        op.drop_table(PROBE)
    else:
        plan = "there is no such index"
    if f"{PROBE}_{uses}" not in plan:
        raise CommandError(f"{_database(op)} does not answer `{query}` from {uses} but by: {plan}")


def _definition(op: Operations, name: str, table: str) -> tuple[list[str], dict[str, Any]]:
    """Return the columns and the predicate of the index in the database; no columns if missing."""
    for index in sa.inspect(op.get_bind()).get_indexes(table):
        if index["name"] == name:
            columns = [column for column in index["column_names"] if column is not None]
            where = index.get("dialect_options", {}).get(f"{_dialect(op)}_where")
            return columns, {} if where is None else {f"{_dialect(op)}_where": sa.text(str(where))}
    return [], {}


def _plan(op: Operations, query: str) -> str:
    connection = op.get_bind()
    if not postgresql(op):
        rows = connection.execute(sa.text(f"EXPLAIN QUERY PLAN {query}"))
        return "\n".join(row.detail for row in rows)
    op.execute("SET LOCAL enable_seqscan = off")  # otherwise an empty table is always scanned
    plan = "\n".join(row[0] for row in connection.execute(sa.text(f"EXPLAIN {query}")))
    op.execute("SET LOCAL enable_seqscan = on")
    return plan


def _require_free_name(op: Operations, name: str, table: str) -> None:
    """Raise CommandError if an index of another table has the name; drop a constraint that has it.

    The other table may be the one that was renamed to put this one in its place: it is not ours to
    change.
    """
    other = index_definition.table_of(op.get_bind(), name)
    if other not in (None, table):
        raise CommandError(
            f"the table {other} has an index {name}, which {table} needs; nothing was changed. "
            f"Rename or drop that index, and run the same command again."
        )
    if postgresql(op) and _is_constraint(op, name, table):
        op.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}")


def _is_constraint(op: Operations, name: str, table: str) -> bool:
    query = sa.text("SELECT 1 FROM pg_constraint WHERE conrelid = to_regclass(:t) AND conname = :n")
    return op.get_bind().execute(query, {"t": table, "n": name}).scalar() is not None


def _build_concurrently(
    op: Operations, definition: IndexDefinition, options: dict[str, Any]
) -> None:
    """Build the index CONCURRENTLY, without a lock timeout: its locks block no writer."""
    name, table, columns = definition.name, definition.table, list(definition.columns)
    with op.get_context().autocommit_block():
        lock_timeout = str(op.get_bind().execute(sa.text("SHOW lock_timeout")).scalar())
        op.execute("SET lock_timeout = 0")
        try:
            if index_definition.is_partitioned(op.get_bind(), table):
                partition_indexes.build(op, definition, lock_timeout)
            else:
                op.drop_index(name, table, if_exists=True, postgresql_concurrently=True)
                op.create_index(name, table, columns, postgresql_concurrently=True, **options)
        except exc.IntegrityError as error:
            raise CommandError(
                f"{name} could not be built, because rows have the same values: "
                f"{_doubles(op, table, columns, options)}; change one of each, and run the same "
                f"command again ({str(error.orig).strip()})"
            ) from error
        finally:
            op.execute(f"SET lock_timeout = '{lock_timeout}'")


def _doubles(op: Operations, table: str, columns: list[str], options: dict[str, Any]) -> str:
    """Return the ids of rows that the unique index forbids, for the first values."""
    where, listed = options.get("postgresql_where", sa.true()), ", ".join(columns)
    same = f"SELECT min(id), max(id), count(*) FROM {table} WHERE {where} AND {{}} GROUP BY {{}}"  # noqa: S608
    known = " AND ".join(f"{column} IS NOT NULL" for column in columns)
    query = f"{same.format(known, listed)} HAVING count(*) > 1 ORDER BY 1 LIMIT {DOUBLES_AT_MOST}"
    rows = op.get_bind().execute(sa.text(query)).all()
    if not rows:
        return "they are gone by now"
    return ", ".join(f"{count} from id {first} to {last}" for first, last, count in rows)


def build_offline(
    op: Operations,
    name: str,
    table: str,
    columns: list[str],
    options: dict[str, Any],
    *,
    anew: bool = True,
) -> None:
    """Write the SQL of the build; it first drops an invalid index, which IF NOT EXISTS accepts."""
    with op.get_context().autocommit_block():
        op.execute("SET lock_timeout = 0")  # this build blocks no writer, so it may wait
        if anew:
            op.drop_index(name, table, if_exists=True, postgresql_concurrently=True)
        op.create_index(
            name, table, columns, if_not_exists=True, postgresql_concurrently=True, **options
        )
        op.execute(f"SET lock_timeout = {running.LOCK_TIMEOUT_MILLISECONDS}")
    op.execute(
        f"DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_index "
        f"WHERE indexrelid = to_regclass('{name}') AND indisvalid) "
        f"THEN RAISE EXCEPTION '{name} was not built'; END IF; END $$"
    )


def _dialect(op: Operations) -> str:
    return op.get_context().dialect.name


def _database(op: Operations) -> str:
    version = op.get_context().dialect.server_version_info or ()
    return f"{_dialect(op)} {'.'.join(str(part) for part in version)}"
