"""Time `hookonce move`: `python -m bench.moving [--executions 1000000] [--live]`.

A SQLite file is filled with executions, each with an attempt and an original request, moved to
PostgreSQL, and moved back. Printed are the seconds of each direction, the CPU seconds of the
command without PostgreSQL's, the rows a second, and the most memory that the command used.
"""

import argparse
import os
import subprocess
import tempfile
import time
from pathlib import Path

from bench.figures import markdown
from tests.support import schema_dump
from tests.support.databases import Databases, migrate
from tests.support.service import COMMANDS, environment

BODY_BYTES = 600
"""Bytes of the payload of an event, about those of GitHub's small ones."""
BATCH = 100_000
"""Executions of one transaction: SQLite's log grows to the size of the largest."""
_TRIGGER = """INSERT INTO triggers (id, name, slug, source, action_type, action_payload, secret)
    VALUES (1, 'bench', 'bench', 'custom', 'noop', '', 's')"""
_EXECUTIONS = """INSERT INTO trigger_executions (trigger_id, event_data, status, idempotency_key,
        attempt_count, started_at, completed_at, received_at, payload_digest, duration_seconds)
    WITH RECURSIVE n(i) AS (SELECT {first} UNION ALL SELECT i + 1 FROM n WHERE i < {last})
    SELECT 1, '{{"n":' || i || ',"text":"' || hex(zeroblob({half})) || '"}}', 'completed',
        'key-' || i, 1, '2026-01-31 10:00:00.123456', '2026-01-31 10:00:01.123456',
        '2026-01-31 10:00:00.000001', hex(randomblob(32)), 0.5 FROM n"""
_ATTEMPTS = """INSERT INTO execution_attempts (execution_id, trigger_id, number, worker, started_at,
        finished_at, outcome)
    SELECT id, trigger_id, 1, 'host:1:aa', started_at, completed_at, 'succeeded'
    FROM trigger_executions WHERE id BETWEEN {first} AND {last}"""
_REQUESTS = """INSERT INTO execution_requests (execution_id, trigger_id, content_type, headers,
        body)
    SELECT id, trigger_id, 'application/json', '{{}}', CAST(event_data AS BLOB)
    FROM trigger_executions WHERE id BETWEEN {first} AND {last}"""


def main() -> None:
    """Fill, move there and back, and print."""
    options = _options()
    with tempfile.TemporaryDirectory(prefix="hookonce-bench-") as directory:
        databases = Databases(Path(directory))
        try:
            print(_measured(databases, Path(directory), options))
        finally:
            databases.remove()


def fill(url: str, count: int) -> None:
    """Insert executions, each with its attempt and its request, into a SQLite file at head."""
    schema_dump.execute(url, "BEGIN", _TRIGGER, "COMMIT")
    for first in range(1, count + 1, BATCH):
        names = {"first": first, "last": min(first + BATCH - 1, count), "half": BODY_BYTES // 2}
        rows = [each.format(**names) for each in (_EXECUTIONS, _ATTEMPTS, _REQUESTS)]
        schema_dump.execute(url, "BEGIN", *rows, "COMMIT")


def _measured(databases: Databases, directory: Path, options: argparse.Namespace) -> str:
    source, back = (f"sqlite:///{directory / name}.db" for name in ("source", "back"))
    migrate(source)
    fill(source, options.executions)
    with databases.empty("postgresql") as target:
        databases.server.execute("ALTER SYSTEM SET fsync = on", "SELECT pg_reload_conf()")
        lines = [
            _line("SQLite to PostgreSQL", source, target, options),
            _line("PostgreSQL to SQLite", target, back, options),
        ]
    headings = ("direction", "executions", "seconds", "CPU seconds", "executions/s", "memory, MB")
    return markdown(headings, lines)


def _line(name: str, source: str, target: str, options: argparse.Namespace) -> tuple[object, ...]:
    command = [str(COMMANDS / "hookonce"), "move", "--to", target, *options.choices]
    began = time.monotonic()
    process = subprocess.Popen(command, env=environment({"DATABASE_URL": source}))
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.monotonic() - began
    if status:
        raise SystemExit(f"{name} failed")
    count = options.executions
    cpu = usage.ru_utime + usage.ru_stime
    memory = usage.ru_maxrss / 1024
    return name, count, *map(round, (seconds, cpu, count / seconds, memory))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--executions", type=int, default=1_000_000)
    parser.add_argument(
        "--live", dest="choices", action="store_const", const=["--live"], default=[]
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
