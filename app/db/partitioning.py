"""Spread trigger_executions and its children over hash partitions by trigger_id, and undo it.

That is an operator's step of PostgreSQL, outside the history of revisions. Everything happens in
one transaction: new tables are filled from the old ones, which are dropped. So an interruption
changes nothing, and requests wait, or are answered 503, until it ends.
"""
# ruff: noqa: S608, the names in these statements come from the catalog, and are quoted

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from app.db import shard_key
from app.db.database import Database
from app.db.distributed import is_distributed
from app.db.index_definition import is_partitioned
from app.db.models import metadata, trigger_executions
from app.errors import NotPossible

PARTITIONS_AT_MOST = 1024
LOCK_SECONDS = 10
"""Seconds that the step waits for sessions which use the tables."""
OLD = "_before_partition_"
"""Prefix of the old tables while the new ones are filled."""

Progress = Callable[[str], None]

_CONSTRAINTS = """
    SELECT conname AS name, contype::text AS kind, pg_get_constraintdef(oid) AS definition
    FROM pg_constraint WHERE conrelid = to_regclass(:table) AND contype IN ('p', 'u', 'f')
    AND conparentid = 0 ORDER BY array_position(ARRAY['p', 'u', 'f'], contype::text), conname"""
_INDEXES = """
    SELECT c.relname::text AS name, pg_get_indexdef(i.indexrelid) AS definition
    FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid
    WHERE i.indrelid = to_regclass(:table)
    AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = i.indexrelid AND contype <> 'f')
    ORDER BY 2"""
_SEQUENCES = """
    SELECT a.attname::text AS column, pg_get_serial_sequence(:table, a.attname) AS sequence,
        a.attidentity::text <> '' AS identity
    FROM pg_attribute AS a WHERE a.attrelid = to_regclass(:table) AND a.attnum > 0
    AND NOT a.attisdropped AND pg_get_serial_sequence(:table, a.attname) IS NOT NULL"""
_GRANTS = """
    SELECT format('GRANT %s ON {table} TO %s', g.privilege_type,
        CASE WHEN g.grantee = 0 THEN 'PUBLIC' ELSE quote_ident(r.rolname) END
        || CASE WHEN g.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END)
    FROM pg_class AS c CROSS JOIN LATERAL aclexplode(c.relacl) AS g
    LEFT JOIN pg_roles AS r ON r.oid = g.grantee
    WHERE c.oid = to_regclass(:table) AND g.grantee <> c.relowner"""
_OWNER = "SELECT quote_ident(pg_get_userbyid(relowner)) FROM pg_class WHERE oid = to_regclass(:t)"


class Definition(NamedTuple):
    """All that makes a table beside its columns, CHECKs and rows, as statements."""

    keys: list[str]
    foreign_keys: list[str]
    indexes: list[str]
    sequences: list[str]
    grants: list[str]


def partition(database: Database, count: int, progress: Progress) -> None:
    """Spread the tables over so many partitions each. Raises NotPossible with nothing changed."""
    if not 2 <= count <= PARTITIONS_AT_MOST:
        raise NotPossible(f"the number of partitions is between 2 and {PARTITIONS_AT_MOST}")
    _rebuild(database, count, progress)


def undo(database: Database, progress: Progress) -> None:
    """Make plain tables of the partitioned ones again. Raises NotPossible with nothing changed."""
    _rebuild(database, None, progress)


def tables() -> list[str]:
    """Return the tables that are partitioned: the executions, then their children."""
    children = [
        table.name
        for table in metadata.sorted_tables
        if shard_key.is_sharded(table) and "execution_id" in table.primary_key.columns
    ]
    attempts = "execution_attempts"
    return [trigger_executions.name, attempts, *sorted({*children} - {attempts})]


def _rebuild(database: Database, count: int | None, progress: Progress) -> None:
    with database.writing() as connection:
        _require_possible(connection, count)
        connection.execute(sa.text(f"SET LOCAL lock_timeout = '{LOCK_SECONDS}s'"))
        connection.execute(sa.text("SET LOCAL statement_timeout = 0"))
        names = tables()
        connection.execute(sa.text(f"LOCK TABLE {', '.join(names)} IN ACCESS EXCLUSIVE MODE"))
        definitions = {name: _definition(connection, name) for name in names}
        for name in names:
            progress(name)
            _fill(connection, name, count)
        for name in reversed(names):
            _execute(connection, definitions[name].sequences)
            _execute(connection, [f"DROP TABLE {OLD}{name}"])
        for part in ("keys", "foreign_keys", "indexes", "grants"):
            for name in names:
                _execute(connection, getattr(definitions[name], part))
        _fill_for_older_code(connection, names[1:], count)
        _execute(connection, [f"ANALYZE {name}" for name in names])


