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

_FOUND = """
    WITH RECURSIVE found AS (
        SELECT 'pg_class'::regclass::oid AS classid, attrelid AS objid,
            attnum::integer AS objsubid, 0 AS level FROM pg_attribute
        WHERE attrelid = to_regclass(:table) AND attname = ANY(:names)
        UNION SELECT next.classid, next.objid, next.objsubid, found.level + 1
        FROM found CROSS JOIN LATERAL (
            SELECT CASE WHEN coalesce(r.ev_class, g.attrelid) IS NULL THEN d.classid
                    ELSE 'pg_class'::regclass END,
                coalesce(r.ev_class, g.attrelid, d.objid),
                CASE WHEN r.oid IS NULL THEN coalesce(g.attnum, d.objsubid) ELSE 0 END
            FROM pg_depend AS d LEFT JOIN pg_rewrite AS r ON r.oid = d.objid
                AND d.classid = 'pg_rewrite'::regclass AND r.rulename = '_RETURN'
            LEFT JOIN pg_attrdef AS f ON f.oid = d.objid AND d.classid = 'pg_attrdef'::regclass
            LEFT JOIN pg_attribute AS g ON g.attrelid = f.adrelid AND g.attnum = f.adnum
                AND g.attgenerated <> ''
            WHERE d.refclassid = found.classid AND d.refobjid = found.objid
            AND found.objsubid IN (0, d.refobjsubid) AND (found.level = 0 OR d.deptype = 'n')
            UNION ALL SELECT 'pg_type'::regclass, unnest(ARRAY[oid, typarray]), 0 FROM pg_type
                WHERE found.objsubid = 0 AND found.classid = 'pg_class'::regclass
                AND typrelid = found.objid
        ) AS next (classid, objid, objsubid)
        WHERE found.level < 20)"""
"""Each object with its distance from the columns; a view or generated column has its own, too."""
_REMEDIES = f"""{_FOUND}
    SELECT remedy || ';' FROM (SELECT level, CASE classid
        WHEN 'pg_class'::regclass THEN (
            SELECT CASE WHEN relkind = 'v' THEN 'DROP VIEW ' || c.oid::regclass
                WHEN relkind = 'm' THEN 'DROP MATERIALIZED VIEW ' || c.oid::regclass
                WHEN relkind = 'c' THEN 'DROP TYPE ' || c.reltype::regtype
                WHEN attgenerated <> '' THEN
                    format('ALTER TABLE %s DROP COLUMN %I', attrelid::regclass, attname)
                WHEN relkind IN ('r', 'p') AND attinhcount = 0 THEN
                    format('ALTER TABLE %s ALTER COLUMN %I TYPE jsonb USING to_jsonb(%2$I)',
                        attrelid::regclass, attname) END
            FROM pg_class AS c LEFT JOIN pg_attribute ON attrelid = c.oid AND attnum = objsubid
            WHERE c.oid = objid)
        WHEN 'pg_type'::regclass THEN (SELECT 'DROP DOMAIN ' || oid::regtype
            FROM pg_type WHERE oid = objid AND typtype = 'd')
        WHEN 'pg_rewrite'::regclass THEN (
            SELECT format('DROP RULE %I ON %s', rulename, ev_class::regclass)
            FROM pg_rewrite WHERE oid = objid)
        WHEN 'pg_proc'::regclass THEN 'DROP ROUTINE ' || objid::regprocedure
        WHEN 'pg_cast'::regclass THEN (
            SELECT format('DROP CAST (%s AS %s)', castsource::regtype, casttarget::regtype)
            FROM pg_cast WHERE oid = objid)
        WHEN 'pg_trigger'::regclass THEN (
            SELECT format('DROP TRIGGER %I ON %s', tgname, tgrelid::regclass)
            FROM pg_trigger WHERE oid = objid AND NOT tgisinternal
                AND NOT starts_with(tgname, 'hookonce_'))
        WHEN 'pg_policy'::regclass THEN (
            SELECT format('DROP POLICY %I ON %s', polname, polrelid::regclass)
            FROM pg_policy WHERE oid = objid)
        WHEN 'pg_attrdef'::regclass THEN (
            SELECT format('ALTER TABLE %s ALTER COLUMN %I DROP DEFAULT', adrelid::regclass, attname)
            FROM pg_attrdef AS f JOIN pg_attribute ON attrelid = adrelid AND attnum = adnum
            WHERE f.oid = objid AND level > 1)
        WHEN 'pg_constraint'::regclass THEN (
            SELECT format('ALTER TABLE %s DROP CONSTRAINT %I', conrelid::regclass, conname)
            FROM pg_constraint WHERE oid = objid AND contype IN ('c', 'f') AND conrelid <> 0
                AND NOT conname = ANY(:ours))
        WHEN 'pg_publication_rel'::regclass THEN (
            SELECT format('ALTER PUBLICATION %I DROP TABLE %s', pubname, prrelid::regclass)
            FROM pg_publication_rel AS l JOIN pg_publication AS p ON p.oid = l.prpubid
            WHERE l.oid = objid)
        END AS remedy
        FROM found WHERE level > 0 AND NOT objid = ANY(:yielding)) AS r
    WHERE remedy IS NOT NULL GROUP BY remedy ORDER BY max(level) DESC, remedy"""
"""Statements that remove them, in order: each before what it uses."""

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
    oids = [each.oid for each in yielding.found(connection, table, names)]
    parameters = {"table": table, "names": names, "yielding": oids, "ours": _OUR_CONSTRAINTS}
    return list(connection.scalars(sa.text(_REMEDIES), parameters))


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
