"""An index stands and is valid, or the migration fails loudly: nothing about it is swallowed."""

import re
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from alembic.operations import Operations
from alembic.util import CommandError
from sqlalchemy import exc
from sqlalchemy.engine import Connection

from app import db
from app.db.migration_ops import found, running
from app.db.migration_ops.plugin import offline, operation, postgresql

PROBE = "_hookonce_probe"
"""An empty table that stands for a moment, inside one transaction."""


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
    """The index stands with just this definition, built without stopping writers.

    An index of the name that is another one, or that a killed build left invalid, is replaced.
    """
    options: dict[str, Any] = {"unique": unique}
    if where is not None:
        options |= {"postgresql_where": sa.text(where), "sqlite_where": sa.text(where)}
    if offline(op):
        _build_offline(op, name, table, columns, options)
        return
    if stands(op.get_bind(), name, table, columns, unique=unique, where=where):
        return
    if postgresql(op):
        _build_concurrently(op, name, table, columns, options)
    else:
        op.drop_index(name, table, if_exists=True)
        op.create_index(name, table, columns, **options)
    if not stands(op.get_bind(), name, table, columns, unique=unique, where=where):
        raise CommandError(f"{name} was built but does not stand as defined: {_database(op)}")


@operation
def remove_index(op: Operations, name: str, table: str) -> None:
    """No index of this name stands; `return_found_index` brings a found one back."""
    if postgresql(op):
        with op.get_context().autocommit_block():
            op.drop_index(name, table, if_exists=True, postgresql_concurrently=True)
    else:
        op.drop_index(name, table, if_exists=True)


@operation
def return_found_index(op: Operations, name: str, table: str) -> None:
    """What stands under the name is what was found under it, or nothing."""
    if offline(op):
        op.drop_index(name, table, if_exists=True)
        return
    was = found.definition(op, "index", name)
    if was == found.index_definition(op, name):
        return
    op.drop_index(name, table, if_exists=True)
    if was is not None:
        op.execute(sa.text(was.replace(":", r"\:")))


@operation
def verify_lookup(op: Operations, query: str, *, uses: str) -> None:
    """The database can answer `query` from the index `uses`; else the migration fails.

    It is asked of an empty table that has this index and no other. Which of several it prefers
    hangs on how many rows there are just now, and is nothing for a migration to fail for.
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
    """Its columns and its predicate, as the database has them; no columns when it is not there."""
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
    op.execute("SET LOCAL enable_seqscan = off")  # it scans an empty table whatever it has
    plan = "\n".join(row[0] for row in connection.execute(sa.text(f"EXPLAIN {query}")))
    op.execute("SET LOCAL enable_seqscan = on")
    return plan


def _build_concurrently(
    op: Operations, name: str, table: str, columns: list[str], options: dict[str, Any]
) -> None:
    """Waits for readers without a limit: this build's locks stop no writer."""
    with op.get_context().autocommit_block():
        patience = op.get_bind().execute(sa.text("SHOW lock_timeout")).scalar()
        op.execute("SET lock_timeout = 0")
        try:
            op.drop_index(name, table, if_exists=True, postgresql_concurrently=True)
            op.create_index(name, table, columns, postgresql_concurrently=True, **options)
        except exc.IntegrityError as error:
            raise CommandError(
                f"{name} could not be built, rows arrived meanwhile that it forbids; run the same "
                f"command again, it names them: {str(error.orig).strip()}"
            ) from error
        finally:
            op.execute(f"SET lock_timeout = '{patience}'")


def _build_offline(
    op: Operations, name: str, table: str, columns: list[str], options: dict[str, Any]
) -> None:
    """What a killed build left is dropped first: IF NOT EXISTS would take it for the index."""
    with op.get_context().autocommit_block():
        op.execute("SET lock_timeout = 0")  # this build stops no writer, so it may wait
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


def stands(
    connection: Connection,
    name: str,
    table: str,
    columns: Sequence[str],
    *,
    unique: bool,
    where: str | None,
) -> bool:
    """Whether the index is there with just this definition, and whole."""
    for index in sa.inspect(connection).get_indexes(table):
        if index["name"] == name:
            predicate = index.get("dialect_options", {}).get(f"{connection.dialect.name}_where")
            return (
                index["column_names"] == list(columns)
                and bool(index["unique"]) == unique
                and _bare(predicate) == _bare(where)
                and db.index_valid(connection, name)
            )
    return False


def _bare(predicate: Any) -> str:
    """A predicate without what databases add to it: `(a IS NOT NULL)` is `a IS NOT NULL`.

    PostgreSQL gives `status IN ('a', 'b')` back as `status = ANY (ARRAY['a', 'b'])`, with casts.
    """
    text = re.sub(r"::[a-z ]+(\[\])?", "", str("" if predicate is None else predicate).lower())
    text = text.replace("= any", "in").replace("array", "")
    return re.sub(r"[\s()\[\]\"]", "", text)


def _dialect(op: Operations) -> str:
    return op.get_context().dialect.name


def _database(op: Operations) -> str:
    version = op.get_context().dialect.server_version_info or ()
    return f"{_dialect(op)} {'.'.join(str(part) for part in version)}"
