"""Which steps a command takes, and what becomes of a step down that was broken off.

On PostgreSQL a step down commits as it goes. Broken off, it is finished by the same command run
again. If the schema is to stay or to go up instead, the revision's upgrade runs once more: it does
what is left, and that is what the step down had undone.
"""

import logging
from functools import wraps
from itertools import dropwhile
from typing import Any

from alembic import op
from alembic.runtime.migration import MigrationContext, RevisionStep
from alembic.script import ScriptDirectory

from app.db.migration_ops.plugin import table_names
from app.log import event

UNDOING = "_undoing_"
"""Begins the name of the empty table that stands while a step down is under way."""

log = logging.getLogger("hookonce.migrate")


def keep_to(decided: list[Any], migration: MigrationContext, scripts: ScriptDirectory) -> None:
    """The first try decides on the steps, and each later one takes those that are left.

    Asked anew after the first step, `downgrade -2` would mean two more.
    """
    plan = migration._migrations_fn
    assert plan is not None  # noqa: S101, for the type checker: a command always brings one

    def steps(heads: tuple[str, ...], asked: MigrationContext) -> list[Any]:
        left = list(dropwhile(lambda step: step.from_revisions != tuple(heads), decided))
        if not decided:
            left = list(plan(heads, asked))
            decided.extend(left)
        if asked.dialect.name == "postgresql":
            if not any(_goes_down(step) for step in left[:1]):
                _mend(asked, scripts, heads)
            return [_marking(step) for step in left]
        return left

    migration._migrations_fn = steps


def _goes_down(step: Any) -> bool:
    return isinstance(step, RevisionStep) and not step.is_upgrade


def _mark(revision: str) -> str:
    return f"{UNDOING}{revision}"


def _marking(step: Any) -> Any:
    """A step down that leaves its mark while it is under way."""
    if not _goes_down(step):
        return step
    mark = _mark(step.revision.revision)
    take_back = step.revision.module.downgrade

    @wraps(take_back)
    def marked(**given: Any) -> None:
        with op.get_context().autocommit_block():
            op.execute(f"CREATE TABLE IF NOT EXISTS {mark} ()")
        take_back(**given)
        op.execute(f"DROP TABLE IF EXISTS {mark}")

    step.migration_fn = marked
    return step


def _mend(migration: MigrationContext, scripts: ScriptDirectory, heads: tuple[str, ...]) -> None:
    """The revision that stands is whole, though it was about to be taken back."""
    assert migration.connection is not None  # noqa: S101, for the type checker: it is no script
    standing = table_names(migration.connection)
    for revision in heads:
        if _mark(revision) in standing:
            event(log, logging.WARNING, "downgrade_was_broken_off", revision=revision)
            with migration.begin_transaction(_per_migration=True):
                scripts.get_revision(revision).module.upgrade()
                op.execute(f"DROP TABLE {_mark(revision)}")
