"""Add and hide columns without loss: a downgrade renames them, an upgrade gives the names back.

Columns leave a table for good where it is given back to the owner of an adopted database, and with
`-x discard=yes`.
"""

import re

import sqlalchemy as sa
from alembic.operations import Operations

from app.db.migration_ops import duplicates, former_stashes, found, hiding, preparation, removal
from app.db.migration_ops.plugin import (
    column_names,
    discarding,
    end_transaction,
    offline,
    operation,
    postgresql,
    stash_name,
)


@operation
def add_or_restore_columns(
    op: Operations, revision: str, table: str, *columns: sa.Column[object]
) -> None:
    """Add the columns, with the values they had when this revision was last downgraded."""
    add_columns(op, table, *columns)
    restore_columns(op, revision, table, [column.name for column in columns])


@operation
def add_columns(op: Operations, table: str, *columns: sa.Column[object]) -> None:
    """Show the columns that a downgrade hid, and add those that are missing."""
    if offline(op):
        for column in columns:
            op.execute(hiding.show_offline(table, column.name))
            op.add_column(table, column, if_not_exists=True)
        return
    duplicates.keep_first_before_showing(op, table, [column.name for column in columns])
    existing = column_names(op.get_bind(), table)
    for column in columns:
        if not hiding.show(op, table, column.name) and column.name not in existing:
            op.add_column(table, column)


@operation
def restore_columns(op: Operations, revision: str, table: str, names: list[str]) -> None:
    """Restore values that left the table: in an adopted database, or by an earlier release."""
    if offline(op):
        op.execute(former_stashes.restore_offline(revision, table, names))
    else:
        former_stashes.restore(op, revision, table, names)


@operation
def stash_columns(
    op: Operations,
    revision: str,
    table: str,
    names: list[str],
    *,
    also: str = "",  # noqa: ARG001, merged revisions give it: rows to copy although they are empty
) -> None:
    """Hide the columns by another name; columns of an adopted table are left as they are.

    Older code writes rows without them: each column is nullable or has a default.
    """
    if offline(op):
        found.refuse_record_offline(op)
        for name in names:
            if discarding(op):
                op.drop_column(table, name)
            else:
                op.execute(hiding.rename(table, name, stash_name(revision, name)))
        return
    names = [name for name in names if _is_ours(op, table, name)]
    former_stashes.drop_capture(op, revision, table)
    checked = _with_checks(op, table, names)
    hiding.hide(op, revision, table, names)
    hidden = [stash_name(revision, name) for name in names]
    if discarding(op):
        removal.require_unused(op, table, hidden)
        if not preparation.is_large(op, table):  # such a table is rebuilt once, at the end
            removal.drop(op, table, [hiding.Hidden(revision, name) for name in names])
    elif checked:
        removal.remove(op, table, [hiding.Hidden(revision, name) for name in checked])


def _is_ours(op: Operations, table: str, name: str) -> bool:
    """Return True if the column exists and was created by a revision."""
    return name in column_names(op.get_bind(), table) and not found.has_column(op, table, name)


def _with_checks(op: Operations, table: str, names: list[str]) -> list[str]:
    """Return the columns that SQLite defines together with a CHECK, which stays if they do."""
    if postgresql(op):
        return []
    query = sa.text("SELECT sql FROM sqlite_master WHERE type = 'table' AND name = :table")
    sql = str(op.get_bind().execute(query, {"table": table}).scalar())
    definition = r"[(,]\s*\"?{}\"?\s[^,(]*(\([^()]*\)[^,(]*)*\bCHECK\b"
    return [name for name in names if re.search(definition.format(name), sql)]


@operation
def complete_found_table(
    op: Operations, revision: str, table: str, columns: list[sa.Column[object]]
) -> None:
    """Add to an adopted table the columns that it lacks; they may hold NULL."""
    if offline(op) or not found.has_table(op, table):
        return
    missing = [c for c in columns if not found.has_column(op, table, c.name)]
    for column in missing:
        column.nullable = column.nullable or column.server_default is None
    if missing:
        add_or_restore_columns(op, f"{revision}_found", table, *missing)


@operation
def return_completed_table(
    op: Operations, revision: str, table: str, columns: list[sa.Column[object]]
) -> None:
    """Take everything of ours out of an adopted table: its owner gets it back as it was found."""
    if offline(op) or not found.has_table(op, table):
        return
    names = [column.name for column in columns]
    if postgresql(op):
        _require_unused(op, table, names)
    stash_columns(op, f"{revision}_found", table, names)
    hidden = hiding.hidden_columns(op.get_bind(), table)
    removal.require_unused(op, table, [each.name for each in hidden])
    end_transaction(op)  # the values are copied without the lock
    removal.remove(op, table, hidden)


def _require_unused(op: Operations, table: str, names: list[str]) -> None:
    """Look before the first column is renamed: that is committed before values are copied."""
    ours = [name for name in names if _is_ours(op, table, name)]
    hidden = [each.name for each in hiding.hidden_columns(op.get_bind(), table)]
    removal.require_unused(op, table, ours + hidden)
