"""Insert executions from a process of its own, and report how long the slowest insert took.

    python -m bench.writing URL

It inserts until its standard input is closed, and then prints a line of JSON. A thread of the
process that migrates would also wait for Python's own lock.
"""

import itertools
import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from app.db import Database
from app.settings import Settings, from_environment
from tests.support.databases import ROOT

PAUSE_SECONDS = 0.002
"""Seconds between two inserts, so that the writer leaves some CPU time to the migration."""
PATIENCE_SECONDS = "600"
"""Seconds that the writer waits for a lock: a shorter limit would hide how long it is held."""
_INSERT = (
    "INSERT INTO trigger_executions (trigger_id, event_data, status, completed_at) "
    "VALUES (1, '{}', 'completed', '2026-01-01 00:00:00')"
)
"""Statement that every revision accepts. Hours of unfinished executions would be no usual load."""


def patient(url: str) -> Settings:
    """Return settings with which a statement waits longer than any step should hold a lock."""
    return from_environment(
        {"DATABASE_URL": url, "HOOKONCE_DATABASE_TIMEOUT_SECONDS": PATIENCE_SECONDS}
    )


def main() -> None:
    """Insert until standard input is closed; print the slowest insert."""
    database = Database(patient(sys.argv[1]))
    insert(database)  # the first one also opens the connection
    closed = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), closed.set()), daemon=True).start()
    print("ready", flush=True)
    slowest: dict[str, Any] = {"seconds": 0.0}
    writes = 0
    while not closed.wait(PAUSE_SECONDS) or not writes:
        slowest = max(slowest, insert(database), key=lambda each: each["seconds"])
        writes += 1
    print(json.dumps(slowest | {"writes": writes}), flush=True)


def insert(database: Database) -> dict[str, Any]:
    """Insert an execution; return the seconds that it took in all, and a line about its parts."""
    times = [time.monotonic()]
    with database.writing() as connection:
        times.append(time.monotonic())
        connection.exec_driver_sql(_INSERT)
        times.append(time.monotonic())
    times.append(time.monotonic())
    begin, statement, commit = (
        f"{(later - earlier) * 1000:.0f}" for earlier, later in itertools.pairwise(times)
    )
    at = datetime.now(UTC).strftime("%H:%M:%S")
    parts = f"slowest until {at}: BEGIN {begin} ms, INSERT {statement} ms, COMMIT {commit} ms"
    return {"seconds": times[-1] - times[0], "parts": parts}


@contextmanager
def writer(url: str) -> Iterator[dict[str, Any]]:
    """Run the writing process during the block; the dictionary has its report afterwards."""
    report: dict[str, Any] = {}
    command = [sys.executable, "-m", "bench.writing", url]
    with subprocess.Popen(
        command, cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdout.readline()
        try:
            yield report
        finally:
            process.stdin.close()
            report |= json.loads(process.stdout.readline())


if __name__ == "__main__":
    main()
