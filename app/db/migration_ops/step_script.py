"""Write the steps of a command as a script for PostgreSQL, to learn beforehand what they change.

A later step that stops at an object of somebody else would leave a database half way.
"""

import re
from io import StringIO
from typing import Any

from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext, RevisionStep

from app import log

_DROPPED_TABLE = re.compile(r"^DROP TABLE (\w+);", re.MULTILINE)
_DROPPED_COLUMN = re.compile(r"^ALTER TABLE (\w+) DROP COLUMN (\w+);", re.MULTILINE)
_HIDDEN_COLUMN = re.compile(
    r"^ALTER TABLE (\w+) RENAME COLUMN (\w+) TO _stash_\d{4}_", re.MULTILINE
)
_ADDED = r"^ALTER TABLE (\w+) ADD COLUMN (?:IF NOT EXISTS )?(\w+) "
_ADDED_COLUMN = re.compile(_ADDED, re.MULTILINE)
_ADDED_WITH_DEFAULT = re.compile(rf"{_ADDED}.*\bDEFAULT\b", re.MULTILINE)


class StepScript:
    """Changes of tables and columns of ours, read from the script of some steps."""

    def __init__(self, text: str) -> None:
        self.dropped_tables = set(_DROPPED_TABLE.findall(text))
        self.dropped_columns = set(_DROPPED_COLUMN.findall(text))
        """Table and column of each that goes for good."""
        self.hidden_columns = set(_HIDDEN_COLUMN.findall(text))
        """Table and column of each that older code does not see, and never writes."""
        self.added_columns = set(_ADDED_COLUMN.findall(text))
        self.added_with_default = set(_ADDED_WITH_DEFAULT.findall(text))
        """Table and column of each: PostgreSQL adds them as if it wrote every row anew."""


def of(migration: MigrationContext, steps: list[Any]) -> StepScript:
    """Return what the steps of an upgrade or downgrade will do, without doing it."""
    text = StringIO()
    opts = {"as_sql": True, "output_buffer": text, "literal_binds": True, "transactional_ddl": True}
    opts["x"] = migration.opts.get("x", {})
    try:
        with log.silenced("alembic.runtime.migration"):
            script = MigrationContext.configure(dialect_name="postgresql", opts=opts)
        with Operations.context(script):
            for step in steps:
                if isinstance(step, RevisionStep):
                    step.migration_fn()
    finally:
        Operations(migration)._install_proxy()
    return StepScript(text.getvalue())
