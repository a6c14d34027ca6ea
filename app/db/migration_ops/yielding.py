"""Write down policies and column lists of publications that keep PostgreSQL from dropping a column.

Each is dropped before the column, and made again with it. Those without which more rows could be
seen, a restrictive policy or the row filter of a publication, and a publication that this role may
not change, are left to a person: dependents.py names them.
"""
# ruff: noqa: S608, these statements contain nothing but constants of this module

from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

_HIDDEN = """
    WITH hidden AS (SELECT attrelid, attnum, attname FROM pg_attribute
        WHERE attrelid = to_regclass(:table) AND attname = ANY(:names) AND NOT attisdropped),
    used AS (SELECT DISTINCT d.classid, d.objid FROM hidden JOIN pg_depend AS d
        ON d.refclassid = 'pg_class'::regclass AND d.refobjid = attrelid
        AND d.refobjsubid = attnum)"""
_POLICIES = f"""{_HIDDEN}
    SELECT p.oid, format('DROP POLICY %I ON %s', polname, polrelid::regclass) AS removal,
        format('CREATE POLICY %I ON %s FOR %s TO %s', polname, polrelid::regclass,
            CASE polcmd WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE'
                WHEN 'd' THEN 'DELETE' ELSE 'ALL' END,
            (SELECT string_agg(CASE r WHEN 0 THEN 'PUBLIC'
                ELSE quote_ident(pg_get_userbyid(r)) END, ', ') FROM unnest(polroles) AS r))
        || coalesce(' USING (' || pg_get_expr(polqual, polrelid) || ')', '')
        || coalesce(' WITH CHECK (' || pg_get_expr(polwithcheck, polrelid) || ')', '')
        || coalesce(format('; COMMENT ON POLICY %I ON %s IS ', polname, polrelid::regclass)
            || quote_literal(obj_description(p.oid, 'pg_policy')), '') AS kept
    FROM pg_policy AS p JOIN used ON classid = 'pg_policy'::regclass AND objid = p.oid
    WHERE polpermissive AND polrelid = to_regclass(:table) ORDER BY polname"""
_PUBLICATIONS = f"""{_HIDDEN}
    SELECT l.oid, format(again, names.rest) AS removal, format(again, names.every) AS kept
    FROM pg_publication_rel AS l JOIN pg_publication AS p ON p.oid = l.prpubid
        JOIN used ON classid = 'pg_publication_rel'::regclass AND objid = l.oid
        CROSS JOIN LATERAL (SELECT
            string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum) AS every,
            string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum)
                FILTER (WHERE NOT a.attname = ANY(:names)) AS rest
            FROM unnest(prattrs) AS n
            JOIN pg_attribute AS a ON a.attrelid = prrelid AND a.attnum = n) AS names
        CROSS JOIN LATERAL (SELECT replace(
            format('ALTER PUBLICATION %1$I DROP TABLE %2$s; '
                'ALTER PUBLICATION %1$I ADD TABLE %2$s (', pubname, prrelid::regclass),
            '%', '%%') || '%s)'
            || coalesce(replace(' WHERE (' || pg_get_expr(prqual, prrelid) || ')', '%', '%%'), '')
            AS again) AS statements
    WHERE prrelid = to_regclass(:table) AND names.rest IS NOT NULL
    AND pg_has_role(pubowner, 'USAGE') AND NOT EXISTS (
        SELECT FROM hidden WHERE strpos(pg_get_expr(prqual, prrelid), attname) > 0)
    ORDER BY pubname"""


class Yielding(NamedTuple):
    """A policy or publication that can be changed so that a column can be dropped."""

    oid: int
    removal: str
    """Statements after which it no longer uses the columns."""
    kept: str
    """Statements that make it again as it was."""


def found(connection: Connection, table: str, names: list[str]) -> list[Yielding]:
    """Return the policies and publications of the table that use one of the columns."""
    if not names or connection.dialect.name != "postgresql":
        return []
    parameters = {"table": table, "names": names}
    return [
        Yielding(*row)
        for query in (_POLICIES, _PUBLICATIONS)
        for row in connection.execute(sa.text(query), parameters)
    ]
