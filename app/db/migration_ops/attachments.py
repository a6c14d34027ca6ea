"""Keep what others attached to columns that are removed for good, and attach it again.

An index, unique or exclusion constraint, comment, grant, storage option, statistics target or
extended statistics goes with its column; policies and column lists of publications go before it
(yielding.py). The statement of each is kept in a
stash of the latest revision whose column it uses.
"""
# ruff: noqa: S608, the names in these statements are the database's own, and quoted

import logging
import re

import sqlalchemy as sa
from alembic.operations import Operations
from sqlalchemy import exc
from sqlalchemy.engine import Connection

from app.db.migration_ops import hiding, yielding
from app.db.migration_ops.hiding import Hidden
from app.db.migration_ops.plugin import postgresql, stash_name, table_names
from app.db.migration_ops.sqlite_catalog import plain
from app.db.models import metadata
from app.db.shard_key import KEYS_OF_OLDER_CODE
from app.log import event

SUFFIX = "_objects"
"""Suffix of the table that keeps the statements."""
OURS = {str(index.name) for table in metadata.tables.values() for index in table.indexes} | {
    "ix_trigger_executions_due",
    *KEYS_OF_OLDER_CODE,
}
"""Indexes that revisions build."""
_POSTGRESQL = """
    WITH hidden AS (SELECT attrelid, attnum, attname, attacl, attstattarget, attstorage,
            attcompression, attoptions, atttypid
        FROM pg_attribute WHERE attrelid = to_regclass(:table) AND attname = ANY(:names)),
    used AS (SELECT d.classid, d.objid FROM hidden JOIN pg_depend AS d
        ON d.refclassid = 'pg_class'::regclass AND d.refobjid = attrelid
        AND d.refobjsubid = attnum),
    indexes AS (SELECT i.oid, i.relname, indrelid, indisclustered, indisreplident, c.oid AS key
        FROM pg_index JOIN pg_class AS i ON i.oid = indexrelid LEFT JOIN pg_constraint AS c
        ON c.conindid = indexrelid AND c.conrelid = indrelid AND c.contype IN ('u', 'x')
        WHERE (i.oid IN (SELECT objid FROM used WHERE classid = 'pg_class'::regclass)
        OR c.oid IN (SELECT objid FROM used WHERE classid = 'pg_constraint'::regclass))
        AND NOT i.relname = ANY(:ours))
    SELECT concat_ws(';' || chr(10),
        coalesce(format('ALTER TABLE %s ADD CONSTRAINT %I ', indrelid::regclass, relname)
            || pg_get_constraintdef(key), pg_get_indexdef(oid)),
        format('COMMENT ON CONSTRAINT %I ON %s IS ', relname, indrelid::regclass)
            || quote_literal(obj_description(key, 'pg_constraint')),
        'COMMENT ON INDEX ' || oid::regclass || ' IS '
            || quote_literal(obj_description(oid, 'pg_class')),
        (SELECT string_agg(format('ALTER INDEX %s ALTER COLUMN %s SET STATISTICS %s',
            attrelid::regclass, attnum, attstattarget), '; ')
            FROM pg_attribute WHERE attrelid = indexes.oid AND attstattarget >= 0),
        CASE WHEN indisclustered THEN format('ALTER TABLE %s CLUSTER ON %I', indrelid::regclass,
            relname) END,
        CASE WHEN indisreplident THEN format('ALTER TABLE %s REPLICA IDENTITY USING INDEX %I',
            indrelid::regclass, relname) END) AS sql
        FROM indexes
    UNION SELECT concat_ws('; ', pg_get_statisticsobjdef(s.oid),
        format('COMMENT ON STATISTICS %s.%I IS ', stxnamespace::regnamespace, stxname)
            || quote_literal(obj_description(s.oid, 'pg_statistic_ext')),
        CASE WHEN stxstattarget >= 0 THEN format('ALTER STATISTICS %s.%I SET STATISTICS %s',
            stxnamespace::regnamespace, stxname, stxstattarget) END)
        FROM pg_statistic_ext AS s
        WHERE s.oid IN (SELECT objid FROM used WHERE classid = 'pg_statistic_ext'::regclass)
    UNION SELECT format('COMMENT ON COLUMN %s.%I IS %L', attrelid::regclass, attname,
        col_description(attrelid, attnum)) FROM hidden
        WHERE col_description(attrelid, attnum) IS NOT NULL
    UNION SELECT format('GRANT %s (%I) ON %s TO %s', a.privilege_type, attname,
        attrelid::regclass, coalesce(quote_ident(r.rolname), 'PUBLIC'))
            || CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END
        FROM hidden CROSS JOIN aclexplode(attacl) AS a LEFT JOIN pg_roles AS r ON r.oid = a.grantee
    UNION SELECT format('ALTER TABLE %s ALTER COLUMN %I SET STATISTICS %s', attrelid::regclass,
        attname, attstattarget) FROM hidden WHERE attstattarget >= 0
    UNION SELECT format('ALTER TABLE %s ALTER COLUMN %I SET (%s)', attrelid::regclass,
        attname, array_to_string(attoptions, ', ')) FROM hidden WHERE attoptions IS NOT NULL
    UNION SELECT format('ALTER TABLE %s ALTER COLUMN %I SET COMPRESSION %s', attrelid::regclass,
        attname, CASE attcompression WHEN 'p' THEN 'pglz' ELSE 'lz4' END)
        FROM hidden WHERE attcompression <> ''
    UNION SELECT format('ALTER TABLE %s ALTER COLUMN %I SET STORAGE %s', attrelid::regclass,
        attname, CASE attstorage WHEN 'p' THEN 'PLAIN' WHEN 'e' THEN 'EXTERNAL'
            WHEN 'm' THEN 'MAIN' ELSE 'EXTENDED' END)
        FROM hidden JOIN pg_type AS t ON t.oid = atttypid WHERE attstorage <> t.typstorage
    ORDER BY 1"""
