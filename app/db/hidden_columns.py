"""Find the columns that a downgrade hid. Without Alembic, which is slow to load."""

import re
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

_NAME = re.compile(r"_stash_(\d{4}(?:_found)?)_(.+)")
_TABLES = {
    "postgresql": """
        SELECT relname::text AS name, oid FROM pg_class
        WHERE relkind IN ('r', 'p') AND NOT relispartition
        AND relnamespace = quote_ident(current_schema())::regnamespace""",
    "sqlite": """
        SELECT name FROM sqlite_schema
        WHERE type = 'table' AND rootpage > 0 AND substr(name, 1, 7) <> 'sqlite_'""",
}
"""Lists the names of tables; a partitioned one stands for its partitions.

SQLite's virtual tables, which have no page, are left out: the module of one may be missing here.
"""
_COLUMNS = {
    "postgresql": """
        SELECT attname::text FROM ({tables}) AS found JOIN pg_attribute ON attrelid = oid
        WHERE name = :table AND attnum > 0 AND NOT attisdropped""",
    "sqlite": """
        SELECT c.name FROM ({tables}) AS found JOIN pragma_table_xinfo(found.name) AS c
        WHERE found.name = :table""",
}


class Hidden(NamedTuple):
    """A column that the downgrade of a revision renamed."""

    revision: str
    column: str
    """Name by which the revision's code knows it."""

    @property
    def name(self) -> str:
        return stash_name(self.revision, self.column)


def hidden_columns(connection: Connection, table: str) -> list[Hidden]:
    """Return the hidden columns of the table; none if there is no such table."""
    matches = map(_NAME.fullmatch, sorted(column_names(connection, table)))
    return [Hidden(match[1], match[2]) for match in matches if match]


def table_names(connection: Connection) -> set[str]:
    """Return the names of all tables; a partitioned one stands for its partitions."""
    return set(connection.execute(sa.text(_TABLES[connection.dialect.name])).scalars())


def column_names(connection: Connection, table: str) -> set[str]:
    """Return the names of the table's columns; empty if there is no such table."""
    dialect = connection.dialect.name
    columns = _COLUMNS[dialect].format(tables=_TABLES[dialect])
    return set(connection.execute(sa.text(columns), {"table": table}).scalars())


def stash_name(revision: str, name: str) -> str:
    """Return the table in which a downgrade of `revision` stashes `name`."""
    return f"_stash_{revision}_{name}"
