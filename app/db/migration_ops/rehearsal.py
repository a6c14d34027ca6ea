"""Run a step on an empty copy of the schema, to learn which indexes it will build on SQLite.

SQLite builds an index under its one write lock: minutes without a writer for a large table. The
step is known by its effect on the copy, so that a merged revision need not say more than it does.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from sqlalchemy import event
from sqlalchemy.engine import Connection

from app import log
from app.db.migration_ops import sqlite_catalog
from app.db.migration_ops.sqlite_catalog import quoted

NAME_PREFIX = "_hookonce_shadow_"
"""Prefix of every table, index and trigger that exists only while a table is copied."""
_WITH_ROWS = re.compile(r"_found_0001|_stash_\d{4}(_found)?_\w+_objects")
"""Tables of which the copy has the rows too: found columns, and statements that a step runs."""

_REHEARSAL, _PREPARED = "hookonce_rehearsal", "hookonce_prepared"
_ALTER = re.compile(
    r'ALTER TABLE "?(?P<table>\w+)"? (?P<verb>ADD|DROP|RENAME) COLUMN "?(?P<name>\w+)"?'
    r'(?: TO "?(?P<to>\w+)"?)?',
    re.IGNORECASE,
)

Work = Callable[[Operations], None]


class Unfit(Exception):
    """A step that cannot be prepared beside the writers: it does all of its work under the lock."""


@dataclass(frozen=True)
class StashCopy:
    """Values of dropped columns that are kept in a table of their own."""

    table: str
    stash: str
    definition: str
    """Columns of the stash, in parentheses."""
    names: str
    """Columns of the stash in the order in which `selection` gives their values."""
    selection: str
    """SELECT of the values, from the table with the names that its columns have before the step."""
    condition: str
    """Condition of the rows whose values are worth keeping."""

    @property
    def shadow(self) -> str:
        return NAME_PREFIX + self.stash


@dataclass
class Rehearsal:
    """The effect of a step on an empty copy, and the work that its operations declared."""

    connection: Connection
    """The copy, as the step left it."""
    statements: list[str] = field(default_factory=list)
    reads: list[Work] = field(default_factory=list)
    """Reading of whole tables that can be done before the step."""
    writes: list[Work] = field(default_factory=list)
    """Changes of few rows that can be done before the step, and again in it."""
    checks: list[tuple[str, str, str]] = field(default_factory=list)
    """CHECK constraints that the step adds: table, name, condition."""
    stashes: list[StashCopy] = field(default_factory=list)
    """Values that the step moves out of columns that it drops."""
    drops_columns: bool = False
    """True if nothing in the step reads a column that it drops."""
    early_changes: list[Any] = field(default_factory=list)
    """Changes of many rows that are made in short transactions before the step."""
    late_changes: list[Any] = field(default_factory=list)
    """The same, made after all tables were copied: database triggers note what is written since."""
    holds: bool = False
    """True if the step holds unfinished executions, before it restores what they had."""
    large: frozenset[str] = frozenset()
    """Tables of the original that have many rows."""

    @property
    def refuses(self) -> bool:
        """Return True if the step refuses rows with the same key, which it then does meanwhile."""
        return bool(self.reads)


def is_rehearsed(op: Operations) -> bool:
    """Return True if the operation runs on the empty copy."""
    return _REHEARSAL in op.get_context().opts


def declare_reading(op: Operations, work: Work) -> None:
    """Note reading that is to be done before the step, without the write lock."""
    _rehearsal(op).reads.append(work)


def declare_writing(op: Operations, work: Work) -> None:
    """Note changes that make room for a unique index, and are to be done before it is built."""
    _rehearsal(op).writes.append(work)


def declare_check(op: Operations, table: str, name: str, condition: str) -> None:
    """Note a CHECK whose violators are to be sought before the step."""
    _rehearsal(op).checks.append((table, name, condition))


def declare_removal(op: Operations, *stashes: StashCopy) -> None:
    """Note that columns are dropped which nothing else in the step reads, and where values go."""
    _rehearsal(op).drops_columns = True
    _rehearsal(op).stashes.extend(stashes)


def declare_early_change(op: Operations, change: Any) -> None:
    """Note a change of many rows that is to be made before the step: see early_changes.py."""
    _rehearsal(op).early_changes.append(change)


def declare_late_change(op: Operations, change: Any) -> None:
    """Note a change of many rows, to be made before the step but after tables were copied."""
    _rehearsal(op).late_changes.append(change)


def declare_hold(op: Operations) -> None:
    """Note that unfinished executions are held, and that their values must be restored later."""
    _rehearsal(op).holds = True


def is_large(op: Operations, table: str) -> bool:
    """Return True if the table of which the operation sees an empty copy has many rows."""
    return table in _rehearsal(op).large


def _rehearsal(op: Operations) -> Rehearsal:
    rehearsal = op.get_context().opts[_REHEARSAL]
    assert isinstance(rehearsal, Rehearsal)  # noqa: S101, for the type checker
    return rehearsal


def prepared(op: Operations) -> dict[str, int | None] | None:
    """Return each CHECK's newest violator if the step's declared work is done; else None."""
    violators: dict[str, int | None] | None = op.get_context().opts.get(_PREPARED)
    return violators


def set_prepared(migration: MigrationContext, violators: dict[str, int | None] | None) -> None:
    """Let the operations of the next step know that it is prepared, or that it is not."""
    migration.opts[_PREPARED] = violators


@contextmanager
def rehearsed(
    original: Connection,
    migration: MigrationContext,
    change: Callable[..., None],
    large: Iterable[str] = (),
) -> Iterator[Rehearsal]:
    """Run the step on an empty copy of `original`, and yield its effect."""
    with empty_copy(original) as connection:
        rehearsal = Rehearsal(connection, large=frozenset(large))

        def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
            rehearsal.statements.append(statement)

        event.listen(connection, "before_cursor_execute", note)
        opts = {"x": migration.opts.get("x", {}), _REHEARSAL: rehearsal}
        try:
            with (
                log.silenced("hookonce.migrate"),
                Operations.context(MigrationContext.configure(connection, opts=opts)),
            ):
                change()
        finally:
            Operations(migration)._install_proxy()
            event.remove(connection, "before_cursor_execute", note)
        yield rehearsal


@contextmanager
def empty_copy(original: Connection) -> Iterator[Connection]:
    """Yield a database in memory with the tables, indexes, triggers and views, without rows.

    An object that cannot be created there, such as a virtual table of a missing module, is left
    out.
    """
    engine = sa.create_engine("sqlite://", poolclass=sa.StaticPool)
    with engine.connect() as connection:
        driver: Any = connection.connection.driver_connection
        driver.isolation_level = None
        driver.create_function("hookonce_digest", 1, str, deterministic=True)
        driver.execute("PRAGMA legacy_alter_table = ON")  # a broken view stops no rename
        for entry in sqlite_catalog.entries(original):
            if entry.sql and not entry.name.startswith(("sqlite_", NAME_PREFIX)):
                try:
                    driver.execute(entry.sql)
                except driver.OperationalError:
                    continue
        _copy_rows(original, connection)
        driver.execute("PRAGMA legacy_alter_table = OFF")
        yield connection
    engine.dispose()


def _copy_rows(original: Connection, connection: Connection) -> None:
    """Copy the rows of the tables that operations read to decide what they do."""
    for entry in sqlite_catalog.entries(connection):
        if entry.kind != "table" or not _WITH_ROWS.fullmatch(entry.name):
            continue
        table = quoted(entry.name)
        for row in original.exec_driver_sql(f"SELECT * FROM {table}").all():  # noqa: S608, quoted
            marks = ", ".join("?" * len(row))
            insert = f"INSERT INTO {table} VALUES ({marks})"  # noqa: S608, quoted
            connection.exec_driver_sql(insert, tuple(row))


@dataclass
class ColumnChanges:
    """The changes of a table's columns that a step makes."""

    added: dict[str, str] = field(default_factory=dict)
    """Statement by the name of the new column."""
    dropped: list[str] = field(default_factory=list)
    """Names before the step."""
    renamed: dict[str, str] = field(default_factory=dict)
    """Name before the step by the name after it."""
    all_renamed: dict[str, str] = field(default_factory=dict)
    """As `renamed`, with the columns that were dropped afterwards."""


def column_changes(rehearsal: Rehearsal, table: str) -> ColumnChanges:
    """Return the changes of the table's columns, read from the statements of the step."""
    changes = ColumnChanges()
    for statement in rehearsal.statements:
        match = _ALTER.match(statement)
        if match is None or match["table"] != table:
            continue
        name = match["name"]
        if match["verb"].upper() == "ADD":
            changes.added[name] = statement
        elif match["verb"].upper() == "RENAME":
            changes.renamed[match["to"]] = changes.renamed.pop(name, name)
            changes.all_renamed[match["to"]] = changes.renamed[match["to"]]
        elif changes.added.pop(name, None) is None:
            changes.dropped.append(changes.renamed.pop(name, name))
    return changes


def undo_renames(connection: Connection, table: str, changes: ColumnChanges) -> None:
    """Give the columns of the copy the names that they had before the step.

    SQLite then spells the definitions of the new indexes for the table as it is before the step.
    """
    for after, before in changes.renamed.items():
        if after != before:
            connection.exec_driver_sql(
                f"ALTER TABLE {quoted(table)} RENAME COLUMN {quoted(after)} TO {quoted(before)}"
            )
