"""Do the long work of a step on SQLite before the step, so that its transaction is short.

A step that builds an index, or reads a large table, would keep every writer waiting. Its tables are
copied beforehand (shadow.py) and its reading is done without the lock.
"""
# ruff: noqa: S608, the names in these statements come from the catalog, and are quoted

import logging
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from threading import Event
from typing import Any, NamedTuple

from alembic import op
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext, RevisionStep
from alembic.util import CommandError
from sqlalchemy.engine import Connection

from app.db.migration_ops import (
    attachments,
    broken_objects,
    declared_work,
    gentle,
    rehearsal,
    shadow_remains,
    shadow_target,
    sqlite_catalog,
    violators,
)
from app.db.migration_ops.early_changes import EarlyChange
from app.db.migration_ops.plugin import offline, postgresql, table_names
from app.db.migration_ops.rehearsal import Rehearsal, Unfit, Work
from app.db.migration_ops.shadow import Conflict, ShadowCopy
from app.db.migration_ops.shadow_target import RebuiltTable
from app.db.migration_ops.sqlite_catalog import quoted
from app.log import event

LARGE_ROWS = 50_000
"""Rows up to which a step works under the write lock: it then holds it for about 0.1 s an index."""
TRIES = 5
"""Copies tried while rows arrive that the new index refuses."""

log = logging.getLogger("hookonce.migrate")


class Prepared(NamedTuple):
    """The work that was done before a step."""

    copies: Sequence[ShadowCopy] = ()
    """Tables that the step is to exchange."""
    writes: Sequence[Work] = ()
    """Changes that make room for a unique index, also in the step itself."""
    attached: Sequence[tuple[str, str]] = ()
    """Statements of others' objects on columns that the copies lack, each with its stash."""


def prepared(migration: MigrationContext, steps: list[Any]) -> Iterator[Any]:
    """Yield each step after its preparation, and remove afterwards what that left."""
    assert migration.connection is not None  # noqa: S101, for the type checker: not offline
    with gentle.own_connection(migration.connection.engine) as connection:
        for step in steps:
            yield _with_exchange(step, _prepare(connection, migration, step))
            rehearsal.set_prepared(migration, None)
        if shadow_remains.tables(connection):
            migration.connection.commit()
            shadow_remains.remove(connection)
        connection.commit()


@dataclass
class _Change:
    """A change that is no step, with the attribute of a step that has its function."""

    migration_fn: Callable[..., None]


def beside_writers(
    migration: MigrationContext, change: Callable[[], None], stop: Event | None = None
) -> None:
    """Make a change that is no step in one transaction, after its preparation.

    Raises Stopped if `stop` is set meanwhile; the same change then takes the copy up again.
    """
    assert migration.connection is not None  # noqa: S101, for the type checker: not offline

    def undisturbed() -> None:
        with broken_objects.set_aside(op.get_bind()):
            change()

    with gentle.own_connection(migration.connection.engine) as connection:
        prepared = _prepare(connection, migration, _Change(undisturbed), stop)
        step = _with_exchange(_Change(undisturbed), prepared)
        with Operations.context(migration), migration.begin_transaction(_per_migration=True):
            step.migration_fn()
        rehearsal.set_prepared(migration, None)
        if shadow_remains.tables(connection):
            migration.connection.commit()
            shadow_remains.remove(connection)


def drop_large_table(migration: MigrationContext, table: str, stop: Event | None = None) -> None:
    """Empty a table of SQLite in short transactions, and drop it; Stopped if `stop` is set."""
    assert migration.connection is not None  # noqa: S101, for the type checker: not offline
    with gentle.own_connection(migration.connection.engine) as connection:
        shadow_remains.drop_table(connection, table, stop)


def drop_later(op: Operations, table: str) -> None:
    """Drop the table; a large one of SQLite is emptied after the steps, in short transactions."""
    if is_large(op, table):
        op.rename_table(table, f"{rehearsal.NAME_PREFIX}old_{table}")
    else:
        op.drop_table(table)


def drop_remains(op: Operations, table: str) -> None:
    """Drop what an interrupted preparation left of the table."""
    if table in table_names(op.get_bind()):
        shadow_remains.drop_table(op.get_bind(), table)


def is_large(op: Operations, table: str) -> bool:
    """Return True if a change of the table on SQLite is not to be made under the write lock."""
    if offline(op) or postgresql(op) or op.get_context().opts.get("x", {}).get("direct") == "yes":
        return False
    if rehearsal.is_rehearsed(op):
        return rehearsal.is_large(op, table)
    return _is_large(op.get_bind(), table)


def _prepare(
    connection: Connection, migration: MigrationContext, step: Any, stop: Event | None = None
) -> Prepared:
    """Do the long work of a step."""
    remains = shadow_remains.tables(connection)
    is_change = isinstance(step, RevisionStep | _Change)
    large = _large_tables(connection) if is_change else []
    connection.commit()
    if not large and not remains:
        return Prepared()
    assert migration.connection is not None  # noqa: S101, for the type checker: not offline
    migration.connection.commit()  # it holds the write lock since it read the revision
    if not large or migration.opts.get("x", {}).get("direct") == "yes":
        shadow_remains.remove(connection)
        return Prepared()
    try:
        return _prepare_large(connection, migration, step, large, stop)
    except Unfit as reason:
        event(log, logging.WARNING, "step_holds_the_write_lock", reason=str(reason))
        shadow_remains.remove(connection)
        return Prepared()


