"""Tell an empty table that can be dropped from one that holds rows or objects of somebody else."""
# ruff: noqa: S608, the names in these statements are our own

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from app.db.migration_ops import grants, hiding, sqlite_catalog, table_dependents
from app.db.migration_ops.attachments import OURS
from app.db.migration_ops.plugin import column_names
from app.db.models import metadata

_OUR_PREFIXES = ("hookonce_", "_hookonce_")
"""Beginnings of the names of our database triggers."""
_ON_POSTGRESQL = """
    SELECT 1 FROM pg_index JOIN pg_class AS i ON i.oid = indexrelid
        WHERE indrelid = to_regclass(:table) AND NOT i.relname = ANY(:ours)
    UNION ALL SELECT 1 FROM pg_constraint
        WHERE conrelid = to_regclass(:table) AND contype <> 'n' AND NOT conname = ANY(:ours)
    UNION ALL SELECT 1 FROM pg_trigger WHERE tgrelid = to_regclass(:table)
        AND NOT tgisinternal AND NOT starts_with(tgname, :prefix)
    UNION ALL SELECT 1 FROM pg_policy WHERE polrelid = to_regclass(:table)
    UNION ALL SELECT 1 FROM pg_rewrite WHERE ev_class = to_regclass(:table)
    UNION ALL SELECT 1 FROM pg_publication_rel WHERE prrelid = to_regclass(:table)
    UNION ALL SELECT 1 FROM pg_statistic_ext WHERE stxrelid = to_regclass(:table)
    UNION ALL SELECT 1 FROM pg_description
        WHERE classoid = 'pg_class'::regclass AND objoid = to_regclass(:table)
    UNION ALL SELECT 1 FROM pg_class CROSS JOIN aclexplode(relacl) AS a
        WHERE pg_class.oid = to_regclass(:table) AND a.grantee <> relowner
        AND (a.grantee, a.privilege_type) NOT IN (
            SELECT g.grantee, g.privilege_type FROM pg_class AS pattern
            CROSS JOIN aclexplode(coalesce(relacl, acldefault('r', relowner))) AS g
            WHERE pattern.oid = to_regclass(:pattern)
            UNION ALL SELECT g.grantee, g.privilege_type FROM pg_default_acl
            CROSS JOIN aclexplode(defaclacl) AS g
            WHERE defaclobjtype = 'r' AND defaclnamespace IN (0, relnamespace))
    LIMIT 1"""
"""Objects that the next upgrade would not make again; the grants of `triggers` it would."""


def is_bare(connection: Connection, table: str) -> bool:
    """Return True if a table of ours has no row, and nothing of somebody else on it or using it."""
    row = connection.scalar(sa.text(f"SELECT 1 FROM {table} LIMIT 1"))
    return row is None and not _is_used(connection, table)


def _is_used(connection: Connection, table: str) -> bool:
    if _columns_of_others(connection, table):
        return True
    if connection.dialect.name != "postgresql":
        return any(_is_of_others(each, table) for each in sqlite_catalog.entries(connection))
    parameters = {
        "table": table,
        "pattern": grants.PATTERN,
        "ours": sorted(_our_names(table)),
        "prefix": _OUR_PREFIXES[0],
    }
    on_it = connection.scalar(sa.text(_ON_POSTGRESQL), parameters)
    return on_it is not None or bool(table_dependents.before_drop(connection, table))


def _columns_of_others(connection: Connection, table: str) -> set[str]:
    hidden = {each.name for each in hiding.hidden_columns(connection, table)}
    return column_names(connection, table) - set(metadata.tables[table].columns.keys()) - hidden


def _our_names(table: str) -> set[str]:
    constraints = metadata.tables[table].constraints
    return OURS | {str(each.name) for each in constraints}


def _is_of_others(entry: sqlite_catalog.CatalogEntry, table: str) -> bool:
    """Return True for an index or database trigger of the table, or a view that reads it."""
    if entry.kind == "table" or entry.sql is None or entry.name.startswith(_OUR_PREFIXES):
        return False
    return entry.name not in OURS and sqlite_catalog.uses(entry.sql, table) > 0
