"""Change keys and foreign keys of PostgreSQL's tables beside the traffic.

The new index is built CONCURRENTLY, a foreign key is validated after it was added, and only the
exchange of the names takes a lock that writers notice. SQLite keeps its keys: these operations do
nothing there, because its ids are row numbers.
"""
# ruff: noqa: S608, the names in these statements are the revisions' own, never from outside

import logging

import sqlalchemy as sa
from alembic.operations import Operations

from app.db import shard_key
from app.db.migration_ops import batches, indexes, script_builds, swapping
from app.db.migration_ops.plugin import end_transaction, offline, operation, postgresql
from app.log import event

INCOMING = "_incoming"
"""Suffix of an index or a constraint until it replaces the one of that name."""
PARENT = "trigger_executions"
SINCE = "0031"
"""Revision with the keys that spread tables need."""
REFUSE_SPREAD = f"""DO $$ DECLARE distributed boolean := false; BEGIN
    IF EXISTS (SELECT FROM pg_class WHERE oid = to_regclass('{PARENT}') AND relkind = 'p')
    THEN RAISE EXCEPTION '{PARENT} is partitioned: run hookonce partition --undo first; '
        'nothing was changed'; END IF;
    IF to_regclass('pg_catalog.pg_dist_partition') IS NOT NULL THEN
        EXECUTE 'SELECT EXISTS (SELECT FROM pg_catalog.pg_dist_partition '
            'WHERE logicalrelid = to_regclass(''{PARENT}''))' INTO distributed; END IF;
    IF distributed THEN RAISE EXCEPTION 'Citus distributes {PARENT}: run undistribute_table '
        'first, as docs/sharding.md says; nothing was changed'; END IF; END $$"""
"""Statement before a step back to keys that spread tables cannot have."""

_SPREAD = (
    f"EXISTS (SELECT FROM pg_class WHERE oid = to_regclass('{PARENT}') AND relkind = 'p') "
    "OR EXISTS (SELECT FROM pg_extension WHERE extname = 'citus')"
)
"""Condition of databases whose tables are partitioned, or may be distributed by Citus."""
log = logging.getLogger("hookonce.migrate")

_PRIMARY_KEY = """
    SELECT array_agg(a.attname::text ORDER BY k.place) FROM pg_constraint AS c
    CROSS JOIN LATERAL unnest(c.conkey) WITH ORDINALITY AS k (number, place)
    JOIN pg_attribute AS a ON a.attrelid = c.conrelid AND a.attnum = k.number
    WHERE c.conrelid = to_regclass(:table) AND {}"""
_REFERRING = """
    SELECT DISTINCT c.conrelid::regclass::text FROM pg_constraint AS c
    JOIN pg_constraint AS key ON key.conindid = c.conindid AND key.contype IN ('p', 'u')
    WHERE c.contype = 'f' AND key.conrelid = to_regclass(:table)
    UNION SELECT CASE d.classid WHEN 'pg_proc'::regclass THEN d.objid::regprocedure::text
        ELSE (SELECT ev_class::regclass::text FROM pg_rewrite WHERE oid = d.objid) END
    FROM pg_constraint AS key JOIN pg_depend AS d ON d.refobjid = key.oid AND d.deptype = 'n'
        AND d.refclassid = 'pg_constraint'::regclass
    WHERE key.conrelid = to_regclass(:table)
        AND d.classid IN ('pg_proc'::regclass, 'pg_rewrite'::regclass)"""
"""Tables whose foreign key needs the key as it is: ours refer to the new index by then.

Views and functions too: one that groups by the primary key alone may name the other columns.
"""


@operation
def fill_trigger_id_of_older_code(op: Operations, tables: list[str]) -> None:
    """Let PostgreSQL fill trigger_id in the rows that older code inserts without it."""
    if not postgresql(op):
        return
    op.execute(shard_key.CREATE_FUNCTION)
    for table in tables:
        op.execute(f"DROP TRIGGER IF EXISTS {shard_key.FUNCTION} ON {table}")
        op.execute(shard_key.create_trigger(table))
        end_transaction(op)


@operation
def leave_trigger_id_of_older_code(op: Operations, tables: list[str]) -> None:
    """Drop the function and the database triggers that fill trigger_id."""
    if not postgresql(op):
        return
    for table in tables:
        op.execute(f"DROP TRIGGER IF EXISTS {shard_key.FUNCTION} ON {table}")
        end_transaction(op)
    op.execute(f"DROP FUNCTION IF EXISTS {shard_key.FUNCTION}()")


