"""Keep a command to the steps it decided on, and repair an interrupted downgrade.

On PostgreSQL a downgrade commits as it goes. After an interruption the same command finishes it.
If the next command is another one, the upgrade of the revision runs once more: it redoes what the
downgrade had undone.
"""

import logging
from collections.abc import Iterable
from functools import wraps
from itertools import dropwhile
from typing import Any

from alembic import op
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext, RevisionStep
from alembic.script import ScriptDirectory
from alembic.util import CommandError

from app.db import version_table
from app.db.migration_ops import broken_objects, grants, preparation, prior_checks, shard_keys
from app.db.migration_ops.plugin import table_names
from app.log import event

UNDOING = "_undoing_"
"""Prefix of the empty table that exists while the downgrade of a revision is under way."""

UPGRADING = "_upgrading_"
"""Prefix of the empty table that exists while an upgrade of a database taken over is under way.

An interrupted one leaves columns in a table of the older system, which a downgrade of the revisions
below would leave to it as its own.
"""

log = logging.getLogger("hookonce.migrate")


def keep_to(decided: list[Any], migration: MigrationContext, scripts: ScriptDirectory) -> None:
    """Decide on the steps at the first try; each later try takes the rest of them.

    Decided again after the first step, `downgrade -2` would take two more.
    """
    plan = migration._migrations_fn
    assert plan is not None  # noqa: S101, for the type checker: a command always brings one

    def steps(heads: tuple[str, ...], context: MigrationContext) -> Iterable[Any]:
        remaining = list(dropwhile(lambda step: step.from_revisions != tuple(heads), decided))
        if not decided:
            remaining = list(plan(heads, context))
            if context.dialect.name == "postgresql" and remaining:
                _refuse_spread(context, remaining)
                prior_checks.require_free(context, remaining)
            elif remaining:
                prior_checks.require_rows(context, remaining)
            decided.extend(remaining)
        if remaining and not heads:
            _create_version_table_in(remaining[0])
        if context.dialect.name == "postgresql":
            if any(_is_downgrade(step) for step in remaining[:1]):
                _refuse_interrupted_upgrade(context, scripts, heads)
            else:
                _repair(context, scripts, heads)
            return [_with_mark(step) for step in remaining]
        undisturbed = [_beside_broken_objects(step) for step in remaining]
        is_move = getattr(plan, "__name__", "") in ("upgrade", "downgrade")
        return preparation.prepared(context, undisturbed) if is_move else undisturbed

    migration._migrations_fn = steps


def _refuse_spread(migration: MigrationContext, remaining: list[Any]) -> None:
    """Raise an error before the first step if a later one cannot be taken by spread tables."""
    assert migration.connection is not None  # noqa: S101, for the type checker: not offline
    undone = {each.revision.revision for each in remaining if _is_downgrade(each)}
    if shard_keys.SINCE in undone:
        migration.connection.exec_driver_sql(shard_keys.REFUSE_SPREAD)


def _create_version_table_in(step: Any) -> None:
    """Let the first step create the version table: a refused one leaves nothing in the database."""
    change = step.migration_fn

    @wraps(change)
    def creating(**options: Any) -> None:
        op.get_context()._ensure_version_table()
        grants.share(Operations(op.get_context()), version_table.NAME)
        change(**options)

    step.migration_fn = creating


def _is_downgrade(step: Any) -> bool:
    return isinstance(step, RevisionStep) and not step.is_upgrade


def mark(revision: str) -> str:
    """Return the name of the table that exists while the revision is downgraded."""
    return f"{UNDOING}{revision}"


def _with_mark(step: Any) -> Any:
    """Wrap a step so that its mark, an empty table, exists while it is under way."""
    if not _is_downgrade(step):
        return _with_mark_if_found(step) if isinstance(step, RevisionStep) else step
    name = mark(step.revision.revision)
    downgrade = step.revision.module.downgrade

    @wraps(downgrade)
    def marked(**options: Any) -> None:
        with op.get_context().autocommit_block():
            op.execute(f"CREATE TABLE IF NOT EXISTS {name} ()")
        downgrade(**options)
        op.execute(f"DROP TABLE IF EXISTS {name}")
        # a script completes an interrupted upgrade without its mark
        op.execute(f"DROP TABLE IF EXISTS {UPGRADING}{step.revision.revision}")

    step.migration_fn = marked
    return step


def _with_mark_if_found(step: Any) -> Any:
    name, upgrade = f"{UPGRADING}{step.revision.revision}", step.migration_fn

    @wraps(upgrade)
    def marked(**options: Any) -> None:
        if version_table.FOUND_RECORD not in table_names(op.get_bind()):
            upgrade(**options)
            return
        op.execute(f"CREATE TABLE IF NOT EXISTS {name} ()")  # committed with the first change
        upgrade(**options)
        op.execute(f"DROP TABLE IF EXISTS {name}")

    step.migration_fn = marked
    return step


def _refuse_interrupted_upgrade(
    migration: MigrationContext, scripts: ScriptDirectory, heads: tuple[str, ...]
) -> None:
    """Raise CommandError if the next upgrade of a database taken over was interrupted."""
    assert migration.connection is not None  # noqa: S101, for the type checker: not offline
    existing = table_names(migration.connection)
    for revision in (each for head in heads for each in scripts.get_revision(head).nextrev):
        if f"{UPGRADING}{revision}" in existing:
            raise CommandError(
                f"the upgrade to {revision} was interrupted, and left columns in a table of the "
                f"older system: run alembic upgrade {revision}, which completes it, and then this "
                "command; nothing was changed"
            )


def _beside_broken_objects(step: Any) -> Any:
    """Wrap a step on SQLite so that a broken view of somebody else does not stop it."""
    if not isinstance(step, RevisionStep):
        return step
    change = step.migration_fn

    @wraps(change)
    def undisturbed(**options: Any) -> None:
        with broken_objects.set_aside(op.get_bind()):
            change(**options)

    step.migration_fn = undisturbed
    return step


def _repair(migration: MigrationContext, scripts: ScriptDirectory, heads: tuple[str, ...]) -> None:
    """Run the upgrade of a revision again whose downgrade was interrupted."""
    assert migration.connection is not None  # noqa: S101, for the type checker: not offline
    existing = table_names(migration.connection)
    for revision in heads:
        if mark(revision) in existing:
            event(log, logging.WARNING, "downgrade_was_broken_off", revision=revision)
            script = scripts.get_revision(revision)
            # the first one takes everything back at once, unless it gives found tables back; run
            # again, its upgrade would record our own tables as found
            is_whole = script.down_revision is None and version_table.FOUND_RECORD not in existing
            with migration.begin_transaction(_per_migration=True):
                if not is_whole:
                    script.module.upgrade()
                op.execute(f"DROP TABLE {mark(revision)}")
