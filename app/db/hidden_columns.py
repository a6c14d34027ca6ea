"""Find the columns that a downgrade hid. Without Alembic, which is slow to load."""

import re
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

_NAME = re.compile(r"_stash_(\d{4}(?:_found)?)_(.+)")
_PARTITIONS = """
    SELECT relname::text FROM pg_class
    WHERE relispartition AND relnamespace = current_schema()::regnamespace"""


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
    names = set(sa.inspect(connection).get_table_names())
    if connection.dialect.name == "postgresql":
        names -= set(connection.execute(sa.text(_PARTITIONS)).scalars())
    return names


def column_names(connection: Connection, table: str) -> set[str]:
    """Return the names of the table's columns; empty if there is no such table."""
    if table not in table_names(connection):
        return set()
    return {column["name"] for column in sa.inspect(connection).get_columns(table)}


def stash_name(revision: str, name: str) -> str:
    """Return the table in which a downgrade of `revision` stashes `name`."""
    return f"_stash_{revision}_{name}"
