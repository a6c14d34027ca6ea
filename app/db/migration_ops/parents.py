"""Keep the rows of a stashed table with the rows that they belong to: their parents.

In an adopted database of SQLite the id of a deleted parent can come again. So it is noted beside
the stash what identifies each parent, and a row whose parent is gone is not restored.
"""
# ruff: noqa: S608, the names in these statements are the revisions' own, never from outside

from collections.abc import Iterator
from typing import NamedTuple

import sqlalchemy as sa
from alembic.operations import Operations

from app.db.migration_ops import early_changes, gentle, identity, preparation, rehearsal
from app.db.migration_ops.noted_rows import NotedRows
from app.db.migration_ops.plugin import postgresql, table_names
from app.db.migration_ops.rehearsal import NAME_PREFIX, Rehearsal

SUFFIX = "_parents"
"""Suffix of the table that identifies the rows to which the rows of a stashed table belong."""
_WITHOUT_FOREIGN_KEY = {"delivery_counts": ("trigger_id", "triggers")}


class Identifying(NamedTuple):
    """Notes of the parents of a large table, made before the step that stashes the table."""

    source: str
    stash: str
    column: str
    """Column of the table that names the parent of a row."""
    parent: str

    @property
    def tables(self) -> frozenset[str]:
        return frozenset({self.source})

    @property
    def table(self) -> str:
        """Return the table of the notes until the step gives it its own name."""
        return f"{NAME_PREFIX}of_{self.stash}{SUFFIX}"

    def selection(self, op: Operations) -> str:
        """Return the SELECT of the notes, without its condition."""
        names = identity.identifying(op, self.parent)
        return f"SELECT id{identity.selected(op, self.parent, names)} FROM {self.parent}"

    def noted(self, op: Operations) -> NotedRows:
        return NotedRows(op.get_bind(), self.stash)

    def make(self, op: Operations, rehearsed: Rehearsal) -> None:  # noqa: ARG002, an interface
        preparation.drop_remains(op, self.table)
        with gentle.writing(op.get_bind()):
            op.execute(f"CREATE TABLE {self.table} AS {self.selection(op)} WHERE 0")
            op.execute(f"CREATE UNIQUE INDEX {self.table}_id ON {self.table} (id)")
        noted = self.noted(op)
        noted.start(list(self._watched()))
        child = f"SELECT 1 FROM {self.source} AS c WHERE c.{self.column} = {self.parent}.id"

        def identify(range_: str) -> None:
            selection = f"{self.selection(op)} WHERE {self.parent}.rowid {range_}"
            op.execute(f"INSERT INTO {self.table} {selection} AND EXISTS ({child})")

        gentle.in_ranges(op.get_bind(), self.parent, identify)
        noted.work_off(lambda ids: self.identify_again(op, ids))

    def identify_again(self, op: Operations, ids: str) -> None:
        """Note anew what identifies the parents of these ids."""
        op.execute(f"DELETE FROM {self.table} WHERE id {ids}")
        op.execute(f"INSERT INTO {self.table} {self.selection(op)} WHERE id {ids}")

    def _watched(self) -> Iterator[tuple[str, str, str]]:
        yield self.parent, "AFTER INSERT", "NEW.id"
        yield self.source, "AFTER INSERT", f"NEW.{self.column}"
        yield self.source, f"AFTER UPDATE OF {self.column}", f"NEW.{self.column}"


