"""Measure how long each revision blocks a writer, at a million executions.

    python -m bench.locks [--rows 1000000] [--database sqlite|postgresql] [--only 0012]
                          [--directory /dev/shm] [--direct]

Fills an adopted database, so that the writer has a table even below the first revision, then
steps every revision down and up again while one writer inserts without a pause. Prints for each
step its duration, the longest wait of the writer, and by how much the database grew.
"""

import argparse
import itertools
import os
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa

from app.db import Database, schema
from app.settings import from_environment
from tests.support import found_databases
from tests.support.databases import KINDS, Databases, migrate

PAYLOAD_BYTES = 600
PATIENCE_SECONDS = "600"
BATCH = 50_000

_NUMBERS = {
    "sqlite": "WITH RECURSIVE n(i) AS (SELECT {first} UNION ALL SELECT i + 1 FROM n "
    "WHERE i < {last}) ",
    "postgresql": "WITH n(i) AS (SELECT generate_series({first}, {last})) ",
}
_EXECUTIONS = (
    "INSERT INTO trigger_executions (trigger_id, event_data, status, idempotency_key, "
    "attempt_count, next_attempt_at, completed_at) {numbers} "
    "SELECT 1, '{payload}', 'completed', 'key-' || i, 1, NULL, '2026-01-01 00:00:00' FROM n"
)
_ONE_MORE = (
    "INSERT INTO trigger_executions (trigger_id, event_data, status) VALUES (1, '{}', 'pending')"
)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--database", choices=KINDS, action="append")
    parser.add_argument("--only", action="append", help="revision to measure; others just move")
    parser.add_argument("--directory", help="directory of the databases")
    parser.add_argument("--direct", action="store_true", help="with -x direct=yes")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.directory) as directory:
        databases = Databases(Path(directory))
        try:
            for kind in options.database or KINDS:
                with databases.empty(kind) as url:
                    x = {"direct": "yes"} if options.direct else {}
                    measure(kind, url, options.rows, only=options.only, **x)
        finally:
            databases.remove()


def measure(kind: str, url: str, rows: int, *, only: list[str] | None = None, **x: str) -> None:
    """Print the table of steps for this database."""
    found_databases.make(url)
    migrate(url)
    database = Database(
        from_environment(
            {"DATABASE_URL": url, "HOOKONCE_DATABASE_TIMEOUT_SECONDS": PATIENCE_SECONDS}
        )
    )
    fill(database, kind, rows)
    busy = f"{os.cpu_count()} cores at a load of {os.getloadavg()[0]:.1f}"
    print(f"\n{kind}, {rows:,} executions of {PAYLOAD_BYTES} bytes, {busy}")
    print(f"{'step':<22}{'took, ms':>10}{'slowest write, ms':>20}{'grew, MB':>12}")
    history = schema.history()
    for lower, upper in reversed(list(itertools.pairwise(("base", *history)))):
        if only is None or upper in only:
            step(database, url, f"{upper} down to {lower}", lower, down=True, **x)
    for upper in history:
        if only is None or upper in only:
            step(database, url, f"up to {upper}", upper, down=False, **x)
    database.dispose()


def fill(database: Database, kind: str, rows: int) -> None:
    """Insert so many completed executions of one trigger."""
    for first in range(1, rows + 1, BATCH):
        last = min(first + BATCH - 1, rows)
        numbers = _NUMBERS[kind].format(first=first, last=last)
        with database.writing() as connection:
            connection.execute(
                sa.text(_EXECUTIONS.format(numbers=numbers, payload="x" * PAYLOAD_BYTES))
            )


def step(database: Database, url: str, name: str, target: str, *, down: bool, **x: str) -> None:
    """Move the schema to `target` beside a writer; print the duration and the longest wait."""
    before = size(database)
    with writer(database) as waits:
        began = time.monotonic()
        migrate(url, to=target, down=down, **x)
        took = time.monotonic() - began
    grew = (size(database) - before) / 1e6
    print(f"{name:<22}{took * 1000:>10.0f}{max(waits) * 1000:>20.0f}{grew:>12.0f}", flush=True)


def size(database: Database) -> int:
    """Return the bytes of the database: of the file of SQLite, with its write-ahead log."""
    with database.reading() as connection:
        if connection.dialect.name == "postgresql":
            query = sa.text("SELECT pg_database_size(current_database())")
            return int(connection.execute(query).scalar_one())
    path = str(database.engine.url.database)
    return sum(os.path.getsize(path + end) for end in ("", "-wal") if os.path.exists(path + end))


@contextmanager
def writer(database: Database) -> Iterator[list[float]]:
    """Insert without a pause until the block ends; yield the seconds of each insert."""
    waits: list[float] = []
    done = threading.Event()

    def write() -> None:
        while not done.is_set():
            began = time.monotonic()
            with database.writing() as connection:
                connection.exec_driver_sql(_ONE_MORE)
            waits.append(time.monotonic() - began)

    thread = threading.Thread(target=write)
    thread.start()
    try:
        yield waits
    finally:
        done.set()
        thread.join()


if __name__ == "__main__":
    main()