@operation
def copy_trigger_ids(op: Operations, tables: list[str]) -> None:
    """Fill trigger_id in the rows of these children of trigger_executions, batch by batch."""
    if not postgresql(op):
        return
    for table in tables:
        update = _fill(table, "trigger_id IS DISTINCT FROM parent.trigger_id")
        if offline(op):
            op.execute(update)
        elif _has_gaps(op, table):
            batches.run(op, PARENT, update, by=f"{table}.execution_id")


@operation
def require_trigger_id(op: Operations, tables: list[str]) -> None:
    """Make the column NOT NULL; the rows are read beside the traffic, by a CHECK.

    A statement of older code that inserts an execution together with its request leaves NULL: the
    database trigger does not see the execution yet. From the CHECK on such a statement is refused.
    """
    if not postgresql(op):
        return
    for table in tables:
        check = f"ck_{table}_trigger_id"
        op.execute(f"ALTER TABLE {table} DROP CONSTRAINT IF EXISTS {check}")
        op.execute(
            f"ALTER TABLE {table} ADD CONSTRAINT {check} CHECK (trigger_id IS NOT NULL) NOT VALID"
        )
        end_transaction(op)
        op.execute(_fill(table, "trigger_id IS NULL"))  # rows that came after they were filled
        with op.get_context().autocommit_block():
            op.execute(f"ALTER TABLE {table} VALIDATE CONSTRAINT {check}")
        op.execute(f"ALTER TABLE {table} ALTER COLUMN trigger_id SET NOT NULL")
        op.execute(f"ALTER TABLE {table} DROP CONSTRAINT {check}")
        end_transaction(op)


@operation
def allow_no_trigger_id(op: Operations, tables: list[str]) -> None:
    """Let the column hold NULL again."""
    if not postgresql(op):
        return
    for table in tables:
        op.execute(f"ALTER TABLE {table} ALTER COLUMN trigger_id DROP NOT NULL")
        end_transaction(op)


@operation
def build_key_of_older_code(op: Operations, name: str, table: str, columns: list[str]) -> None:
    """Build the unique index that ON CONFLICT of older code needs, unless tables are spread.

    A partitioned or distributed table cannot have it, and older code cannot write to that.
    """
    if not postgresql(op):
        return
    if offline(op):  # counts of duplicates wait for it, and no event
        script_builds.build_unless(op, _SPREAD, name, table, columns)
    elif not op.get_bind().execute(sa.text(f"SELECT {_SPREAD}")).scalar():
        indexes.ensure_index(op, name, table, columns, unique=True)


@operation
def remove_key_of_older_code(op: Operations, name: str, table: str) -> None:
    """Drop this unique index; SQLite has none."""
    if postgresql(op):
        indexes.remove_index(op, name, table)


@operation
def build_key(op: Operations, name: str, table: str, columns: list[str]) -> None:
    """Build the unique index that `exchange_key` is to put in place of the key's own."""
    if not postgresql(op) or _is_key(op, name, table, columns):
        return
    incoming = name + INCOMING
    if not offline(op):
        indexes.ensure_index(op, incoming, table, columns, unique=True)
    else:
        is_key = _is_key_offline(name, table, columns)
        script_builds.build_key(op, is_key, incoming, table, columns)


@operation
def exchange_key(op: Operations, name: str, table: str, columns: list[str]) -> None:
    """Let the primary key (a name that begins with `pk_`) or unique constraint have these columns.

    A primary key keeps the name that it has: an adopted table's is another one. Where a table of
    others refers to it, it stays, and the new index serves our own foreign keys beside it.
    """
    if not postgresql(op):
        return
    if _is_key(op, name, table, columns):
        op.execute(f"DROP INDEX IF EXISTS {name}{INCOMING}")  # of an interrupted step back
        return
    others = [] if offline(op) else _referring_tables(op, table)
    if others:
        detail = f"{', '.join(others)} refers to it"
        event(log, logging.WARNING, "primary_key_kept", table=table, detail=detail)
        return
    kind = "PRIMARY KEY" if name.startswith("pk_") else "UNIQUE"
    op.execute(
        f"DO $$ DECLARE key text; identifies boolean; BEGIN "
        f"IF {_is_key_offline(name, table, columns)} THEN "
        f"DROP INDEX IF EXISTS {name}{INCOMING}; RETURN; END IF; "  # a script mends a step back
        f"SELECT quote_ident(conname), indisreplident INTO STRICT key, identifies "
        f"FROM pg_constraint JOIN pg_index ON indexrelid = conindid "
        f"WHERE conrelid = '{table}'::regclass AND {_named(name)}; "
        f"EXECUTE 'ALTER TABLE {table} DROP CONSTRAINT ' || key || ', ADD CONSTRAINT ' || key "
        f"|| ' {kind} USING INDEX {name}{INCOMING}'; "
        # otherwise a published table could not be updated any more
        f"IF identifies THEN EXECUTE 'ALTER TABLE {table} REPLICA IDENTITY USING INDEX ' || key; "
        f"END IF; END $$"
    )
    end_transaction(op)


