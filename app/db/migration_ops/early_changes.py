"""Change many rows of SQLite in short transactions before a step, which would hold the write lock.

Values are copied from a stash table into hidden columns, as a downgrade to one of our revisions
leaves them; the step then only renames the columns. After an interruption each value is in the
stash or in its column.
"""
# ruff: noqa: S608, the names in these statements are the revisions' own, never from outside

import logging
import re
from typing import NamedTuple, Protocol

import sqlalchemy as sa
from alembic.operations import Operations

from app.db.migration_ops import found, gentle, holding, identity, rehearsal
from app.db.migration_ops.plugin import column_names, stash_name, table_names
from app.db.migration_ops.rehearsal import Rehearsal, Unfit
from app.log import event

log = logging.getLogger("hookonce.migrate")


class EarlyChange(Protocol):
    """A change that a step would make to all rows of `source` under the write lock."""

    @property
    def source(self) -> str:
        """Return the table of the rows that the change reads."""
        ...

    @property
    def tables(self) -> frozenset[str]:
        """Return the tables of which one that is large lets the change be made before the step."""
        ...

    def make(self, op: Operations, rehearsed: Rehearsal) -> None:
        """Make the change; the step then finds little or nothing to do."""
        ...


class Filling(NamedTuple):
    """Copy of hidden values into a column of the same name that the older system added anew."""

    table: str
    column: str
    hidden: str

    @property
    def source(self) -> str:
        return self.table

    @property
    def tables(self) -> frozenset[str]:
        return frozenset({self.table})

    def statement(self) -> str:
        """Return the statement, which ends with a condition."""
        return (
            f"UPDATE {self.table} SET {self.column} = {self.hidden} "
            f"WHERE {self.column} IS NULL AND {self.hidden} IS NOT NULL"
        )

    def make(self, op: Operations, rehearsed: Rehearsal) -> None:  # noqa: ARG002, an interface
        def fill(range_: str) -> None:
            op.execute(f"{self.statement()} AND rowid {range_}")

        gentle.in_ranges(op.get_bind(), self.table, fill)


class Restoring(NamedTuple):
    """Return of the values of a stash table to the rows that they came from."""

    revision: str
    table: str

    @property
    def source(self) -> str:
        return stash_name(self.revision, self.table)

    @property
    def tables(self) -> frozenset[str]:
        """Return the table too: its copy takes the stash's name, also that of a small stash."""
        return frozenset({self.source, self.table})

    def make(self, op: Operations, rehearsed: Rehearsal) -> None:
        columns = self._columns(op, rehearsal.column_changes(rehearsed, self.table).added)
        holding.hold_others(op, self.table, self.source, columns, gently=True)
        unmatched = create_unmatched(op, self.source)
        statements = self._statements(op, columns, unmatched, holds=rehearsed.holds)

        def restore(range_: str) -> None:
            for statement in statements:
                op.execute(f"{statement} AND kept.rowid {range_}")

        gentle.in_ranges(op.get_bind(), self.source, restore)
        with gentle.writing(op.get_bind()):
            _drop_if_empty(op, self.source)
        report_unmatched(op, unmatched)

    def _columns(self, op: Operations, added: dict[str, str]) -> dict[str, str]:
        """Return the column of the table for each column of the stash; add hidden ones.

        They are added in the order in which the step would add them.
        """
        existing = column_names(op.get_bind(), self.table)
        names = column_names(op.get_bind(), self.source) - {"id"}
        targets, statements = {}, []
        for name in sorted(names, key=[*added, *sorted(names)].index):
            hidden = stash_name(self.revision, name)
            if name.startswith(identity.PREFIX):
                continue
            is_found = name in existing and hidden not in existing
            targets[name] = name if is_found else hidden
            if not {name, hidden} & existing:
                statements.append(_hidden_column(added.get(name), name, hidden))
        with gentle.writing(op.get_bind()):
            for statement in statements:
                op.get_bind().exec_driver_sql(statement)
        return targets

    def _statements(
        self, op: Operations, columns: dict[str, str], unmatched: str, *, holds: bool
    ) -> list[str]:
        """Return statements that end with a condition on `kept`, a row of the stash.

        A step that holds unfinished executions restores theirs itself, after it has held them.
        """
        table, same = self.table, identity.same_row(op, self.table, self.source)
        by_stash = identity.stashed_row(op, self.table, self.source)
        later = f" AND ({table}.{found.UNFINISHED}) IS TRUE" if holds else " AND false"
        restored = {
            target: f"COALESCE({table}.{target}, kept.{name})" if name == target else f"kept.{name}"
            for name, target in columns.items()
        }
        assignments = ", ".join(f"{target} = {value}" for target, value in restored.items())
        rows = f"{self.source} AS kept WHERE"
        is_gone = f"NOT EXISTS (SELECT 1 FROM {table} WHERE {same}"
        return [
            f"UPDATE {table} SET {assignments} FROM {rows} {by_stash} AND NOT (true{later})",
            f"INSERT INTO {unmatched} SELECT kept.* FROM {rows} {is_gone})",
            f"DELETE FROM {rows} {is_gone}{later})",
        ]


def _hidden_column(statement: str | None, name: str, hidden: str) -> str:
    """Return the ALTER that adds the column under its hidden name."""
    if statement is None or "CHECK" in statement.upper():
        raise Unfit(f"{name} is added together with a CHECK")
    return re.sub(rf"(ADD COLUMN )\"?{name}\"?", rf"\1{hidden}", statement, count=1)


def create_unmatched(op: Operations, stash: str) -> str:
    """Create the table for stashed rows whose row is gone, or return that of an earlier try."""
    existing, columns = table_names(op.get_bind()), column_names(op.get_bind(), stash)
    names = identity.unmatched_names(stash, len(existing))
    name = next(
        each
        for each in names
        if each not in existing or column_names(op.get_bind(), each) == columns
    )
    if name not in existing:
        with gentle.writing(op.get_bind()):
            op.execute(f"CREATE TABLE {name} AS SELECT * FROM {stash} WHERE 0")
    return name


def report_unmatched(op: Operations, table: str) -> None:
    """Log the number of rows without their row; drop the table if there are none."""
    with gentle.writing(op.get_bind()):
        is_empty = _drop_if_empty(op, table)
    if not is_empty:
        fields = {"stash": table, "rows": _count(op, table)}
        event(log, logging.WARNING, "stashed_rows_without_their_row", **fields)


def _drop_if_empty(op: Operations, table: str) -> bool:
    if op.get_bind().execute(sa.text(f"SELECT 1 FROM {table} LIMIT 1")).scalar() is not None:
        return False
    op.drop_table(table)
    return True


def _count(op: Operations, table: str) -> int:
    return int(op.get_bind().execute(sa.text(f"SELECT count(*) FROM {table}")).scalar_one())
