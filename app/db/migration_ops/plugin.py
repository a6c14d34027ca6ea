"""How a plain function becomes an operation, and the questions that all operations ask."""

from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec

import sqlalchemy as sa
from alembic.operations import MigrateOperation, Operations
from sqlalchemy.engine import Connection

Arguments = ParamSpec("Arguments")


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
    """Whether SQL is being written for a DBA to run, with no database to ask."""
    return bool(op.get_context().as_sql)


def postgresql(op: Operations) -> bool:
    """Whether the database is PostgreSQL; else it is SQLite."""
    return op.get_context().dialect.name == "postgresql"


def discarding(op: Operations) -> bool:
    """Whether `-x discard=yes` was given: what a downgrade takes away is dropped for good."""
    return bool(op.get_context().opts.get("x", {}).get("discard") == "yes")


def table_names(connection: Connection) -> set[str]:
    """Every table of the database."""
    return set(sa.inspect(connection).get_table_names())


def column_names(connection: Connection, table: str) -> set[str]:
    """Every column of the table; empty when there is no such table."""
    if table not in table_names(connection):
        return set()
    return {column["name"] for column in sa.inspect(connection).get_columns(table)}


def stash_name(revision: str, what: str) -> str:
    """Where a downgrade of `revision` puts `what`, in the same database."""
    return f"_stash_{revision}_{what}"


def listed(names: list[str]) -> str:
    """Column names, ready for a statement. They come from revisions, never from outside."""
    return ", ".join(names)