def _prepare_large(
    connection: Connection,
    migration: MigrationContext,
    step: Any,
    large: list[str],
    stop: Event | None,
) -> Prepared:
    rehearsed, attached, targets = _rehearse(connection, migration, step, large)
    if changes := _of_large(rehearsed.early_changes, large):
        declared_work.read(connection, migration, rehearsed)
        declared_work.make(connection, migration, rehearsed, changes)
        large = _large_tables(connection)
        rehearsed, attached, targets = _rehearse(connection, migration, step, large)
    _require_editable(connection, targets)
    wanted = {target.table for target in targets}
    for table in large:
        if table not in wanted:
            shadow_remains.remove(connection, table)
    copies = [ShadowCopy(connection, target, stop) for target in targets]
    connection.commit()
    declared_work.do(connection, migration, rehearsed)
    for copy in copies:
        _require_space(connection)
        copy.start()
        _fill(copy, lambda: declared_work.do(connection, migration, rehearsed))
        copy.verify()
    declared_work.make(connection, migration, rehearsed, _of_large(rehearsed.late_changes, large))
    rehearsal.set_prepared(migration, violators.seek(connection, rehearsed.checks))
    for copy in copies:  # rows that were written meanwhile
        _fill(copy, lambda: declared_work.do(connection, migration, rehearsed))
    return Prepared(copies, rehearsed.writes, attached)


def _of_large(changes: list[EarlyChange], large: list[str]) -> list[EarlyChange]:
    return [each for each in changes if each.tables.intersection(large)]


def _rehearse(
    connection: Connection, migration: MigrationContext, step: Any, large: list[str]
) -> tuple[Rehearsal, list[tuple[str, str]], list[RebuiltTable]]:
    """Return the effect of the step, what it wrote down of others, and the tables it rebuilds."""
    before = attachments.written(connection)
    with rehearsal.rehearsed(connection, migration, step.migration_fn, large) as rehearsed:
        after = attachments.written(rehearsed.connection)
        attached = [each for each in after if each not in before]
        targets = shadow_target.targets(connection, rehearsed, large)
        connection.commit()
    return rehearsed, attached, targets


def _fill(copy: ShadowCopy, work_again: Callable[[], None]) -> None:
    """Copy a table; if rows arrive that the new index refuses, do the step's own work on them."""
    for _ in range(TRIES):
        try:
            copy.fill()
        except Conflict as conflict:
            reason = conflict
            work_again()
        else:
            return
    raise CommandError(
        f"rows of {copy.target.table} have the same values: {reason}; nothing was changed, "
        "change one of each, and run the same command again"
    )


def _with_exchange(step: Any, prepared: Prepared) -> Any:
    """Let the step begin with the exchange of the tables, in its own transaction."""
    if prepared.copies:
        change = step.migration_fn

        def work_again() -> None:
            for work in prepared.writes:
                work(Operations(op.get_context()))

        @wraps(change)
        def exchanging(**options: Any) -> None:
            for copy in prepared.copies:
                copy.swap(op.get_bind(), work_again)
            attachments.write_down(Operations(op.get_context()), list(prepared.attached))
            change(**options)

        step.migration_fn = exchanging
    return step


def _large_tables(connection: Connection) -> list[str]:
    return [
        name
        for name in sorted(table_names(connection))
        if not name.startswith(rehearsal.NAME_PREFIX) and _is_large(connection, name)
    ]


def _is_large(connection: Connection, table: str) -> bool:
    query = f"SELECT 1 FROM {quoted(table)} LIMIT 1 OFFSET {LARGE_ROWS}"
    return connection.exec_driver_sql(query).scalar() is not None


def _require_editable(connection: Connection, targets: list[RebuiltTable]) -> None:
    if targets:
        with gentle.writing(connection):
            if not sqlite_catalog.is_editable(connection):
                raise Unfit("this SQLite refuses changes of its catalog")


def _require_space(connection: Connection) -> None:
    """Raise CommandError if the disk cannot hold a second copy: a full one stops every writer."""
    pragmas = ("page_size", "page_count", "freelist_count")
    size, count, free = (
        int(connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()) for name in pragmas
    )
    path = Path(str(connection.engine.url.database)).resolve()
    needed = size * max(0, count - 2 * free)
    available = shutil.disk_usage(path.parent).free
    connection.commit()
    if needed > available:
        raise CommandError(
            f"the step copies a table beside its writers, for which up to {needed:,} bytes must be "
            f"free on the disk of {path}, and {available:,} are; nothing was changed. Free some, "
            "or stop the service and run the same command with `alembic -x direct=yes`, which "
            "changes the table in place and keeps every writer waiting meanwhile"
        )