@operation
def exchange_unique_index(
    op: Operations, name: str, table: str, columns: list[str], *, where: str
) -> None:
    """Let the partial unique index have these columns, without a moment in which it is missing."""
    if postgresql(op):
        swapping.swap_unique_index(op, name, table, columns, where=where)


@operation
def exchange_foreign_key(
    op: Operations, name: str, table: str, columns: list[str], referred: list[str]
) -> None:
    """Let the foreign key of this name lead from these columns to those of trigger_executions."""
    if not postgresql(op):
        return
    incoming = name + INCOMING
    op.execute(f"ALTER TABLE {table} DROP CONSTRAINT IF EXISTS {incoming}")
    if not offline(op) and _key_columns(op, table, _of(name)) == columns:
        return
    op.execute(
        f"ALTER TABLE {table} ADD CONSTRAINT {incoming} FOREIGN KEY ({', '.join(columns)}) "
        f"REFERENCES {PARENT} ({', '.join(referred)}) ON DELETE CASCADE NOT VALID"
    )
    with op.get_context().autocommit_block():
        op.execute(f"ALTER TABLE {table} VALIDATE CONSTRAINT {incoming}")
    op.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
    op.execute(f"ALTER TABLE {table} RENAME CONSTRAINT {incoming} TO {name}")
    end_transaction(op)


@operation
def refuse_spread_tables(op: Operations) -> None:
    """Raise an error if the tables are partitioned or distributed, before anything is changed."""
    if postgresql(op):
        op.execute(REFUSE_SPREAD)


def _fill(table: str, where: str) -> str:
    """Return the UPDATE that copies trigger_id from the execution."""
    return (
        f"UPDATE {table} SET trigger_id = parent.trigger_id FROM {PARENT} AS parent "
        f"WHERE parent.id = {table}.execution_id AND {table}.{where}"
    )


def _referring_tables(op: Operations, table: str) -> list[str]:
    """Return the tables with a foreign key to a key of this table."""
    return list(op.get_bind().execute(sa.text(_REFERRING), {"table": table}).scalars())


def _has_gaps(op: Operations, table: str) -> bool:
    """Return True if rows may be without trigger_id: a fill that was done is not done again."""
    query = (
        f"SELECT 1 FROM {table} JOIN {PARENT} AS parent ON parent.id = {table}.execution_id "
        f"WHERE {table}.trigger_id IS DISTINCT FROM parent.trigger_id LIMIT 1"
    )
    return op.get_bind().execute(sa.text(query)).scalar() is not None


def _named(name: str) -> str:
    return "contype = 'p'" if name.startswith("pk_") else _of(name)


def _of(name: str) -> str:
    return f"conname = '{name}'"


def _is_key(op: Operations, name: str, table: str, columns: list[str]) -> bool:
    return not offline(op) and _key_columns(op, table, _named(name)) == columns


def _is_key_offline(name: str, table: str, columns: list[str]) -> str:
    """Return the condition that the constraint has these columns."""
    found = _PRIMARY_KEY.format(_named(name)).replace(":table", f"'{table}'")
    return f"({found}) IS NOT DISTINCT FROM ARRAY[{script_builds.literals(columns)}]"


def _key_columns(op: Operations, table: str, condition: str) -> list[str] | None:
    """Return the columns of the constraint in their order; None if there is none."""
    query = sa.text(_PRIMARY_KEY.format(condition))
    columns: list[str] | None = op.get_bind().execute(query, {"table": table}).scalar()
    return columns
