"""Find views, triggers and other objects that are not ours and stop the removal of a column.

They are looked for before any change: a step that fails at them would stop half way.
"""
# ruff: noqa: S608, the names in these statements are the database's own, and quoted

import re

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from app.db.migration_ops import sqlite_catalog, yielding
from app.db.migration_ops.sqlite_catalog import quoted
from app.db.models import metadata

_POSTGRESQL = """
    SELECT DISTINCT CASE d.classid
        WHEN 'pg_rewrite'::regclass THEN (
            SELECT 'DROP RULE ' || quote_ident(rulename) || ' ON ' || ev_class::regclass
            FROM pg_rewrite WHERE oid = d.objid AND rulename <> '_RETURN')
        WHEN 'pg_proc'::regclass THEN 'DROP ROUTINE ' || d.objid::regprocedure
        WHEN 'pg_trigger'::regclass THEN (
            SELECT 'DROP TRIGGER ' || quote_ident(tgname) || ' ON ' || tgrelid::regclass
            FROM pg_trigger WHERE oid = d.objid AND NOT tgisinternal
                AND NOT starts_with(tgname, 'hookonce_'))
        WHEN 'pg_policy'::regclass THEN (
            SELECT 'DROP POLICY ' || quote_ident(polname) || ' ON ' || polrelid::regclass
            FROM pg_policy WHERE oid = d.objid)
        WHEN 'pg_attrdef'::regclass THEN (
            SELECT 'ALTER TABLE ' || f.adrelid::regclass || ' DROP COLUMN '
                || quote_ident(g.attname)
            FROM pg_attrdef AS f JOIN pg_attribute AS g
                ON g.attrelid = f.adrelid AND g.attnum = f.adnum
            WHERE f.oid = d.objid AND g.attgenerated <> '' AND f.adnum <> a.attnum)
        WHEN 'pg_constraint'::regclass THEN (
            SELECT 'ALTER TABLE ' || conrelid::regclass || ' DROP CONSTRAINT '
                || quote_ident(conname)
            FROM pg_constraint WHERE oid = d.objid AND contype IN ('c', 'f')
                AND NOT conname = ANY(:ours))
        WHEN 'pg_publication_rel'::regclass THEN (
            SELECT 'ALTER PUBLICATION ' || quote_ident(pubname) || ' DROP TABLE '
                || prrelid::regclass
            FROM pg_publication_rel AS l JOIN pg_publication AS p ON p.oid = l.prpubid
            WHERE l.oid = d.objid)
        END AS remedy
    FROM pg_depend AS d JOIN pg_attribute AS a ON a.attrelid = d.refobjid
        AND a.attnum = d.refobjsubid
    WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid = to_regclass(:table)
        AND a.attname = ANY(:names) AND NOT d.objid = ANY(:yielding)"""

_VIEWS = """
    WITH RECURSIVE built AS (
        SELECT r.ev_class AS oid, 0 AS level FROM pg_depend AS d
        JOIN pg_attribute AS a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
        JOIN pg_rewrite AS r ON r.oid = d.objid AND r.rulename = '_RETURN'
        WHERE d.classid = 'pg_rewrite'::regclass AND d.refclassid = 'pg_class'::regclass
        AND d.refobjid = to_regclass(:table) AND a.attname = ANY(:names)
        UNION SELECT r.ev_class, built.level + 1 FROM built
        JOIN pg_depend AS d ON d.refobjid = built.oid AND d.refclassid = 'pg_class'::regclass
            AND d.classid = 'pg_rewrite'::regclass
        JOIN pg_rewrite AS r ON r.oid = d.objid AND r.rulename = '_RETURN'
            AND r.ev_class <> built.oid)
    SELECT CASE c.relkind WHEN 'm' THEN 'DROP MATERIALIZED VIEW ' ELSE 'DROP VIEW ' END
        || c.oid::regclass AS remedy
    FROM built JOIN pg_class AS c ON c.oid = built.oid
    GROUP BY c.oid, c.relkind ORDER BY max(level) DESC, 1"""
"""Views of the columns, and views of those views first: each must go before what it reads."""

_OUR_CONSTRAINTS = sorted(
    {str(each.name) for table in metadata.tables.values() for each in table.constraints}
)
_HIDDEN = re.compile(r"\b_stash_\d{4}(?:_found)?_(\w+)")


def remedies(connection: Connection, table: str, names: list[str]) -> list[str]:
    """Return a statement, else what to do, for each object that must go before the columns."""
    if not names:
        return []
    if connection.dialect.name != "postgresql":
        return _of_sqlite(connection, table, names)
    query = f"SELECT remedy FROM ({_POSTGRESQL}) AS r WHERE remedy IS NOT NULL ORDER BY 1"
    oids = [each.oid for each in yielding.found(connection, table, names)]
    parameters = {"table": table, "names": names, "yielding": oids, "ours": _OUR_CONSTRAINTS}
    views = connection.scalars(sa.text(_VIEWS), {"table": table, "names": names}).all()
    others = connection.scalars(sa.text(query), parameters).all()
    return [f"{remedy};" for remedy in [*views, *others]]


def refusal(table: str, remedies: list[str]) -> str:
    """Return the sentence that names the remedies, statements first."""
    statements = [each for each in remedies if each.endswith(";")]
    run = [f"run `{' '.join(statements)}`"] if statements else []
    others = [each for each in remedies if each not in statements]
    sentence = ", and ".join([*run, *others])
    return (
        f"objects that are not Hookonce's use columns of {table} that are to be removed; nothing "
        f"was removed. {sentence[0].upper()}{sentence[1:]}, then run the same command again"
    )


def _of_sqlite(connection: Connection, table: str, names: list[str]) -> list[str]:
    """Search the statements of the schema for the names, which only hidden columns have."""
    used = re.compile(rf"\b({'|'.join(map(re.escape, names))})\b")
    schema = connection.exec_driver_sql("SELECT type, name, tbl_name, sql FROM sqlite_master")
    found = []
    for row in schema.all():
        if row.type in ("view", "trigger") and used.search(row.sql):
            found.append(f"DROP {row.type.upper()} {quoted(row.name)};")
        elif row.type == "table" and row.name == table:
            found += [each for name in names for each in _of_definition(row.sql, table, name)]
    return list(dict.fromkeys(found))


def _of_definition(sql: str, table: str, name: str) -> list[str]:
    """Return how the other uses of the column leave the table's own definition."""
    generated = sqlite_catalog.generated_from(sql, table, name)
    drops = [f"ALTER TABLE {table} DROP COLUMN {quoted(each)};" for each in generated]
    rest, checks = sqlite_catalog.without_checks_of(sql, table, name)
    is_used = not drops and sqlite_catalog.uses(rest, name) > 1
    anew = f"create {table} anew without the constraint on {quoted(name)}"
    return [*drops, *(_without_check(table, each) for each in checks), *([anew] if is_used else [])]


def _without_check(table: str, check: str) -> str:
    """Return statements that remove a CHECK of SQLite, which has no ALTER for that.

    https://www.sqlite.org/lang_altertable.html#otheralter describes them. A refused step renames
    its columns back, so that the text with either names is removed.
    """
    shown = _HIDDEN.sub(r"\1", check)
    without = f"replace(replace(sql, {_literal(check)}, ''), {_literal(shown)}, '')"
    update = f"UPDATE sqlite_master SET sql = {without} WHERE type = 'table' AND name = '{table}'"
    return f"PRAGMA writable_schema = ON; {update}; PRAGMA writable_schema = RESET;"


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
