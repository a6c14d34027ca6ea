"""Read what an index of the database really is, and compare it with its definition.

A name proves nothing: an index of the right name may be not unique, invalid, on other columns, on
some of the rows or on another table.
"""

import re
from collections.abc import Collection
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

Condition = frozenset[str]
"""The parts of a predicate that are joined by AND, each in a spelling that can be compared."""


class IndexDefinition(NamedTuple):
    """The definition that an index should have."""

    name: str
    table: str
    columns: tuple[str, ...]
    unique: bool = False
    where: str | None = None


class ExistingIndex(NamedTuple):
    """An index as the database's catalog describes it."""

    columns: tuple[str, ...]
    """The key columns in their order; an expression is an empty name."""
    unique: bool
    condition: Condition
    valid: bool
    """False for what a failed concurrent build left on PostgreSQL, in any of its partitions."""
    compares_exactly: bool
    """False if a collation or operator class of the index is not the one that look-ups use."""
    identity: int
    """PostgreSQL: the index's OID, which a rebuilt index does not keep. SQLite: 0."""


def find(connection: Connection, name: str, table: str) -> ExistingIndex | None:
    """Return the index of this name on this table; None if the table has no such index."""
    read = _find_postgresql if connection.dialect.name == "postgresql" else _find_sqlite
    return read(connection, name, table)


def fault(
    existing: ExistingIndex | None,
    definition: IndexDefinition,
    also_where: Collection[str] = (),
) -> str | None:
    """Return in words how the index differs from its definition; None if it does not.

    `also_where` are predicates that are accepted in place of the defined one.
    """
    if existing is None:
        return f"is missing from {definition.table}"
    if not existing.valid:
        return "is invalid: its build failed or is under way"
    if existing.unique != definition.unique:
        return "is unique" if existing.unique else "is not unique"
    if existing.columns != definition.columns:
        return f"is on ({_listed(existing)}), not on ({', '.join(definition.columns)})"
    if definition.unique and not existing.compares_exactly:
        return "compares by another collation or operator class than look-ups do"
    if existing.condition not in map(condition, (definition.where, *also_where)):
        return f"is not on the rows where {definition.where}"
    return None


def is_as_defined(connection: Connection, definition: IndexDefinition) -> bool:
    """Return True if the index exists with exactly this definition, and is valid."""
    return fault(find(connection, definition.name, definition.table), definition) is None


def table_of(connection: Connection, name: str) -> str | None:
    """Return the table to which the index of this name belongs; None if there is no such index."""
    query = sa.text(_TABLE_OF[connection.dialect.name])
    table = connection.execute(query, {"name": name}).scalar()
    return None if table is None else str(table)


def condition(predicate: str | None) -> Condition:
    """Return a predicate without the parentheses, casts and quotes that databases add.

    PostgreSQL gives `status IN ('a', 'b')` back as `status = ANY (ARRAY['a', 'b'])`, with casts.
    """
    plain = (predicate or "").lower().replace('"', "")
    text = re.sub(r"::[a-z ]+(\[\])?", "", plain)
    text = text.replace("= any", "in").replace("array", "")
    parts = re.split(r"\band\b", text)
    return frozenset(re.sub(r"[\s()\[\]]", "", part) for part in parts)


def _listed(existing: ExistingIndex) -> str:
    return ", ".join(column or "an expression" for column in existing.columns)


_POSTGRESQL = """
    SELECT i.indexrelid::bigint AS identity, i.indisunique AS is_unique,
        i.indisvalid AND i.indisready AND i.indislive AND i.indimmediate
            AND (named.relkind <> 'I' OR NOT EXISTS (
                SELECT FROM pg_partition_tree(i.indexrelid) AS part
                JOIN pg_index AS of_part ON of_part.indexrelid = part.relid
                WHERE NOT (of_part.indisvalid AND of_part.indisready AND of_part.indislive)
            )) AS is_valid,
        pg_get_expr(i.indpred, i.indrelid) AS predicate, key.columns, key.compares_exactly
    FROM pg_index AS i JOIN pg_class AS named ON named.oid = i.indexrelid
    CROSS JOIN LATERAL (
        SELECT array_agg(coalesce(a.attname::text, '') ORDER BY part.place) AS columns,
            bool_and(o.opcdefault AND part.collation_id IS NOT DISTINCT FROM a.attcollation
                AND coalesce(c.collisdeterministic, true)) AS compares_exactly
        FROM unnest(i.indkey::int2[], i.indcollation::oid[], i.indclass::oid[])
            WITH ORDINALITY AS part (number, collation_id, class_id, place)
        LEFT JOIN pg_attribute AS a
            ON a.attrelid = i.indrelid AND a.attnum = part.number AND part.number > 0
        LEFT JOIN pg_opclass AS o ON o.oid = part.class_id
        LEFT JOIN pg_collation AS c ON c.oid = part.collation_id
        WHERE part.place <= i.indnkeyatts
    ) AS key
    WHERE i.indrelid = to_regclass(:table) AND named.relname = :name"""
_SQLITE = """
    SELECT list."unique" AS is_unique, made.sql
    FROM pragma_index_list(:table) AS list JOIN sqlite_master AS made
        ON made.name = list.name AND made.type = 'index'
    WHERE list.name = :name COLLATE NOCASE"""
_SQLITE_COLUMNS = (
    "SELECT coalesce(name, '') AS name, coll FROM pragma_index_xinfo(:name) "
    "WHERE key = 1 ORDER BY seqno"
)
_SQLITE_PREDICATE = re.compile(r"\)\s*WHERE\b(.*)", re.IGNORECASE | re.DOTALL)
_TABLE_OF = {
    "sqlite": "SELECT tbl_name FROM sqlite_master "
    "WHERE type = 'index' AND name = :name COLLATE NOCASE",
    "postgresql": "SELECT indrelid::regclass::text FROM pg_index "
    "WHERE indexrelid = to_regclass(:name)",
}


def is_partitioned(connection: Connection, table: str) -> bool:
    """Return True if the table is divided into partitions of PostgreSQL."""
    if connection.dialect.name != "postgresql":
        return False
    query = sa.text("SELECT relkind = 'p' FROM pg_class WHERE oid = to_regclass(:table)")
    return bool(connection.execute(query, {"table": table}).scalar())


def _find_postgresql(connection: Connection, name: str, table: str) -> ExistingIndex | None:
    row = connection.execute(sa.text(_POSTGRESQL), {"name": name, "table": table}).one_or_none()
    if row is None:
        return None
    return ExistingIndex(
        columns=tuple(row.columns),
        unique=row.is_unique,
        condition=condition(row.predicate),
        valid=row.is_valid,
        compares_exactly=bool(row.compares_exactly),
        identity=row.identity,
    )


def _find_sqlite(connection: Connection, name: str, table: str) -> ExistingIndex | None:
    row = connection.execute(sa.text(_SQLITE), {"name": name, "table": table}).one_or_none()
    if row is None:
        return None
    keys = connection.execute(sa.text(_SQLITE_COLUMNS), {"name": name}).all()
    return ExistingIndex(
        columns=tuple(key.name for key in keys),
        unique=bool(row.is_unique),
        condition=condition(_sqlite_predicate(row.sql)),
        valid=True,
        compares_exactly=all(key.coll.upper() == "BINARY" for key in keys),
        identity=0,
    )


def _sqlite_predicate(sql: Any) -> str | None:
    """Return the predicate of a CREATE INDEX statement; SQLite's catalog has it nowhere else."""
    found = _SQLITE_PREDICATE.search(str(sql or ""))
    return found[1] if found else None
