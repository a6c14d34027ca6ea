"""Read the plan of a database for a statement."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection


def explain(connection: Connection, statement: sa.Select[Any]) -> str:
    """Return the database's plan for the statement, as text."""
    sql = statement.compile(connection, compile_kwargs={"literal_binds": True}).string
    if connection.dialect.name == "sqlite":
        rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}")
        return "\n".join(str(row.detail) for row in rows)
    return "\n".join(str(row[0]) for row in connection.exec_driver_sql(f"EXPLAIN {sql}"))
