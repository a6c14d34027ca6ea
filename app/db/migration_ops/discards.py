"""Drop hidden columns and stashes with `-x discard=yes`, those of earlier downgrades included.

A discarded table counts its ids from 1 again, so an upgrade would give the values of a stash that
stayed to new rows: an old trigger's secret to a new trigger.
"""

from functools import partial
from typing import Any

from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext

from app.db import schema
from app.db.migration_ops import attachments, broken_objects, hiding, preparation, removal
from app.db.migration_ops.hiding import Hidden
from app.db.migration_ops.plugin import discarding, offline, postgresql, stash_name, table_names

_DROP_ON_POSTGRESQL = """
    DO $$ DECLARE each record; BEGIN
        FOR each IN SELECT attrelid::regclass AS owner, quote_ident(attname) AS name
            FROM pg_attribute JOIN pg_class AS c ON c.oid = attrelid
            WHERE attname ~ '^({names})' AND NOT attisdropped
            AND c.relkind IN ('r', 'p') AND NOT c.relispartition
            AND c.relnamespace = quote_ident(current_schema())::regnamespace
        LOOP EXECUTE 'ALTER TABLE ' || each.owner || ' DROP COLUMN ' || each.name; END LOOP;
        FOR each IN SELECT conrelid::regclass AS child, quote_ident(conname) AS name
            FROM pg_constraint
            JOIN pg_class AS parent ON parent.oid = confrelid
            WHERE contype = 'f' AND parent.relname ~ '^({names})'
            AND parent.relnamespace = quote_ident(current_schema())::regnamespace
        LOOP EXECUTE 'ALTER TABLE ' || each.child || ' DROP CONSTRAINT ' || each.name; END LOOP;
        FOR each IN SELECT oid::regclass AS stash FROM pg_class WHERE relkind = 'r'
            AND relname ~ '^({names})' AND relname !~ '{spared}'
            AND relnamespace = quote_ident(current_schema())::regnamespace
        LOOP EXECUTE 'DROP TABLE ' || each.stash; END LOOP;
    END $$"""
"""Stashes refer to each other, so their foreign keys are dropped first."""


def discard_after(ctx: MigrationContext, step: Any, **_: Any) -> None:
    """Drop the stashes of the revision that this step took back, and of all later revisions.

    Large tables of SQLite wait for `discard_above`: one copy of each is made for all steps.
    """
    if not step.is_upgrade:
        _drop_stashes_from(Operations(ctx), step.up_revision_id)


def discard_above(migration: MigrationContext) -> None:
    """Drop the stashes above the revision reached: without a step `discard_after` is not called."""
    (current,) = migration.get_current_heads() or (None,)
    revisions = list(schema.history())
    above = revisions if current is None else revisions[revisions.index(current) + 1 :]
    if not above:
        return
    _drop_stashes_from(Operations(migration), above[0])
    if discarding(Operations(migration)):
        _drop_large(migration, above[0])


def is_downgrade(migration: MigrationContext) -> bool:
    """Return True for the command `downgrade`."""
    return getattr(migration._migrations_fn, "__name__", "") == "downgrade"


def _drop_stashes_from(op: Operations, oldest: str) -> None:
    """Drop stashes from this revision on; above the first, statements of others' objects stay."""
    if not discarding(op):
        return
    prefixes, spared = prefixes_from(oldest)
    for name in table_names(op.get_bind()) if not offline(op) else ():
        removal.require_unused(op, name, [each.name for each in _hidden(op, name, prefixes)])
    if postgresql(op):
        for name in table_names(op.get_bind()) if not offline(op) else ():
            attachments.keep(op, name, _hidden(op, name, prefixes))
        pattern = "".join(f"{each}$" for each in spared) or "^$"
        op.execute(_DROP_ON_POSTGRESQL.format(names="|".join(prefixes), spared=pattern))
        return
    small = [each for each in table_names(op.get_bind()) if not preparation.is_large(op, each)]
    with broken_objects.set_aside(op.get_bind()):
        for name in small:
            if not name.startswith(prefixes):
                removal.drop(op, name, _hidden(op, name, prefixes))
            elif not name.endswith(spared):
                op.drop_table(name)


def _drop_large(migration: MigrationContext, oldest: str) -> None:
    """Drop stashes and hidden columns of large tables of SQLite, beside the writers."""
    op = Operations(migration)
    prefixes, spared = prefixes_from(oldest)
    for name in filter(partial(preparation.is_large, op), table_names(op.get_bind())):
        hidden = _hidden(op, name, prefixes)
        if name.startswith(prefixes) and not name.endswith(spared):
            op.get_bind().commit()
            preparation.drop_large_table(migration, name)
        elif hidden:
            removal.drop_beside_writers(migration, name, hidden)


def prefixes_from(oldest: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the beginnings of the names to drop, and the ends of those to spare."""
    revisions = schema.history()
    prefixes = tuple(stash_name(each, "") for each in revisions[revisions.index(oldest) :])
    return prefixes, () if oldest == revisions[0] else (attachments.SUFFIX,)


def _hidden(op: Operations, table: str, prefixes: tuple[str, ...]) -> list[Hidden]:
    hidden = hiding.hidden_columns(op.get_bind(), table)
    return [each for each in hidden if each.name.startswith(prefixes)]
