"""Register functions as Alembic operations, and inspect the database for them."""

from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec

from alembic.operations import MigrateOperation, Operations

from app.db.hidden_columns import column_names, stash_name, table_names

__all__ = ["column_names", "stash_name", "table_names"]

Arguments = ParamSpec("Arguments")
IN_BLOCK = "hookonce_in_block"
"""Option of a context whose statements become a part of one block of a script."""


def operation(
    function: Callable[Concatenate[Operations, Arguments], None],
) -> Callable[Concatenate[Operations, Arguments], None]:
    """Let revisions call `function(op, ...)` as `op.<its name>(...)`."""

    class PluginOperation(MigrateOperation):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            self.args, self.kwargs = args, kwargs

        @classmethod
        def invoke(cls, operations: Operations, *args: Any, **kwargs: Any) -> Any:
            return operations.invoke(cls(*args, **kwargs))

    Operations.register_operation(function.__name__, "invoke")(PluginOperation)
    Operations.implementation_for(PluginOperation)(
        lambda operations, plugin: function(operations, *plugin.args, **plugin.kwargs)
    )
    return function


def offline(op: Operations) -> bool:
    """Return True if SQL is being written for a DBA (`--sql`), with no database to inspect."""
    return bool(op.get_context().as_sql)


def stop_script_if(op: Operations, condition: str, sentence: str) -> None:
    """Make an SQL script for PostgreSQL stop with the sentence if the condition is true then."""
    message = sentence.replace("'", "''")
    op.execute(f"DO $$ BEGIN IF {condition} THEN RAISE EXCEPTION '{message}'; END IF; END $$")


def in_block(op: Operations) -> bool:
    """Return True if the SQL becomes a part of one block, where nothing is built CONCURRENTLY."""
    return bool(op.get_context().opts.get(IN_BLOCK))


def postgresql(op: Operations) -> bool:
    """Return True on PostgreSQL, False on SQLite."""
    return op.get_context().dialect.name == "postgresql"


def end_transaction(op: Operations) -> None:
    """Commit on PostgreSQL, so that no lock is held longer than needed; SQLite commits each step.

    A kill leaves the database between the two parts, so the first one must bear to be repeated.
    """
    if postgresql(op):
        with op.get_context().autocommit_block():
            pass


def discarding(op: Operations) -> bool:
    """Return True with `-x discard=yes`: a downgrade drops values instead of stashing them."""
    return bool(op.get_context().opts.get("x", {}).get("discard") == "yes")


def listed(names: list[str]) -> str:
    """Join column names for a statement. They come from revisions, never from user input."""
    return ", ".join(names)
