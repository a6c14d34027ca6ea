"""Measure how long each revision blocks a writer, at a million executions or more.

    python -m bench.locks [--rows 1000000] [--database sqlite|postgresql] [--way up|down]
                          [--only 0012] [--start base] [--directory /var/tmp] [--direct]

The way up takes over a database in which the older system has so many executions, and upgrades it
revision by revision. The way down begins with as many executions at head, downgrades revision by
revision to `base`, where the tables are given back, and takes them over again. A writer of its own
process inserts all the time. Prints for each step its duration, the longest wait of the writer and
of one that inserts into another database, by how much the database grew, and how large its log was
(SQLite) or what was written to it (PostgreSQL).
"""

import argparse
import itertools
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from app.db import Database, schema
from bench.writing import patient, writer
from tests.support import found_databases
from tests.support.databases import KINDS, Databases, migrate

PAYLOAD_BYTES = 600
BATCH = 50_000
RETURNED = ("0001", "0002", "0003")
"""Revisions that return stashed values to a database that is taken over again."""
NOTEWORTHY_SECONDS = 0.5
"""Wait of a writer of which a further line shows the parts."""

_NUMBERS = {
    "sqlite": "WITH RECURSIVE n(i) AS (SELECT {first} UNION ALL SELECT i + 1 FROM n "
    "WHERE i < {last}) ",
    "postgresql": "WITH n(i) AS (SELECT generate_series({first}, {last})) ",
}
_AT_HEAD = (
    "INSERT INTO trigger_executions (trigger_id, event_data, status, idempotency_key, "
    "attempt_count, next_attempt_at, completed_at) {numbers} "
    "SELECT 1, '{payload}', 'completed', 'key-' || i, 1, NULL, '2026-01-01 00:00:00' FROM n"
)
_AT_BASE = (
    "INSERT INTO trigger_executions (trigger_id, event_data, status, idempotency_key, started_at, "
    "completed_at) {numbers} SELECT 1, '{payload}', 'completed', 'key-' || i, "
    "'2026-01-01 00:00:00', '2026-01-01 00:00:00' FROM n"
)


_EXISTS = "SELECT 1 FROM pg_database WHERE datname = :name"
_TABLE = (
    "CREATE TABLE IF NOT EXISTS trigger_executions "
    "(trigger_id INTEGER, event_data TEXT, status TEXT, completed_at TIMESTAMP)"
)


@dataclass
class Trial:
    """One database whose revisions are measured."""

    kind: str
    url: str
    database: Database
    rows: int
    only: list[str] | None
    """Revisions to measure; the schema passes the others without a writer."""
    start: str
    """Revision at which the executions are inserted before the way up."""
    x: dict[str, str]
    """Options of the migrations' `-x`."""


def main() -> None:
    """Measure and print."""
    options = _options()
    with tempfile.TemporaryDirectory(dir=options.directory) as directory:
        databases = Databases(Path(directory))
        try:
            for kind in options.database or KINDS:
                print(f"\n{kind}, {options.rows:,} executions of {PAYLOAD_BYTES} bytes, {_cores()}")
                print(
                    _line(
                        "step",
                        "took, ms",
                        "slowest, ms",
                        "beside, ms",
                        "writes",
                        "grew, MB",
                        "WAL, MB",
                        "",
                    )
                )
                for way in options.way or WAYS:
                    with databases.empty(kind) as url:
                        _measure(kind, url, way, options)
        finally:
            databases.remove()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--database", choices=KINDS, action="append")
    parser.add_argument("--way", choices=WAYS, action="append")
    parser.add_argument("--only", action="append", help="revision to measure; others are passed")
    parser.add_argument("--start", default="base", help="revision before the way up")
    parser.add_argument("--directory", help="directory of the databases")
    parser.add_argument("--direct", action="store_true", help="with -x direct=yes")
    return parser.parse_args()


def _measure(kind: str, url: str, way: str, options: argparse.Namespace) -> None:
    database = Database(patient(url))
    x = {"direct": "yes"} if options.direct else {}
    WAYS[way](Trial(kind, url, database, options.rows, options.only, options.start, x))
    database.dispose()


def up(trial: Trial) -> None:
    """Measure the upgrade of a database that the older system filled, keys included."""
    found_databases.make(trial.url, tuple(found_databases.ADDED_COLUMNS))
    if trial.start != "base":
        migrate(trial.url, to=trial.start)
    fill(trial, _AT_BASE)
    for upper in schema.history():
        if upper > trial.start or trial.start == "base":
            step(trial, f"up to {upper}", upper, down=False)


