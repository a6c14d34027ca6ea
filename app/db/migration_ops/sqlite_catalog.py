"""Read and edit the CREATE statements that SQLite keeps of its tables and indexes.

SQLite has no ALTER that renames an index or changes a CHECK. Its own ALTER edits the same texts:
https://www.sqlite.org/lang_altertable.html#otheralter
"""

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy import exc
from sqlalchemy.engine import Connection

_INDEX_NAME = re.compile(
    r'(CREATE (?:UNIQUE )?INDEX )("(?:[^"]|"")*"|\[[^\]]*\]|`[^`]*`|\'[^\']*\'|[^\s("]+)',
    re.IGNORECASE,
)
_GENERATED = (2, 3)
"""Values of `hidden` in PRAGMA table_xinfo of a generated column, virtual or stored."""
_TOKEN = re.compile(
    r"--[^\n]*|/\*.*?\*/|'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|`[^`]*`|\[[^\]]*\]|\w+|\s+|.", re.DOTALL
)


class CatalogEntry(NamedTuple):
    """One object of the file, as sqlite_master has it."""

    kind: str
    name: str
    table: str
    sql: str | None
    """CREATE statement; None for an index that belongs to a constraint."""


class CatalogChange(NamedTuple):
    """New values for one object of sqlite_master."""

    old_name: str
    new_name: str
    table: str
    sql: str | None


def entries(connection: Connection, table: str | None = None) -> list[CatalogEntry]:
    """Return all objects of the file, or those of one table: tables first, triggers last."""
    query = (
        "SELECT type, name, tbl_name, sql FROM sqlite_master "
        "WHERE :name IS NULL OR tbl_name = :name ORDER BY type = 'trigger', type = 'view', "
        "type = 'index', rowid"
    )
    return [CatalogEntry(*row) for row in connection.execute(sa.text(query), {"name": table})]


def quoted(name: str) -> str:
    """Return the name as a quoted identifier."""
    return '"' + name.replace('"', '""') + '"'


def plain(sql: str | None) -> str:
    """Return the statement without the spelling that a rename leaves: quotes and spaces."""
    return re.sub(r"[\s\"`\[\]]", "", sql or "").lower()


def with_index_name(sql: str, name: str) -> str:
    """Return the CREATE INDEX statement with another name."""
    return _INDEX_NAME.sub(lambda match: match[1] + quoted(name), sql, count=1)


def is_editable(connection: Connection) -> bool:
    """Return False where SQLite was built to refuse changes of its catalog (SQLITE_DBCONFIG)."""
    with suppress(exc.DatabaseError), _writable(connection):
        connection.exec_driver_sql("UPDATE sqlite_master SET name = name WHERE 0")
        return True
    return False


def edit(connection: Connection, changes: list[CatalogChange]) -> None:
    """Change these objects in the open transaction; every connection then reads the catalog anew.

    The caller must check the texts: a wrong one makes the file unreadable.
    """
    version = int(connection.exec_driver_sql("PRAGMA schema_version").scalar_one())
    with _writable(connection):
        for change in changes:
            connection.exec_driver_sql(
                "UPDATE sqlite_master SET name = ?, tbl_name = ?, sql = ? WHERE name = ? "
                "AND type IN ('table', 'index')",
                (change.new_name, change.table, change.sql, change.old_name),
            )
        connection.exec_driver_sql(f"PRAGMA schema_version = {version + 1}")


def table_sql(connection: Connection, table: str) -> str:
    """Return the CREATE TABLE statement."""
    query = sa.text("SELECT sql FROM sqlite_master WHERE type = 'table' AND name = :name")
    return str(connection.execute(query, {"name": table}).scalar_one())


def edit_constraints(connection: Connection, table: str, sql: str) -> None:
    """Give the table another CREATE statement; raise ValueError unless its columns are the same."""
    if _columns(sql, table) != _columns(table_sql(connection, table), table):
        raise ValueError(f"these columns are not those of {table}: {sql}")
    edit(connection, [CatalogChange(table, table, table, sql)])


def with_constraint(sql: str, clause: str) -> str:
    """Return the CREATE TABLE statement with one more table constraint at its end."""
    end = [span for text, depth, span in _tokens(sql) if text == ")" and depth == 0][-1]
    return f"{sql[: end[0]]}, {clause}{sql[end[0] :]}"


