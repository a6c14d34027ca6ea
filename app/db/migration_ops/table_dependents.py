"""Find objects of others that use a table of PostgreSQL, or the type of its rows.

A table with such an object cannot be dropped, and one whose rows another table stores gets no
column with a default.
"""
# ruff: noqa: S608, these statements contain nothing but constants of this module

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from app.db.migration_ops.plugin import table_names
from app.db.models import metadata

_FOUND = """
    WITH RECURSIVE found AS (
        SELECT 'pg_class'::regclass::oid AS classid, to_regclass(:table)::oid AS objid,
            0 AS objsubid, 0 AS level, false AS is_stored
        UNION SELECT next.classid, next.objid, next.objsubid, found.level + 1,
            found.is_stored OR next.objsubid > 0 AND c.relkind IN ('r', 'p', 'm')
        FROM found CROSS JOIN LATERAL (
            SELECT CASE WHEN r.rulename = '_RETURN' THEN 'pg_class'::regclass ELSE d.classid END,
                CASE WHEN r.rulename = '_RETURN' THEN r.ev_class ELSE d.objid END,
                CASE WHEN r.rulename = '_RETURN' THEN 0 ELSE d.objsubid END
            FROM pg_depend AS d LEFT JOIN pg_rewrite AS r
                ON d.classid = 'pg_rewrite'::regclass AND r.oid = d.objid
            WHERE d.refclassid = found.classid AND d.refobjid = found.objid AND d.deptype = 'n'
            AND found.objsubid IN (0, d.refobjsubid)
            UNION ALL SELECT 'pg_type'::regclass, t.oid, 0 FROM pg_type AS t
                WHERE found.classid = 'pg_class'::regclass AND t.typrelid = found.objid
            UNION ALL SELECT 'pg_type'::regclass, t.typarray, 0 FROM pg_type AS t
                WHERE found.classid = 'pg_type'::regclass AND t.oid = found.objid AND typarray <> 0
            UNION ALL SELECT 'pg_class'::regclass, o.objid, 0 FROM pg_depend AS o
                JOIN pg_class AS s ON o.classid = 'pg_class'::regclass AND s.oid = o.objid
                WHERE found.level = 0 AND o.refobjid = found.objid AND s.relkind = 'S'
        ) AS next (classid, objid, objsubid)
        LEFT JOIN pg_class AS c ON next.classid = 'pg_class'::regclass AND c.oid = next.objid
        LEFT JOIN pg_inherits AS child ON found.classid = 'pg_class'::regclass
            AND found.objsubid = 0 AND child.inhrelid = found.objid
        WHERE found.level < 20 AND child.inhrelid IS NULL
        AND c.oid IS DISTINCT FROM to_regclass(:table))"""
"""Each object with its distance from the table; a view comes with the views of it."""
_REMEDIES = f"""{_FOUND}
    SELECT CASE
        WHEN c.relkind = 'v' THEN 'DROP VIEW ' || c.oid::regclass
        WHEN c.relkind = 'm' THEN 'DROP MATERIALIZED VIEW ' || c.oid::regclass
        WHEN c.relkind = 'c' THEN 'DROP TYPE ' || c.reltype::regtype
        WHEN c.relkind IN ('r', 'p') AND objsubid = 0
            THEN format('ALTER TABLE %s NO INHERIT %s', c.oid::regclass, to_regclass(:table))
        WHEN c.relkind IN ('r', 'p') THEN (SELECT
            format('ALTER TABLE %s ALTER COLUMN %I TYPE jsonb USING to_jsonb(%2$I)',
                attrelid::regclass, attname)
            FROM pg_attribute WHERE attrelid = c.oid AND attnum = objsubid AND attinhcount = 0)
        WHEN classid = 'pg_type'::regclass THEN (SELECT 'DROP DOMAIN ' || oid::regtype
            FROM pg_type WHERE oid = objid AND typtype = 'd')
        WHEN classid = 'pg_proc'::regclass THEN 'DROP ROUTINE ' || objid::regprocedure
        WHEN classid = 'pg_attrdef'::regclass THEN (SELECT
            format('ALTER TABLE %s ALTER COLUMN %I DROP DEFAULT', adrelid::regclass, attname)
            FROM pg_attrdef AS f JOIN pg_attribute ON attrelid = adrelid AND attnum = adnum
            WHERE f.oid = objid AND adrelid <> to_regclass(:table))
        WHEN classid = 'pg_cast'::regclass THEN (SELECT
            format('DROP CAST (%s AS %s)', castsource::regtype, casttarget::regtype)
            FROM pg_cast WHERE oid = objid)
        WHEN classid = 'pg_policy'::regclass THEN (SELECT
            format('DROP POLICY %I ON %s', polname, polrelid::regclass)
            FROM pg_policy WHERE oid = objid AND polrelid <> to_regclass(:table))
        WHEN classid = 'pg_rewrite'::regclass THEN (SELECT
            format('DROP RULE %I ON %s', rulename, ev_class::regclass)
            FROM pg_rewrite WHERE oid = objid AND ev_class <> to_regclass(:table))
        WHEN classid = 'pg_constraint'::regclass THEN (SELECT
            format('ALTER TABLE %s DROP CONSTRAINT %I', conrelid::regclass, conname)
            FROM pg_constraint JOIN pg_class AS o ON o.oid = conrelid
            WHERE pg_constraint.oid = objid AND NOT (o.relname = ANY(:ours)
                AND o.relnamespace = quote_ident(current_schema())::regnamespace))
        END AS remedy, level, is_stored
    FROM found LEFT JOIN pg_class AS c ON classid = 'pg_class'::regclass AND c.oid = objid
    WHERE level > 0"""
_IN_ORDER = """
    SELECT remedy || ';' FROM ({remedies}) AS r WHERE remedy IS NOT NULL AND {condition}
    GROUP BY remedy ORDER BY max(level) DESC, remedy"""


def before_drop(connection: Connection, table: str) -> list[str]:
    """Return the statements, in order, after which the table can be dropped."""
    return _remedies(connection, table, "true")


def before_default(connection: Connection, table: str) -> list[str]:
    """Return the statements, in order, after which no other table stores rows of this one."""
    return _remedies(connection, table, "is_stored")


def _remedies(connection: Connection, table: str, condition: str) -> list[str]:
    existing = table_names(connection)
    ours = [name for name in existing if name in metadata.tables or name.startswith("_stash_")]
    query = sa.text(_IN_ORDER.format(remedies=_REMEDIES, condition=condition))
    return list(connection.scalars(query, {"table": table, "ours": ours}))
