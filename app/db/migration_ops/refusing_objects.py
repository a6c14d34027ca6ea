"""Find rules, unique indexes and constraints of found tables that would refuse an event or replay.

Names count too: a table or index of somebody else may have the name of one that a revision builds.
"""

import re
from collections.abc import Collection, Iterator, Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from app.db import fitness
from app.db.models import metadata

EXECUTIONS = "trigger_executions"
REPLACED = {
    "uq_trigger_idem",
    "ix_trigger_executions_idem_key",
    "ix_trigger_executions_idempotency_key",
}
"""Names of indexes that a revision builds anew, so that the found ones may be of any kind."""
BUILT = {
    str(index.name) for index in metadata.tables[EXECUTIONS].indexes if index.name is not None
} | REPLACED
"""Names of all indexes of executions that revisions build."""
_RULES = """
    SELECT quote_ident(rulename) FROM pg_rewrite
    WHERE ev_class = to_regclass(:table) AND ev_type IN ('2', '3', '4') AND ev_enabled <> 'D'
    ORDER BY rulename"""
_UNIQUE = {
    "postgresql": """
    SELECT relname AS name, quote_ident(relname) AS quoted,
        pg_get_indexdef(indexrelid) AS definition
    FROM pg_index JOIN pg_class AS c ON c.oid = indexrelid
    WHERE indrelid = to_regclass(:table) AND indisunique AND NOT indisprimary ORDER BY relname""",
    "sqlite": """
    SELECT name, '"' || replace(name, '"', '""') || '"' AS quoted, sql AS definition
    FROM sqlite_master WHERE type = 'index' AND tbl_name = :table
    AND name IN (SELECT name FROM pragma_index_list(:table) WHERE "unique" AND origin = 'c')
    ORDER BY name""",
}
"""Unique indexes with their statements, of which SQLAlchemy leaves out those of an expression."""
_PREDICATE = re.compile(r"\b(?:WHERE|INCLUDE)\b", re.IGNORECASE)
_EXCLUSIONS = """
    SELECT quote_ident(c.conname) AS name, pg_get_constraintdef(c.oid) AS definition,
        array(SELECT a.attname::text FROM unnest(c.conkey) AS k JOIN pg_attribute AS a
            ON a.attrelid = c.conrelid AND a.attnum = k) AS columns
    FROM pg_constraint AS c WHERE c.conrelid = to_regclass(:table) AND c.contype = 'x'
    ORDER BY c.conname"""
_TAKEN = {
    "postgresql": """
    SELECT c.relname AS name, c.relkind = 'i' AS is_index, i.indrelid::regclass::text AS on_table
    FROM pg_class AS c LEFT JOIN pg_index AS i ON i.indexrelid = c.oid
    WHERE c.relnamespace = quote_ident(current_schema())::regnamespace AND c.relname = ANY(:names)
    AND i.indrelid IS DISTINCT FROM to_regclass(:table) ORDER BY c.relname""",
    "sqlite": """
    SELECT name, type = 'index' AS is_index, tbl_name AS on_table FROM sqlite_master
    WHERE NOT (type = 'index' AND tbl_name = :table) ORDER BY name""",
}


def taken_tables(connection: Connection, adopted: Collection[str]) -> list[str]:
    """Return a sentence for each object of somebody else that has the name of a table of ours.

    A revision would take it for the table that it creates, and a downgrade would put it away.
    """
    query = {
        "postgresql": "SELECT relname, relkind IN ('v', 'm') FROM pg_class "
        "WHERE relnamespace = quote_ident(current_schema())::regnamespace",
        "sqlite": "SELECT name, type = 'view' FROM sqlite_master",
    }
    ours = metadata.tables.keys() - set(adopted)
    return [
        f"the name {name}, which a table of Hookonce needs, belongs to an existing "
        + (f"view: run `DROP VIEW {name};`" if is_view else _renaming(name))
        for name, is_view in connection.execute(sa.text(query[connection.dialect.name])).all()
        if name.lower() in ours
    ]


def _renaming(name: str) -> str:
    return f'table: run `ALTER TABLE "{name}" RENAME TO {name.lower()}_found;`'


