"""The keys that include trigger_id on PostgreSQL, by which tables can be partitioned or sharded.

A primary key, unique constraint or foreign key of a partitioned table must include the column that
chooses the partition. SQLite keeps the shorter keys: its ids are row numbers, which no key of two
columns can be. So the models declare the short keys, and PostgreSQL's DDL completes them here.
"""

from collections.abc import Collection
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.schema import CreateIndex
from sqlalchemy.sql.functions import FunctionElement

COLUMN = "trigger_id"
SHARDED = {"sharded": True}
"""The `info` of a table whose rows belong to one trigger each, and whose keys are completed."""
FUNCTION = "hookonce_fill_trigger_id"
"""Name of PostgreSQL's function, and of the database triggers that call it, for older code."""

KEYS_OF_OLDER_CODE = {
    "uq_execution_repeats_execution_id": ("execution_repeats", "execution_id"),
    "uq_key_mismatches_execution_id": ("key_mismatches", "execution_id, digest"),
}
"""Unique indexes on the short keys, by name: table and columns. ON CONFLICT of older code names
these columns. No table that is partitioned or distributed can have them."""

CREATE_FUNCTION = f"""
CREATE OR REPLACE FUNCTION {FUNCTION}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    SELECT {COLUMN} INTO NEW.{COLUMN} FROM trigger_executions WHERE id = NEW.execution_id;
    RETURN NEW;
END $$"""  # noqa: S608, our own names
"""Statement that creates the function; `op.fill_trigger_id_of_older_code` runs it."""


def create_trigger(table: str) -> str:
    """Return the statement that lets PostgreSQL fill the column in rows that older code writes."""
    return (
        f"CREATE TRIGGER {FUNCTION} BEFORE INSERT ON {table} FOR EACH ROW "
        f"WHEN (NEW.{COLUMN} IS NULL) EXECUTE FUNCTION {FUNCTION}()"
    )


def create_keys(table: str) -> list[str]:
    """Return the statements that create the table's unique indexes for older code."""
    return [
        f"CREATE UNIQUE INDEX {name} ON {owner} ({columns})"
        for name, (owner, columns) in KEYS_OF_OLDER_CODE.items()
        if owner == table
    ]


def is_sharded(table: sa.Table) -> bool:
    """Return True if the keys of the table are completed on PostgreSQL."""
    return bool(table.info.get("sharded"))


def differs_on_postgresql(item: Any) -> bool:
    """Return True if PostgreSQL's catalog shows this column, key or index otherwise than declared.

    Alembic would report a difference between the models and the database. A test of the history
    compares the whole schema instead.
    """
    table = getattr(item, "table", None)
    if not isinstance(table, sa.Table) or not is_sharded(table):
        return False
    if isinstance(item, sa.Column):
        return item.name == COLUMN and bool(item.nullable)
    if isinstance(item, sa.ForeignKeyConstraint):
        return is_sharded(item.referred_table)
    return isinstance(item, sa.UniqueConstraint | sa.Index) and _is_short(item)


def fill_for_older_code(table: sa.Table) -> sa.Table:
    """Let `create_all` make the function, trigger and indexes for older code, on PostgreSQL."""
    for statement in (CREATE_FUNCTION, create_trigger(table.name), *create_keys(table.name)):
        ddl: Any = sa.DDL
        event.listen(table, "after_create", ddl(statement).execute_if(dialect="postgresql"))
    return table


class same_trigger(FunctionElement[bool]):  # noqa: N801, it reads as the SQL function that it is
    """Condition that a child's trigger_id is the given one; it leads PostgreSQL to one partition.

    It stands beside the condition on the execution's id, which is sufficient. On SQLite it is
    always true: children that were written before the column existed have NULL there.
    """

    inherit_cache = True
    type = sa.Boolean()

    def __init__(self, column: sa.ColumnElement[int], trigger_id: Any) -> None:
        if not isinstance(trigger_id, sa.ClauseElement):
            trigger_id = sa.literal(trigger_id, sa.Integer)
        super().__init__(column, trigger_id)


@compiles(same_trigger, "sqlite")
def _same_trigger_sqlite(_element: same_trigger, _compiler: Any, **_options: Any) -> str:
    return "1"


@compiles(same_trigger, "postgresql")
def _same_trigger_postgresql(element: same_trigger, compiler: Any, **options: Any) -> str:
    column, trigger_id = (compiler.process(each, **options) for each in element.clauses)
    return f"{column} = {trigger_id}"


def _is_short(key: Any) -> bool:
    """Return True if the key is unique and lacks the column."""
    is_unique = not isinstance(key, sa.Index) or bool(key.unique)
    return is_unique and is_sharded(key.table) and not _has_column(key.columns)


def _has_column(columns: Collection[sa.Column[Any]]) -> bool:
    return COLUMN in {each.name for each in columns}


def _completed(text: str, lists: int = 1) -> str:
    """Append the column to the first lists of columns of a DDL text."""
    return text.replace(")", f", {COLUMN})", lists)


@compiles(sa.PrimaryKeyConstraint, "postgresql")
def _primary_key(key: sa.PrimaryKeyConstraint, compiler: Any, **options: Any) -> str:
    text = str(compiler.visit_primary_key_constraint(key, **options))
    return _completed(text) if _is_short(key) else text


@compiles(sa.UniqueConstraint, "postgresql")
def _unique(key: sa.UniqueConstraint, compiler: Any, **options: Any) -> str:
    text = str(compiler.visit_unique_constraint(key, **options))
    return _completed(text) if _is_short(key) else text


@compiles(sa.ForeignKeyConstraint, "postgresql")
def _foreign_key(key: sa.ForeignKeyConstraint, compiler: Any, **options: Any) -> str:
    text = str(compiler.visit_foreign_key_constraint(key, **options))
    both = is_sharded(key.table) and is_sharded(key.referred_table)
    return _completed(text, 2) if both else text


@compiles(CreateIndex, "postgresql")
def _index(create: CreateIndex, compiler: Any, **options: Any) -> str:
    text = str(compiler.visit_create_index(create, **options))
    return _completed(text) if _is_short(create.element) else text
