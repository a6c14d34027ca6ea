"""List what downgrades stashed, with its size. Without Alembic, which is slow to load."""
# ruff: noqa: S608, the names in these statements are read from the database, and quoted

from collections.abc import Iterator
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from app.db.hidden_columns import Hidden, hidden_columns, table_names

PREFIX = "_stash_"
SAMPLED_ROWS = 10_000
"""Rows from which the size of a column is estimated."""


@dataclass(frozen=True, slots=True)
class Stash:
    """A hidden column, or a table of stashed rows."""

    table: str
    column: str | None
    values: int
    size_bytes: int
    """Size of a table on disk; of a column an estimate from some of its rows."""

    @property
    def name(self) -> str:
        return self.table if self.column is None else f"{self.table}.{self.column}"


def listed(connection: Connection) -> list[Stash]:
    """Return every stash, hidden columns first."""
    names = sorted(table_names(connection))
    hidden = {name: hidden_columns(connection, name) for name in names}
    tables = [name for name in names if hidden[name]]
    columns = [each for name in tables for each in _columns(connection, name, hidden[name])]
    return columns + [_table(connection, name) for name in names if name.startswith(PREFIX)]


def _table(connection: Connection, name: str) -> Stash:
    if connection.dialect.name == "postgresql":
        size = _number(connection, f"SELECT pg_total_relation_size('\"{name}\"')")
    else:
        size = _number(connection, f"SELECT sum(pgsize) FROM dbstat WHERE name = '{name}'")
    return Stash(name, None, _number(connection, f'SELECT count(*) FROM "{name}"'), size)


def _columns(connection: Connection, table: str, hidden: list[Hidden]) -> Iterator[Stash]:
    """Count the values of each column, and their bytes, in some rows; extrapolate to all."""
    is_postgresql = connection.dialect.name == "postgresql"
    width = "pg_column_size({0})" if is_postgresql else "length(CAST({0} AS BLOB))"
    measures = [f"count({each.name}), sum({width.format(each.name)})" for each in hidden]
    query = f'SELECT count(*), {", ".join(measures)} FROM (SELECT * FROM "{table}" LIMIT {{}}) AS t'
    read, *measured = connection.execute(sa.text(query.format(SAMPLED_ROWS))).one()
    share = 1.0 if read < SAMPLED_ROWS else _row_count(connection, table) / read
    for number, each in enumerate(hidden):
        filled, size = measured[2 * number : 2 * number + 2]
        yield Stash(table, each.name, int(filled * share), int((size or 0) * share))


def _row_count(connection: Connection, table: str) -> int:
    """Return the number of rows; on PostgreSQL as it last estimated it, if it has."""
    if connection.dialect.name == "postgresql":
        query = f"SELECT reltuples FROM pg_class WHERE oid = '\"{table}\"'::regclass"
        estimate = _number(connection, query)
        if estimate > 0:
            return estimate
    return _number(connection, f'SELECT count(*) FROM "{table}"')


def _number(connection: Connection, query: str) -> int:
    return int(connection.execute(sa.text(query)).scalar() or 0)
