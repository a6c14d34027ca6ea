"""Describe the machine and the versions that a benchmark ran on."""

import os
import platform
import sqlite3
from importlib.metadata import version

import psycopg

PACKAGES = ("gunicorn", "falcon", "sqlalchemy", "psycopg", "greenlet", "flask")


def described(postgresql: str) -> str:
    """Return one line; `postgresql` is the URI of the server."""
    with psycopg.connect(postgresql) as connection:
        server = connection.info.server_version
    kernel = platform.release().partition("-")[0]
    named = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    return (
        f"{os.cpu_count()} cores that other work shared, {platform.system()} {kernel}, "
        f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, "
        f"PostgreSQL {server // 10_000}.{server % 10_000} with fsync on, {named}"
    )
