"""Read a whole schema as plain values, so that two can be compared.

It contains what Alembic's own comparison does not see: types, defaults, primary and foreign keys,
unique and CHECK constraints, indexes with their WHERE, triggers. The objects of
migrations are left out unless `whole` is True: the tables `hookonce_alembic_version`, `_stash_*`,
`_found_*`, and hidden columns `_stash_*` with the indexes on them.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa

from app import settings
from app.db.migration_ops.plugin import table_names

HIDDEN = "_stash_"
Schema = dict[str, dict[str, Any]]


@contextmanager
def connected(url: str) -> Iterator[sa.Connection]:
    """Yield the test's own connection in autocommit; `url` is spelled as in DATABASE_URL."""
    url = settings.from_environment({"DATABASE_URL": url}).database_url
    engine = sa.create_engine(url, poolclass=sa.NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        yield connection


def execute(url: str, *statements: str) -> list[Any]:
    """Run the statements; return the rows of the last one, if it has any."""
    with connected(url) as connection:
        for statement in statements:
            result = connection.exec_driver_sql(statement)
        return list(result) if result.returns_rows else []


def tables(connection: sa.Connection, *, whole: bool = False) -> list[str]:
    """Return the names of the tables to compare, sorted; partitions belong to their table."""
    names = sorted(table_names(connection))
    return names if whole else [n for n in names if n != "hookonce_alembic_version" and n[0] != "_"]


def schema(url: str, *, whole: bool = False) -> Schema:
    """Return the definition of every table."""
    with connected(url) as connection:
        describe = _sqlite if connection.dialect.name == "sqlite" else _postgresql
        described = {n: describe(connection, n) for n in tables(connection, whole=whole)}
        return described if whole else {n: _without_hidden(t) for n, t in described.items()}


def _without_hidden(table: dict[str, Any]) -> dict[str, Any]:
    indexes = table["indexes"]
    if isinstance(indexes, dict):
        shown: Any = {name: sql for name, sql in indexes.items() if HIDDEN not in sql}
    else:
        shown = [index for index in indexes if HIDDEN not in index[0]]
    columns = [column for column in table["columns"] if not column[0].startswith(HIDDEN)]
    return table | {"columns": columns, "indexes": shown}


def in_any_order(tables: Schema) -> Schema:
    """Return the schema with sorted columns.

    A later revision appends its column at the end, wherever the code lists it."""
    return {name: table | {"columns": sorted(table["columns"])} for name, table in tables.items()}


def data(url: str, *, whole: bool = False) -> dict[str, list[dict[str, Any]]]:
    """Return all rows of all tables, sorted by their values."""
    with connected(url) as connection:
        return {n: _rows(connection, n, whole=whole) for n in tables(connection, whole=whole)}


def stashes(url: str) -> set[str]:
    """Return what downgrades left: stash tables, and hidden columns as `table.column`."""
    with connected(url) as connection:
        inspector = sa.inspect(connection)
        names = inspector.get_table_names()
        columns = {f"{n}.{c['name']}" for n in names for c in inspector.get_columns(n)}
        hidden = {column for column in columns if f".{HIDDEN}" in column}
        return hidden | {name for name in names if name.startswith("_stash")}


def _rows(connection: sa.Connection, table: str, *, whole: bool) -> list[dict[str, Any]]:
    found = connection.exec_driver_sql(f'SELECT * FROM "{table}"').mappings()
    names = list(found.keys())
    shown = [name for name in names if whole or not name.startswith(HIDDEN)]
    return sorted(({name: _plain(row[name]) for name in shown} for row in found), key=repr)


def _plain(value: Any) -> Any:
    return bytes(value) if isinstance(value, memoryview) else value


def _sqlite(connection: sa.Connection, table: str) -> dict[str, Any]:
    def pragma(name: str, of: str = table) -> list[Any]:
        return list(connection.exec_driver_sql(f'PRAGMA {name}("{of}")').mappings())

    made_by = connection.exec_driver_sql(
        "SELECT type, name, sql FROM sqlite_master WHERE tbl_name = ?", (table,)
    ).all()
    sql = next(row.sql for row in made_by if row.type == "table")
    unique = [row["name"] for row in pragma("index_list") if row["origin"] == "u"]
    return {
        "columns": [
            (c["name"], c["type"], c["notnull"], c["dflt_value"], c["pk"])
            for c in pragma("table_xinfo")
        ],
        "autoincrement": "AUTOINCREMENT" in sql.upper(),
        "foreign keys": sorted(
            (f["table"], f["from"], f["to"], f["on_delete"], f["on_update"])
            for f in pragma("foreign_key_list")
        ),
        "unique": sorted([c["name"] for c in pragma("index_info", of)] for of in unique),
        "named": sorted(re.findall(r"CONSTRAINT (\w+) ", sql)),
        "checks": sorted(_checks(sql)),
        "indexes": {row.name: _spaced(row.sql) for row in made_by if row.type == "index"},
        "triggers": sorted(row.name for row in made_by if row.type == "trigger"),
    }


def _checks(sql: str) -> Iterator[str]:
    """Yield the condition of each CHECK, up to its closing parenthesis."""
    for match in re.finditer(r"\bCHECK\s*(?=\()", sql):
        depth = 0
        for end in range(match.end(), len(sql)):
            depth += {"(": 1, ")": -1}.get(sql[end], 0)
            if depth == 0:
                break
        yield _spaced(sql[match.end() : end + 1])


def _spaced(sql: str | None) -> str:
    return re.sub(r"\s+", " ", sql or "(automatic)").replace('"', "")


def _postgresql(connection: sa.Connection, table: str) -> dict[str, Any]:
    def ask(query: str) -> list[tuple[Any, ...]]:
        rows = connection.execute(sa.text(query), {"table": table})
        return [tuple(row) for row in rows]

    oid = "to_regclass(quote_ident(:table))"
    return {
        "columns": ask(
            "SELECT attname, format_type(atttypid, atttypmod), attnotnull, "
            "pg_get_expr(adbin, adrelid), attidentity FROM pg_attribute "
            "LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum "
            f"WHERE attrelid = {oid} AND attnum > 0 AND NOT attisdropped ORDER BY attnum"
        ),
        "constraints": sorted(
            ask(
                "SELECT conname, pg_get_constraintdef(oid), convalidated FROM pg_constraint "
                f"WHERE conrelid = {oid} AND contype <> 'n'"
            )
        ),
        "indexes": sorted(
            ask(
                "SELECT pg_get_indexdef(indexrelid), indisvalid, indisready FROM pg_index "
                f"WHERE indrelid = {oid}"
            )
        ),
        "triggers": sorted(
            ask(f"SELECT tgname FROM pg_trigger WHERE tgrelid = {oid} AND NOT tgisinternal")
        ),
    }
