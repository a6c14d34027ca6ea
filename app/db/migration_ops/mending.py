"""Build the unique index against duplicates again where it is missing or is another one.

A revision is applied once. So an index that was lost later would come back only by a downgrade,
which is refused while events arrive.
"""

import logging
from functools import partial

from alembic import op as alembic_op
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from alembic.util import CommandError
from sqlalchemy.engine import Connection

from app.db import deduplication, index_definition
from app.db.deduplication import BEFORE_REPLAYS
from app.db.index_definition import IndexDefinition
from app.db.migration_ops import duplicates, indexes, preparation
from app.db.migration_ops.plugin import table_names
from app.log import event

BUILT_BY = "0002"
"""Revision that introduced the index; its downgrade gives stashed keys back."""
PREDICATE_SINCE = "0008"
"""Revision that gave the index its predicate of today."""

log = logging.getLogger("hookonce.migrate")


def mend_after(migration: MigrationContext, revisions: list[str]) -> None:
    """After an upgrade, let the unique index be as the database's revision defines it.

    `revisions` are all revisions, oldest first. Raises CommandError if two executions share a key.
    """
    (current,) = migration.get_current_heads() or (None,)
    connection = migration.connection
    assert connection is not None  # noqa: S101, for the type checker: not offline
    if current not in revisions[revisions.index(BUILT_BY) :]:
        return
    since_replays = current in revisions[revisions.index(PREDICATE_SINCE) :]
    wanted = _definition(since_replays=since_replays)
    fault = index_definition.fault(
        index_definition.find(connection, wanted.name, wanted.table), wanted
    )
    if fault is not None:
        event(log, logging.WARNING, "index_is_mended", index=wanted.name, fault=fault)
        _build(connection, migration, wanted)


def _definition(*, since_replays: bool) -> IndexDefinition:
    wanted = deduplication.definition()
    return wanted if since_replays else wanted._replace(where=BEFORE_REPLAYS)


def _build(connection: Connection, migration: MigrationContext, wanted: IndexDefinition) -> None:
    if wanted.table not in table_names(connection):
        raise CommandError(f"there is no table {wanted.table}: was the database only stamped?")
    if connection.dialect.name == "sqlite":
        preparation.beside_writers(migration, partial(_change, wanted))
        return
    with Operations.context(migration), migration.begin_transaction(_per_migration=True):
        _change(wanted)


def _change(wanted: IndexDefinition) -> None:
    assert wanted.where is not None  # noqa: S101, for the type checker: the index is partial
    op, columns = Operations(alembic_op.get_context()), list(wanted.columns)
    duplicates.refuse_duplicate_keys(op, wanted.where)
    duplicates.stash_duplicate_keys(op, BUILT_BY, wanted.where)
    indexes.ensure_index(op, wanted.name, wanted.table, columns, unique=True, where=wanted.where)


def is_upgrade(migration: MigrationContext) -> bool:
    """Return True for the command `upgrade`; downgrade, stamp and others must not build."""
    return getattr(migration._migrations_fn, "__name__", "") == "upgrade"
