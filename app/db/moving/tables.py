"""Find the tables to move and their columns, from the two databases as they are.

No list of tables or columns is written here, so what another revision adds is moved too.
"""

import re
import warnings
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from app.db import models, shard_key, version_table
from app.db.migration_ops.rehearsal import NAME_PREFIX
from app.db.moving import state
from app.db.moving.fitting import Fits, test_of
from app.db.moving.session import DriverSession, Row, quoted
from app.db.moving.values import Convert, converter
from app.errors import CannotMove

STASH = "_stash_"
OF_MIGRATIONS = (STASH, "_found_")
"""Beginnings of the names of tables and columns in which migrations keep what they took away."""
LEFTOVERS = (NAME_PREFIX, "_alembic_tmp_")
_LITERAL = re.compile(r"-?\d+(\.\d+)?|'([^']|'')*'|CURRENT_TIMESTAMP", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class MovedTable:
    """A table with the columns that are moved, in their order in every row."""

    name: str
    columns: tuple[str, ...]
    converters: tuple[Convert, ...]
    fits: tuple[Fits, ...]
    """Tests for columns of values that their converters would return as they are."""
    key: tuple[str, ...]
    """Columns of the source's primary key; empty without one."""
    target_key: tuple[str, ...]
    """Columns of the target's primary key, which may be more or fewer."""
    source_types: tuple[sa.types.TypeEngine[Any], ...]
    target_types: tuple[sa.types.TypeEngine[Any], ...]

    @property
    def key_places(self) -> tuple[int, ...]:
        """Return the places of the key's columns in a row."""
        return tuple(map(self.columns.index, self.key))

    def convert(self, row: Row) -> Row:
        """Return the row in its common form; raise UnfitValue."""
        return tuple([f(value) for f, value in zip(self.converters, row, strict=True)])

    def common(self, rows: list[Row]) -> list[Row]:
        """Return the rows in their common form; raise UnfitValue.

        Only columns with a value in another form are converted.
        """
        columns = list(zip(*rows, strict=True))
        others = [n for n, values in enumerate(columns) if not self.fits[n](values)]
        for place in others:
            columns[place] = tuple(map(self.converters[place], columns[place]))
        return list(zip(*columns, strict=True)) if others else rows


def reflected(session: DriverSession) -> sa.MetaData:
    """Return all tables of the database but those of the move itself and parts of others."""
    metadata = sa.MetaData()
    parts = set()
    if session.kind == "postgresql":
        parts = {name for (name,) in session.execute(_PARTITIONS)}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it remarks on indexes and types that it does not know
        metadata.reflect(
            session.inspector.bind,
            only=lambda name, _: not name.startswith(state.PREFIX) and name not in parts,
            resolve_fks=False,
        )
    if session.kind == "sqlite":
        _read_removal_rules(session, metadata)
    for table in metadata.tables.values():
        _forget_keys_to_parts(table, parts)
    return metadata


def _forget_keys_to_parts(table: Any, parts: Collection[str]) -> None:
    """Forget foreign keys to partitions, which the catalog has beside the one to their table."""
    for foreign_key in list(table.foreign_keys):
        if foreign_key.target_fullname.partition(".")[0] in parts:
            table.foreign_keys.discard(foreign_key)
            foreign_key.parent.foreign_keys.discard(foreign_key)
            table.constraints.discard(foreign_key.constraint)


def _read_removal_rules(session: DriverSession, metadata: sa.MetaData) -> None:
    """Complete foreign keys that stand in a column's definition, which SQLAlchemy reads in part."""
    for table in metadata.tables.values():
        rows = session.execute(f"PRAGMA foreign_key_list({quoted(table.name)})")
        rules = {row[3]: row[6] for row in rows if row[6] != "NO ACTION"}
        for foreign_key in table.foreign_key_constraints:
            rule = rules.get(next(iter(foreign_key.column_keys)))
            foreign_key.ondelete = foreign_key.ondelete or rule


_PARTITIONS = "SELECT relname FROM pg_class WHERE relispartition"


def ours(name: str) -> bool:
    """Return True if the table is one of Hookonce, or keeps what its migrations took away."""
    return name in models.metadata.tables or name.startswith(OF_MIGRATIONS)


def chosen(source: sa.MetaData, foreign: str | None) -> list[sa.Table]:
    """Return the tables to move, parents first; raise CannotMove if a table has to be chosen."""
    names = [name for name in source.tables if name != version_table.NAME]
    left_over = sorted(name for name in names if name.startswith(LEFTOVERS))
    if left_over:
        raise CannotMove(
            f"an interrupted migration left {', '.join(left_over)}: run `hookonce migrate` first"
        )
    others = sorted(name for name in names if not ours(name))
    if others and foreign is None:
        raise CannotMove(
            f"the database has tables that are not Hookonce's: {', '.join(others)}; choose "
            "`--foreign take` to move their rows too, or `--foreign leave` to move none of them"
        )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # tables of others may refer to each other in a circle
        ordered = source.sorted_tables
    wanted = [table for table in ordered if table.name in names]
    return [table for table in wanted if ours(table.name) or foreign == "take"]


def foreign_columns(table: sa.Table, target: sa.MetaData) -> list[str]:
    """Return the columns of a table of ours that neither Hookonce nor its migrations made."""
    model = models.metadata.tables.get(table.name)
    if model is None:
        return []
    known = {column.name for column in target.tables[table.name].columns} | set(model.c.keys())
    names = [column.name for column in table.columns if column.name not in known]
    return [name for name in names if not name.startswith(STASH)]


def matched(table: sa.Table, target: sa.Table) -> MovedTable:
    """Return the table with the columns that both databases have."""
    both = [column for column in table.columns if column.name in target.columns]
    pairs = [(column, target.columns[column.name]) for column in both]
    return MovedTable(
        name=table.name,
        columns=tuple(column.name for column in both),
        converters=tuple(_converter(ours_, theirs) for ours_, theirs in pairs),
        fits=tuple(test_of(column.type, nullable=bool(column.nullable)) for _, column in pairs),
        key=tuple(column.name for column in table.primary_key.columns),
        target_key=tuple(column.name for column in target.primary_key.columns),
        source_types=tuple(column.type for column, _ in pairs),
        target_types=tuple(column.type for _, column in pairs),
    )


def _converter(column: sa.Column[Any], target: sa.Column[Any]) -> Convert:
    default = literal_default(target) or "NULL"
    convert = converter(target.type, nullable=bool(target.nullable), default=default)
    if convert is None:
        raise CannotMove(
            f"the column {column.table.name}.{column.name} has the type {column.type}, which "
            "cannot be moved: choose `--foreign leave`, and copy its table by other means"
        )
    return convert


def literal_default(column: sa.Column[Any]) -> str | None:
    """Return the column's default as a literal; None if it has none or it is computed."""
    clause: Any = column.server_default
    if clause is None or not hasattr(clause, "arg"):
        return None
    text = str(clause.arg).strip()
    while text.startswith("(") and text.endswith(")"):
        text = text[1:-1].strip()
    text = text.partition("::")[0].strip() if text.startswith("'") else text
    if isinstance(column.type, sa.Boolean) and text.lower() in ("true", "false", "1", "0"):
        return "1" if text.lower() in ("true", "1") else "0"
    return text if _LITERAL.fullmatch(text) else None


def value_of(
    session: DriverSession, table: str, column: str, kind: sa.types.TypeEngine[Any]
) -> str:
    """Return the expression of a column's value in a row of the table.

    SQLite has rows that are older than their trigger_id: it is that of their execution.
    """
    selected = session.selected(column, kind)
    model = models.metadata.tables.get(table)
    if session.kind != "sqlite" or column != shard_key.COLUMN or model is None:
        return selected
    if not (shard_key.is_sharded(model) and model.c[column].nullable):
        return selected
    parent = "SELECT e.trigger_id FROM trigger_executions AS e WHERE e.id = execution_id"
    return f"coalesce({selected}, ({parent}))"