_IDENTITY = " REPLICA IDENTITY USING INDEX "
_SEPARATOR = ";\n"
"""Text after the statement of an index: no other can be in one with CONCURRENTLY."""
_CONSTRAINT = re.compile(r'ALTER TABLE (.+?) ADD CONSTRAINT ("(?:[^"]|"")+"|\w+) ', re.DOTALL)
_KEPT = re.compile(rf"_stash_\d{{4}}(_found)?_\w+{SUFFIX}")

log = logging.getLogger("hookonce.migrate")


def keep(op: Operations, table: str, columns: list[Hidden]) -> None:
    """Write down what is attached to the hidden columns, and drop what would keep them."""
    names = [each.name for each in columns]
    yielded = yielding.found(op.get_bind(), table, names)
    hidden = hiding.hidden_columns(op.get_bind(), table)
    statements = _statements(op.get_bind(), table, names)
    if any(_IDENTITY in each for each in statements):
        # without its index the table could not be updated while it is published
        op.execute(f"ALTER TABLE {table} REPLICA IDENTITY DEFAULT")
    for statement in statements + [y.kept for y in yielded]:
        used = [each for each in hidden if re.search(rf"\b{each.name}\b", statement)]
        for each in used:
            statement = re.sub(rf"\b{each.name}\b", each.column, statement)
        _write_down(op, stash_name(max(each.revision for each in used), table), statement)
    for match in filter(None, map(_CONSTRAINT.match, statements)):
        # it stops the drop of a column that its condition or an expression of it uses
        drop = f"ALTER TABLE {match[1]} DROP CONSTRAINT {match[2]}"
        op.get_bind().exec_driver_sql(drop.replace("%", "%%"))
    for yielding_object in yielded:
        event(log, logging.WARNING, "object_set_aside", statement=yielding_object.kept)
        op.get_bind().exec_driver_sql(yielding_object.removal.replace("%", "%%"))


def _write_down(op: Operations, stash: str, statement: str) -> None:
    op.execute(f"CREATE TABLE IF NOT EXISTS {stash}{SUFFIX} (statement TEXT NOT NULL)")
    parameters = {"statement": statement}
    seen = sa.text(f"SELECT 1 FROM {stash}{SUFFIX} WHERE statement = :statement")
    if op.get_bind().execute(seen, parameters).scalar() is None:
        insert = sa.text(f"INSERT INTO {stash}{SUFFIX} VALUES (:statement)")
        op.get_bind().execute(insert, parameters)


def written(connection: Connection) -> list[tuple[str, str]]:
    """Return the stash and the statement of everything that was written down."""
    names = [name for name in sorted(table_names(connection)) if _KEPT.fullmatch(name)]
    return [
        (name.removesuffix(SUFFIX), statement)
        for name in names
        for statement in connection.scalars(sa.text(f"SELECT statement FROM {name}")).all()
    ]


def write_down(op: Operations, statements: list[tuple[str, str]]) -> None:
    """Keep the statements that a rehearsal kept in its copy, each with its stash."""
    for stash, statement in statements:
        _write_down(op, stash, statement)


def _statements(connection: Connection, table: str, names: list[str]) -> list[str]:
    if not names:
        return []
    if connection.dialect.name == "postgresql":
        parameters = {"table": table, "names": names, "ours": sorted(OURS)}
        return list(connection.scalars(sa.text(_POSTGRESQL), parameters))
    indexes = [each for each in hiding.indexes_on(connection, table, names) if each not in OURS]
    query = sa.text("SELECT sql FROM sqlite_master WHERE type = 'index' AND name = :name")
    return [str(connection.execute(query, {"name": each}).scalar()) for each in indexes]


def restore(op: Operations, revision: str, table: str) -> None:
    """Run the kept statements; one that fails is logged, and does not stop the upgrade."""
    stash = stash_name(revision, table) + SUFFIX
    if stash not in table_names(op.get_bind()):
        return
    # newest first: the oldest statement of a publication, run last, has its whole column list
    row = "ctid" if postgresql(op) else "rowid"
    query = sa.text(f"SELECT statement FROM {stash} ORDER BY {row} DESC")
    for statement in op.get_bind().scalars(query).all():
        try:
            _run(op, statement)
        except exc.DBAPIError as error:
            reason = " ".join(str(error.orig).split())
            event(log, logging.WARNING, "object_not_restored", statement=statement, error=reason)
    op.drop_table(stash)


def _run(op: Operations, statement: str) -> None:
    if postgresql(op):
        built = re.sub(r"^(CREATE (UNIQUE )?INDEX) ", r"\1 CONCURRENTLY IF NOT EXISTS ", statement)
        with op.get_context().autocommit_block():
            for each in filter(None, built.partition(_SEPARATOR)[::2]):
                op.get_bind().exec_driver_sql(each.replace("%", "%%"))
    elif plain(statement) not in _sqlite_indexes(op.get_bind()):  # a copied table has it already
        with op.get_bind().begin_nested():
            op.get_bind().exec_driver_sql(statement)


def _sqlite_indexes(connection: Connection) -> set[str]:
    query = sa.text("SELECT sql FROM sqlite_master WHERE type = 'index'")
    return {plain(sql) for sql in connection.scalars(query)}