def down(trial: Trial) -> None:
    """Measure the downgrade from head, and the upgrade that returns what it stashed."""
    found_databases.make(trial.url)
    migrate(trial.url)
    fill(trial, _AT_HEAD)
    for lower, upper in reversed(list(itertools.pairwise(("base", *schema.history())))):
        step(trial, f"{upper} down to {lower}", lower, down=True)
    for upper in RETURNED:
        step(trial, f"again up to {upper}", upper, down=False)


WAYS = {"up": up, "down": down}


def fill(trial: Trial, statement: str) -> None:
    """Insert so many completed executions of one trigger."""
    for first, last in _batches(trial.rows):
        numbers = _NUMBERS[trial.kind].format(first=first, last=last)
        with trial.database.writing() as connection:
            connection.execute(
                sa.text(statement.format(numbers=numbers, payload="x" * PAYLOAD_BYTES))
            )

    if trial.kind == "postgresql":  # otherwise an autovacuum does it beside the first steps
        with trial.database.engine.connect() as connection:
            connection.execution_options(isolation_level="AUTOCOMMIT")
            connection.exec_driver_sql("VACUUM (FREEZE, ANALYZE) trigger_executions")
            connection.exec_driver_sql("CHECKPOINT")


def _batches(rows: int) -> Iterator[tuple[int, int]]:
    for first in range(1, rows + 1, BATCH):
        yield first, min(first + BATCH - 1, rows)


def step(trial: Trial, name: str, target: str, *, down: bool) -> None:
    """Move the schema to `target` beside a writer, and print what it took."""
    if trial.only and name.split()[0 if down else -1] not in trial.only:
        migrate(trial.url, to=target, down=down, direct="yes")
        return
    size_before, log_before = size(trial), log_position(trial)
    with writer(trial.url) as slowest, beside(trial) as other:
        began = time.monotonic()
        migrate(trial.url, to=target, down=down, **trial.x)
        took = time.monotonic() - began
    log_bytes = log_position(trial) - log_before
    print(
        _line(
            name,
            f"{took * 1000:.0f}",
            f"{slowest['seconds'] * 1000:.0f}",
            f"{other['seconds'] * 1000:.0f}",
            f"{slowest['writes']}",
            f"{(size(trial) - size_before) / 1e6:.0f}",
            f"{log_bytes / 1e6:.0f}",
            f"load {os.getloadavg()[0]:.1f}",
        ),
        flush=True,
    )
    if slowest["seconds"] >= NOTEWORTHY_SECONDS:
        print(f"  {slowest['parts']}", flush=True)


@contextmanager
def beside(trial: Trial) -> Iterator[dict[str, Any]]:
    """Write into another database on the same disk or server, which no migration touches.

    Both are shared: a wait of the writer that this one has too is not the migration's.
    """
    other = sa.engine.make_url(trial.database.engine.url)
    other = other.set(database=f"{other.database}_beside")
    if trial.kind == "postgresql":
        with trial.database.engine.connect() as connection:
            connection.execution_options(isolation_level="AUTOCOMMIT")
            if not connection.scalar(sa.text(_EXISTS), {"name": other.database}):
                connection.exec_driver_sql(f"CREATE DATABASE {other.database}")
    else:
        Path(str(other.database)).touch()
    url = other.render_as_string(hide_password=False).replace("+psycopg", "")
    database = Database(patient(url))
    with database.writing() as connection:
        connection.exec_driver_sql(_TABLE)
    database.dispose()
    with writer(url) as slowest:
        yield slowest


def size(trial: Trial) -> int:
    """Return the bytes of the database, after the log of SQLite was written into the file."""
    with trial.database.reading() as connection:
        if trial.kind == "postgresql":
            query = sa.text("SELECT pg_database_size(current_database())")
            return int(connection.execute(query).scalar_one())
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").all()
    return os.path.getsize(str(trial.database.engine.url.database))


def log_position(trial: Trial) -> int:
    """Return PostgreSQL's position in its write-ahead log, or the size of SQLite's log file.

    That file is never smaller than the log was since it was emptied.
    """
    if trial.kind == "postgresql":
        with trial.database.reading() as connection:
            query = sa.text("SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn")
            return int(connection.execute(query).scalar_one())
    path = Path(f"{trial.database.engine.url.database}-wal")
    return path.stat().st_size if path.exists() else 0


def _line(*cells: str) -> str:
    widths = (22, 12, 14, 12, 10, 10, 10, 12)
    first, *others = zip(cells, widths, strict=True)
    return f"{first[0]:<{first[1]}}" + "".join(f"{cell:>{width}}" for cell, width in others)


def _cores() -> str:
    return f"{os.cpu_count()} cores"


if __name__ == "__main__":
    main()
