"""Let a script for PostgreSQL begin with the repair of an interrupted downgrade.

A script cannot look at the database while it is written, and CONCURRENTLY is not allowed where a
condition is. So the statements of the revision's upgrade are wrapped into one block, which runs if
the downgrade's mark exists: it builds missing indexes under a lock that keeps writers waiting.
"""

from io import StringIO
from typing import Any

from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from app.db.migration_ops.plugin import IN_BLOCK
from app.db.migration_ops.steps import UNDOING, mark
from app.db.version_table import FOUND_RECORD

_FIRST = "0001"
"""Revision whose downgrade commits all at once: of an interrupted one only the mark is left.

It commits as it goes where it gives tables of an older system back: see `refuse_interrupted`.
"""
_QUOTE = "$mending$"


def refuse_interrupted(start: str | None) -> str:
    """Return the refusal of a script that does not mend an interrupted downgrade.

    That is one of another revision than `start`, with which the script begins, or one in a database
    that was taken over: only the command knows what was found there.
    """
    mended = "false" if start is None else f"relname = '{mark(start)}'"
    return f"""DO $$ DECLARE undoing name; BEGIN
    SELECT relname INTO undoing FROM pg_class
        WHERE relname ~ '^{UNDOING}[0-9]'
        AND relnamespace = quote_ident(current_schema())::regnamespace
        AND NOT ({mended} AND to_regclass('{FOUND_RECORD}') IS NULL);
    IF undoing IS NOT NULL THEN RAISE EXCEPTION USING MESSAGE = 'the downgrade of '
        || replace(undoing, '{UNDOING}', '') || ' was interrupted: run alembic upgrade '
        || replace(undoing, '{UNDOING}', '') || ', which undoes it, or that downgrade again, and '
        || 'then this script; nothing was changed'; END IF; END $$"""  # noqa: S608, our own names


def statement(revision: str, scripts: ScriptDirectory) -> str:
    """Return the block that mends the interrupted downgrade of this revision, if it was one."""
    body = "" if revision == _FIRST else "".join(map(_execute, _upgrade(revision, scripts)))
    return (
        f"DO $block$ BEGIN IF to_regclass('{mark(revision)}') IS NOT NULL THEN {body}"
        f"DROP TABLE {mark(revision)}; END IF; END $block$"
    )


def _upgrade(revision: str, scripts: ScriptDirectory) -> list[str]:
    """Return the statements of the revision's upgrade that may stand in a block."""
    statements: list[str] = []
    opts = {"as_sql": True, "literal_binds": True, "output_buffer": StringIO(), IN_BLOCK: True}
    context = MigrationContext.configure(dialect_name="postgresql", opts=opts)
    impl: Any = context.impl
    impl.static_output = statements.append
    with Operations.context(context):
        scripts.get_revision(revision).module.upgrade()
    plain = (each.strip().rstrip(";").replace(" CONCURRENTLY", "") for each in statements)
    return [each for each in plain if not each.upper().startswith(("BEGIN", "COMMIT", "SET "))]


def _execute(sql: str) -> str:
    return f"EXECUTE {_QUOTE}{sql}{_QUOTE}; "