class Keeping(NamedTuple):
    """Removal of rows whose parent is gone from a large stash, before the step restores it."""

    source: str
    name: str
    column: str
    parent: str

    @property
    def tables(self) -> frozenset[str]:
        return frozenset({self.source})

    @property
    def identified(self) -> str:
        return self.source + SUFFIX

    def noted(self, op: Operations) -> NotedRows:
        return NotedRows(op.get_bind(), self.source)

    def make(self, op: Operations, rehearsed: Rehearsal) -> None:  # noqa: ARG002, an interface
        with gentle.writing(op.get_bind()):
            op.execute(
                f"CREATE UNIQUE INDEX IF NOT EXISTS pk{self.identified} ON {self.identified} (id)"
            )
        self.noted(op).start(
            [(self.parent, "AFTER DELETE", "OLD.id"), (self.parent, "AFTER INSERT", "NEW.id")]
        )
        unmatched = early_changes.create_unmatched(op, self.source)
        rows = f"FROM {self.source} AS kept WHERE {self.lost_by_row(op)} AND kept.rowid"

        def set_aside(range_: str) -> None:
            op.execute(f"INSERT INTO {unmatched} SELECT kept.* {rows} {range_}")
            op.execute(f"DELETE {rows} {range_}")

        gentle.in_ranges(op.get_bind(), self.source, set_aside)
        early_changes.report_unmatched(op, unmatched)

    def lost_by_row(self, op: Operations) -> str:
        """Return the condition that the parent of a row is gone; it looks each parent up."""
        same = identity.same_row(op, self.parent, self.identified, row="parent", kept="noted")
        parents = f"{self.identified} AS noted JOIN {self.parent} AS parent ON {same}"
        lost = (
            f"kept.{self.column} IS NOT NULL AND NOT EXISTS "
            f"(SELECT 1 FROM {parents} WHERE noted.id = kept.{self.column})"
        )
        if self.name in _WITHOUT_FOREIGN_KEY:
            known = (
                f"EXISTS (SELECT 1 FROM {table} AS p WHERE p.id = kept.{self.column})"
                for table in (self.identified, self.parent)
            )
            lost += f" AND ({' OR '.join(known)})"
        return lost

    def lost_by_set(self, op: Operations) -> str:
        """Return the condition that the parent of a row is gone; it reads all parents once."""
        same = identity.same_row(op, self.parent, self.identified, row="parent", kept="noted")
        parents = f"{self.identified} AS noted JOIN {self.parent} AS parent ON {same}"
        lost = f"kept.{self.column} NOT IN (SELECT noted.id FROM {parents})"
        if self.name in _WITHOUT_FOREIGN_KEY:  # rows without a parent then and now stay
            known = f"SELECT id FROM {self.identified} UNION SELECT id FROM {self.parent}"
            lost += f" AND kept.{self.column} IN ({known})"
        return lost


def identify(op: Operations, stash: str, name: str) -> None:
    """Note which rows are the parents, in an adopted database, where their ids can come again."""
    column, parent = _parent(op, stash, name) or ("", "")
    if not identity.identifying(op, parent):
        return
    identifying = Identifying(name, stash, column, parent)
    if rehearsal.is_rehearsed(op):
        rehearsal.declare_late_change(op, identifying)
    noted = None if postgresql(op) else identifying.noted(op)
    if noted is not None and rehearsal.prepared(op) is not None and noted.exist():
        noted.finish(lambda ids: identifying.identify_again(op, ids))
        op.rename_table(identifying.table, stash + SUFFIX)
        return
    op.execute(
        f"CREATE TABLE {stash}{SUFFIX} AS {identifying.selection(op)} "
        f"WHERE id IN (SELECT {column} FROM {stash})"
    )


def keep_to(op: Operations, stash: str, name: str) -> None:
    """Move rows out of the restored table if their parent was deleted or replaced meanwhile."""
    if stash + SUFFIX not in table_names(op.get_bind()):
        return
    column, parent = _parent(op, name, name) or ("", "")
    keeping = Keeping(stash, name, column, parent)
    if rehearsal.is_rehearsed(op):
        rehearsal.declare_late_change(op, keeping)
    noted = None if postgresql(op) else keeping.noted(op)
    if noted is not None and rehearsal.prepared(op) is not None and noted.exist():
        lost = keeping.lost_by_row(op)
        noted.finish(lambda ids: _set_aside(op, keeping, f"{lost} AND kept.{column} {ids}"))
    else:
        _set_aside(op, keeping, keeping.lost_by_set(op))
    preparation.drop_later(op, keeping.identified)


def _set_aside(op: Operations, keeping: Keeping, lost: str) -> None:
    identity.keep_unmatched(op, keeping.name, lost, keeping.source)
    op.execute(f"DELETE FROM {keeping.name} AS kept WHERE {lost}")


def _parent(op: Operations, stash: str, name: str) -> tuple[str, str] | None:
    """Return the column that names the parent of a row, and the parent's table; None if neither.

    PostgreSQL always deletes the rows of a deleted parent by the foreign key, also in a stash.
    SQLite does so only for connections that ask for it, and those of the older system do not.
    """
    if not postgresql(op):
        for key in sa.inspect(op.get_bind()).get_foreign_keys(stash):
            return key["constrained_columns"][0], key["referred_table"]
    return _WITHOUT_FOREIGN_KEY.get(name)
