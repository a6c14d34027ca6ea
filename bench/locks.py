"""Measure how long each revision blocks a writer, at a million executions.

    python -m bench.locks [--rows 1000000] [--database sqlite|postgresql]

Fills an adopted database, so that the writer has a table even below the first revision, then
steps every revision down and up again while one writer inserts without a pause. Prints for each
step its duration and the longest wait of the writer.
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
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        databases = Databases(Path(directory))
        try:
            for kind in options.database or KINDS:
                with databases.empty(kind) as url:
                    measure(kind, url, options.rows)
        finally:
            databases.remove()


def measure(kind: str, url: str, rows: int) -> None:
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
    print(f"{'step':<22}{'took, ms':>10}{'slowest write, ms':>20}")
    history = schema.history()
    for lower, upper in reversed(list(itertools.pairwise(("base", *history)))):
        step(database, url, f"{upper} down to {lower}", lower, down=True)
    for upper in history:
        step(database, url, f"up to {upper}", upper, down=False)
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


def step(database: Database, url: str, name: str, target: str, *, down: bool) -> None:
    """Move the schema by one revision beside a writer; print the duration and the longest wait."""
    with writer(database) as waits:
        began = time.monotonic()
        migrate(url, to=target, down=down)
        took = time.monotonic() - began
    print(f"{name:<22}{took * 1000:>10.0f}{max(waits) * 1000:>20.0f}", flush=True)


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