def _require_possible(connection: Connection, count: int | None) -> None:
    if connection.dialect.name != "postgresql":
        raise NotPossible("only PostgreSQL has partitions: see docs/sharding.md")
    if is_distributed(connection):
        raise NotPossible(
            "Citus distributes the tables, and partitions would be copied to this node alone: run "
            "undistribute_table first, as docs/sharding.md says"
        )
    partitioned = is_partitioned(connection, trigger_executions.name)
    if count is None and not partitioned:
        raise NotPossible("the tables are not partitioned")
    if count is not None and partitioned:
        raise NotPossible("the tables are partitioned: run `hookonce partition --undo` first")
    for name in tables():
        if any(row.identity for row in _ask(connection, _SEQUENCES, name)):
            raise NotPossible(
                f"the id of {name} is an identity column, which a partitioned table cannot have on "
                "every PostgreSQL: give it a sequence as its default first (docs/sharding.md)"
            )


def _definition(connection: Connection, name: str) -> Definition:
    constraints = [
        (row.kind, f'ALTER TABLE {name} ADD CONSTRAINT "{row.name}" {row.definition}')
        for row in _ask(connection, _CONSTRAINTS, name)
    ]
    owner = connection.execute(sa.text(_OWNER), {"t": name}).scalar_one()
    grants = _ask(connection, _GRANTS.replace("{table}", name), name)
    return Definition(
        keys=[statement for kind, statement in constraints if kind != "f"],
        foreign_keys=[statement for kind, statement in constraints if kind == "f"],
        indexes=[
            row.definition.replace(" ON ONLY ", " ON ", 1)
            for row in _ask(connection, _INDEXES, name)
            if row.name not in shard_key.KEYS_OF_OLDER_CODE
        ],
        sequences=[
            f'ALTER SEQUENCE {row.sequence} OWNED BY {name}."{row.column}"'
            for row in _ask(connection, _SEQUENCES, name)
        ],
        grants=[f"ALTER TABLE {name} OWNER TO {owner}", *(row[0] for row in grants)],
    )


def _fill(connection: Connection, name: str, count: int | None) -> None:
    """Put a new table in the place of the old one, with all its rows."""
    connection.exec_driver_sql(f"ALTER TABLE {name} RENAME TO {OLD}{name}")
    spread = "" if count is None else f" PARTITION BY HASH ({shard_key.COLUMN})"
    connection.exec_driver_sql(
        f"CREATE TABLE {name} (LIKE {OLD}{name} INCLUDING DEFAULTS INCLUDING CONSTRAINTS "
        f"INCLUDING STORAGE INCLUDING COMMENTS INCLUDING GENERATED){spread}"
    )
    for number in range(count or 0):
        connection.exec_driver_sql(
            f"CREATE TABLE {name}_p{number} PARTITION OF {name} "
            f"FOR VALUES WITH (MODULUS {count}, REMAINDER {number})"
        )
    connection.exec_driver_sql(f"INSERT INTO {name} SELECT * FROM {OLD}{name}")


def _fill_for_older_code(
    connection: Connection, children: Sequence[str], count: int | None
) -> None:
    """Let plain tables fill trigger_id for older code again, and have the keys that it names.

    Partitioned ones cannot: the partition is chosen before a database trigger runs, and their keys
    include trigger_id.
    """
    if count is not None:
        return
    for name in children:
        _execute(connection, shard_key.create_keys(name))
        if metadata.tables[name].c[shard_key.COLUMN].nullable:
            connection.exec_driver_sql(shard_key.create_trigger(name))


def _execute(connection: Connection, statements: Sequence[str]) -> None:
    for statement in statements:
        connection.exec_driver_sql(statement)


def _ask(connection: Connection, query: str, table: str) -> Sequence[sa.Row[Any]]:
    return connection.execute(sa.text(query), {"table": table}).all()
