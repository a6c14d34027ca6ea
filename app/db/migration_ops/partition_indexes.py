"""Build and drop an index of a partitioned table of PostgreSQL beside the traffic.

PostgreSQL builds no index of such a table CONCURRENTLY, only that of a partition. So the indexes of
the partitions are built first, and then attached to one of the table, which takes a moment.
"""

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from alembic.operations import Operations
from sqlalchemy.engine import Connection

from app.db import index_definition
from app.db.index_definition import IndexDefinition

LONGEST_NAME = 63
"""Bytes of a name that PostgreSQL keeps."""
_PARTITIONS = """
    SELECT c.relname::text FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid
    WHERE i.inhparent = to_regclass(:table) ORDER BY i.inhrelid"""


def build(op: Operations, wanted: IndexDefinition, lock_timeout: str) -> None:
    """Build the index outside a transaction; partitions that a killed build finished are kept.

    `lock_timeout` is that of the statements for which writers wait.
    """
    parts = _names(op.get_bind(), wanted.name, wanted.table)
    _drop_other(op, wanted)
    for partition, own in parts.items():
        of_partition = wanted._replace(name=own, table=partition)
        if not index_definition.is_as_defined(op.get_bind(), of_partition):
            op.execute(f'DROP INDEX CONCURRENTLY IF EXISTS "{own}"')
            op.execute(_create(of_partition, "CONCURRENTLY", f'"{partition}"'))
    op.execute(f"SET lock_timeout = '{lock_timeout}'")
    op.execute(_create(wanted, "IF NOT EXISTS", f"ONLY {wanted.table}"))
    for own in parts.values():
        op.execute(f'ALTER INDEX {wanted.name} ATTACH PARTITION "{own}"')


def drop(op: Operations, name: str, table: str) -> None:
    """Drop the index with those of its partitions, attached or not.

    The table is locked for a moment: a partitioned index cannot be dropped CONCURRENTLY.
    """
    op.execute(f"DROP INDEX IF EXISTS {name}")
    with op.get_context().autocommit_block():
        for own in _names(op.get_bind(), name, table).values():
            op.execute(f'DROP INDEX CONCURRENTLY IF EXISTS "{own}"')


def _drop_other(op: Operations, wanted: IndexDefinition) -> None:
    """Drop an index of this name with another definition."""
    existing = index_definition.find(op.get_bind(), wanted.name, wanted.table)
    if existing is not None and index_definition.fault(existing._replace(valid=True), wanted):
        op.execute(f"DROP INDEX {wanted.name}")


def _create(wanted: IndexDefinition, how: str, place: str) -> str:
    unique = "UNIQUE " if wanted.unique else ""
    condition = f" WHERE {wanted.where}" if wanted.where else ""
    columns = ", ".join(wanted.columns)
    return f'CREATE {unique}INDEX {how} "{wanted.name}" ON {place} ({columns}){condition}'


def _names(connection: Connection, name: str, table: str) -> Mapping[str, str]:
    """Return the name of the index on each partition, which a second try finds again."""
    rows: Any = connection.execute(sa.text(_PARTITIONS), {"table": table}).scalars()
    return {each: _name_on(name, table, each) for each in rows}


def _name_on(name: str, table: str, partition: str) -> str:
    suffix = f"_{partition.removeprefix(table).lstrip('_')}"
    return name[: LONGEST_NAME - len(suffix)] + suffix
