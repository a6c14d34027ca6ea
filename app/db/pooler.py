"""Detect a pooler such as PgBouncer before PostgreSQL, and the time limits that it drops."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection


def behind_pooler(connection: Connection) -> bool:
    """Return True if a pooler may give each transaction to another session of the server."""
    return bool(getattr(connection.connection.driver_connection, "pooled", False))


def server_and_name(connection: Connection) -> tuple[Any, ...]:
    """Return the server's start and the database's name: the same through any address or pooler."""
    query = sa.text("SELECT pg_postmaster_start_time(), current_database()")
    return tuple(connection.execute(query).one())


def missing_time_limits(connection: Connection) -> list[str]:
    """Return the time limits of PostgreSQL that a statement outside a transaction does not have."""
    names = ("lock_timeout", "statement_timeout")
    return [name for name in names if connection.scalar(sa.text(f"SHOW {name}")) == "0"]