def without_check(sql: str, name: str) -> str:
    """Return the CREATE TABLE statement without the CHECK of this name.

    A constraint of the table goes with the comma before it; one of a column has none.
    """
    tokens = [each for each in _tokens(sql) if not each[0].isspace()]
    for place, (text, _depth, span) in enumerate(tokens):
        follows = [each[0].strip('"') for each in tokens[place + 1 : place + 3]]
        if text.upper() == "CONSTRAINT" and [follows[0], follows[1].upper()] == [name, "CHECK"]:
            start = tokens[place - 1][2][0] if tokens[place - 1][0] == "," else span[0]
            depth = tokens[place + 3][1] - 1
            end = next(t[2][1] for t in tokens[place + 4 :] if t[0] == ")" and t[1] == depth)
            return (sql[:start].rstrip() + " " + sql[end:].lstrip()).replace(" ,", ",")
    return sql


def without_checks_of(sql: str, table: str, column: str) -> tuple[str, list[str]]:
    """Return the CREATE TABLE statement without each CHECK of the column, and what was taken out.

    Nothing is, if the rest would not be a statement for the same columns.
    """
    checks = list(_checks_of(sql, column))
    rest = sql
    for check in checks:
        rest = rest.replace(check, "", 1)
    with suppress(sqlite3.Error):  # of a collation or function that only its program has
        if _columns(rest, table) == _columns(sql, table):
            return rest, checks
    return sql, []


def _checks_of(sql: str, column: str) -> Iterator[str]:
    """Yield the text of each CHECK of the column, with its own name and the comma before it."""
    tokens = [each for each in _tokens(sql) if not each[0].isspace()]
    for place, (text, depth, _span) in enumerate(tokens):
        if text.upper() == "CHECK" and tokens[place + 1][0] == "(":
            first = place - 2 if tokens[place - 2][0].upper() == "CONSTRAINT" else place
            first -= tokens[first - 1][0] == ","
            end = next(n for n, t in enumerate(tokens) if n > place and t[:2] == (")", depth))
            end += 3 * (tokens[end + 1][0].upper() == "ON")  # ON CONFLICT IGNORE
            check = sql[tokens[first][2][0] : tokens[end][2][1]]
            if uses(check, column):
                yield check


def _tokens(sql: str) -> Iterator[tuple[str, int, tuple[int, int]]]:
    """Yield each token with the depth of parentheses around it, and its place in the text."""
    depth = 0
    for match in _TOKEN.finditer(sql):
        depth += {"(": 1, ")": -1}.get(match[0], 0)
        yield match[0], depth, match.span()


def _columns(sql: str, table: str) -> list[Any]:
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute(sql)
        return connection.execute(f"PRAGMA table_xinfo({quoted(table)})").fetchall()


def uses(sql: str, name: str) -> int:
    """Return how often a statement names the column."""
    return len(re.findall(rf"\b{re.escape(name)}\b", sql))


def generated_from(sql: str, table: str, name: str) -> list[str]:
    """Return the generated columns that are computed from the column."""
    with suppress(sqlite3.Error):  # of a collation or function that only its program has
        columns = _columns(sql, table)
        generated = [each[1] for each in columns if each[6] in _GENERATED]
        remaining = {each: _without_column(sql, table, each) for each in generated}
        return [each for each, rest in remaining.items() if uses(rest, name) < uses(sql, name)]
    return []


def _without_column(sql: str, table: str, column: str) -> str:
    """Return the CREATE TABLE statement as SQLite leaves it when the column is dropped."""
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute(sql)
        connection.execute(f"ALTER TABLE {quoted(table)} DROP COLUMN {quoted(column)}")
        query = "SELECT sql FROM sqlite_master WHERE name = ?"
        return str(connection.execute(query, (table,)).fetchone()[0])


@contextmanager
def _writable(connection: Connection) -> Iterator[None]:
    """Let the catalog be written in the block; it is read anew after that."""
    before = connection.exec_driver_sql("PRAGMA writable_schema").scalar_one()
    connection.exec_driver_sql("PRAGMA writable_schema = ON")
    try:
        yield
    finally:
        connection.exec_driver_sql("PRAGMA writable_schema = RESET")
        connection.exec_driver_sql(f"PRAGMA writable_schema = {before}")