def sentences(connection: Connection, table: str) -> Iterator[str]:
    """Yield a sentence for each object that would refuse what this code writes into the table."""
    if connection.dialect.name == "postgresql":
        for rule in connection.scalars(sa.text(_RULES), {"table": table}):
            yield (
                f"the rule {rule} rewrites what Hookonce writes into {table}, which then cannot "
                f"be read back: run `DROP RULE {rule} ON {table};`"
            )
    else:
        yield from _foreign_keys(connection, table)
    if table == EXECUTIONS:
        yield from _taken_names(connection, table)
        yield from _exclusions(connection, table)
        yield from _unique(connection, table)


def _foreign_keys(connection: Connection, table: str) -> Iterator[str]:
    """Yield a sentence for each foreign key of a column that we write, as SQLite cannot drop one.

    Rows on trial do not show it: a migration of SQLite goes without foreign keys.
    """
    written = set(metadata.tables[table].columns.keys()) - fitness.NEVER_WRITTEN - {"trigger_id"}
    for key in sa.inspect(connection).get_foreign_keys(table):
        if written.intersection(key["constrained_columns"]):
            yield (
                f"the foreign key of {table} ({', '.join(key['constrained_columns'])}) to "
                f"{key['referred_table']} would refuse what Hookonce writes: create {table} anew "
                "without it, and copy the rows into it"
            )


def _taken_names(connection: Connection, table: str) -> Iterator[str]:
    names = {"names": sorted(BUILT)} if connection.dialect.name == "postgresql" else {}
    query = sa.text(_TAKEN[connection.dialect.name])
    for row in connection.execute(query, {"table": table, **names}):
        if row.name not in BUILT:
            continue
        kind = f"index of {row.on_table}" if row.is_index else "table or another object"
        if connection.dialect.name == "postgresql":
            what = "INDEX" if row.is_index else "TABLE"
            remedy = f"ALTER {what} {row.name} RENAME TO {row.name}_found"
        else:
            remedy = f"DROP INDEX {row.name}"
            if not row.is_index:
                remedy = f"ALTER TABLE {row.name} RENAME TO {row.name}_found"
        yield (
            f"the name {row.name}, which an index of {table} needs, belongs to an existing {kind}: "
            f"run `{remedy};`"
        )


def _exclusions(connection: Connection, table: str) -> Iterator[str]:
    if connection.dialect.name != "postgresql":
        return
    for row in connection.execute(sa.text(_EXCLUSIONS), {"table": table}):
        if _refuses_events(row.columns):
            yield (
                f"the constraint {row.name}, {row.definition}, would refuse events or their "
                f"replays: run `ALTER TABLE {table} DROP CONSTRAINT {row.name};`"
            )


def _unique(connection: Connection, table: str) -> Iterator[str]:
    """Yield a sentence for each unique constraint or index that would refuse an event or replay."""
    inspector = sa.inspect(connection)
    constraints = {str(each["name"]) for each in inspector.get_unique_constraints(table)}
    for each in inspector.get_unique_constraints(table):
        is_replaced = connection.dialect.name == "postgresql" and each["name"] in REPLACED
        if not is_replaced and _refuses_events(each["column_names"]):
            yield _unique_sentence(connection, each["name"], each["column_names"])
    existing = {column["name"] for column in inspector.get_columns(table)}
    for row in connection.execute(sa.text(_UNIQUE[connection.dialect.name]), {"table": table}):
        used = re.findall(r"\w+", _PREDICATE.split(row.definition.partition("(")[2])[0])
        columns = [word for word in dict.fromkeys(used) if word in existing]
        if row.name not in constraints | REPLACED and _refuses_events(columns):
            yield (
                f"the unique index {row.name} on ({', '.join(columns)}) would refuse events: "
                f"run `DROP INDEX {row.quoted};`"
            )


def _refuses_events(columns: Sequence[str]) -> bool:
    ours = metadata.tables[EXECUTIONS].columns
    return "id" not in columns and all(name in ours for name in columns)


def _unique_sentence(connection: Connection, name: str | None, columns: list[str]) -> str:
    called = f" {name}" if name else ""
    sentence = (
        f"the UNIQUE constraint{called} of {EXECUTIONS} on ({', '.join(columns)}) "
        "would refuse events or their replays: "
    )
    if connection.dialect.name == "postgresql":
        return f"{sentence}run `ALTER TABLE {EXECUTIONS} DROP CONSTRAINT {name};`"
    return f"{sentence}create the table anew without it, and copy the rows into it"
