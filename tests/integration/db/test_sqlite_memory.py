"""The page caches of a process's connections to SQLite share one limit."""

import _sqlite3
import ctypes
from collections.abc import Callable

import pytest

from app.db import Database
from app.db.sqlite import MEMORY_BYTES

CONNECTIONS = 8
READ_BYTES = 3_000_000
"""Bytes that each connection reads: more than SQLite keeps for one connection."""


@pytest.fixture
def kind() -> str:
    """Use SQLite only: PostgreSQL's caches are in its server."""
    return "sqlite"


@pytest.fixture
def sqlite_bytes() -> Callable[[], int]:
    """Return the memory that SQLite has allocated in this process."""
    used = getattr(ctypes.CDLL(_sqlite3.__file__), "sqlite3_memory_used", None)
    if used is None:
        pytest.skip("this SQLite hides its functions")
    used.restype = ctypes.c_longlong
    return used


def test_connections_that_read_much_stay_within_the_limit_together(
    database: Database, sqlite_bytes: Callable[[], int]
) -> None:
    with database.writing() as connection:
        connection.exec_driver_sql("CREATE TABLE pages (page BLOB)")
        for _ in range(READ_BYTES // 3_000):
            connection.exec_driver_sql("INSERT INTO pages VALUES (zeroblob(3000))")
    before = sqlite_bytes()

    readers = [database.engine.connect() for _ in range(CONNECTIONS)]
    for reader in readers:
        reader.exec_driver_sql("SELECT sum(length(hex(page))) FROM pages").scalar_one()
    grown = sqlite_bytes() - before
    for reader in readers:
        reader.close()

    assert grown < MEMORY_BYTES
