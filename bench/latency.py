"""Measure how soon an idle worker starts a new execution, and what its waiting costs.

    python -m bench.latency [--samples 200] [--idle-seconds 30] [--database sqlite|postgresql]

Admits events one by one, at random moments, as a receiver does, and measures the time from just
before an event is received, its commit included, to the arrival of the action's request at a target
in this process; then measures what one idle worker uses. Ends with status 1 if a limit is exceeded.
Needs /proc.
"""

import argparse
import json
import os
import random
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import sqlalchemy as sa

from app.db import Database
from app.intake.message import Request
from app.intake.receive import Intake, create_intake, receive
from app.settings import from_environment
from app.triggers import manage
from tests.support.databases import KINDS, Databases
from tests.support.service import Running, Service
from tests.support.socket_sender import Sender
from tests.support.socket_sender import event as event_with

LIMIT_MILLISECONDS = 100.0
LIMIT_PERCENT = 1.0
PAUSES_SECONDS = (0.1, 0.4)
"""Range of the random pause between samples, longer than a round of the worker."""
SETTLED_SECONDS = 2.0
PATIENCE_SECONDS = 30.0
SETTINGS = {"HOOKONCE_EGRESS_ALLOW": "127.0.0.1/32"}
_TRANSACTIONS = (
    "SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = current_database()"
)
TICKS = os.sysconf("SC_CLK_TCK")


@dataclass
class Bench:
    """A database, a worker on it, and the times of receipt and of arrival at the target."""

    database: Database
    intake: Intake
    sender: Sender
    worker: Running
    arrivals: "Arrivals"


@dataclass
class Arrivals:
    """The time at which each event's request arrived at the target."""

    at: dict[str, float] = field(default_factory=dict)
    came: threading.Condition = field(default_factory=threading.Condition)

    def note(self, key: str, moment: float) -> None:
        with self.came:
            self.at[key] = moment
            self.came.notify_all()

    def wait_for(self, key: str) -> float:
        with self.came:
            came = self.came.wait_for(lambda: key in self.at, PATIENCE_SECONDS)
            assert came, f"{key} was not started within {PATIENCE_SECONDS:g} s"
            return self.at[key]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--samples", type=int, default=200)
    parser.add_argument("--idle-seconds", type=float, default=30.0)
    parser.add_argument("--database", choices=KINDS, action="append")
    options = parser.parse_args()
    print(f"{'':<12}{'event to start, ms':^32}{'one idle worker':^30}")
    print(f"{'':<12}{'p50':>8}{'p99':>8}{'max':>8}{'min':>8}{'CPU, %':>12}{'transactions/s':>18}")
    good = []
    with tempfile.TemporaryDirectory() as directory:
        databases = Databases(Path(directory))
        try:
            for kind in options.database or KINDS:
                with databases.at_head(kind) as url, bench(url, Path(directory), kind) as ready:
                    good.append(measure(ready, kind, options.samples, options.idle_seconds))
        finally:
            databases.remove()
    sys.exit(0 if all(good) else 1)


def measure(ready: Bench, kind: str, samples: int, idle_seconds: float) -> bool:
    """Measure and print a line; return True if it is within the limits."""
    waits = sorted(latency(ready, number) * 1000 for number in range(samples))
    percent, transactions = idle(ready, idle_seconds)
    p50, p99 = statistics.median(waits), waits[min(samples - 1, samples * 99 // 100)]
    spread = f"{p50:>8.1f}{p99:>8.1f}{waits[-1]:>8.1f}{waits[0]:>8.1f}"
    asked = "-" if transactions is None else f"{transactions:.1f}"
    print(f"{kind:<12}{spread}{percent:>12.2f}{asked:>18}", flush=True)
    return p99 <= LIMIT_MILLISECONDS and percent < LIMIT_PERCENT


def latency(ready: Bench, number: int) -> float:
    """Return the seconds from receiving one event to its start, after a random pause."""
    time.sleep(random.uniform(*PAUSES_SECONDS))
    body = event_with(f"sample-{number}")
    headers = {"x-webhook-signature": ready.sender.signature(body)}
    began = time.monotonic()
    receive(Request(str(ready.sender.trigger_id), headers, body), ready.intake)
    return ready.arrivals.wait_for(f"sample-{number}") - began


def idle(ready: Bench, seconds: float) -> tuple[float, float | None]:
    """Return percent of one core, and transactions a second if the database counts them."""
    time.sleep(SETTLED_SECONDS)
    used, asked, began = _cpu_seconds(ready.worker.pid), _transactions(ready), time.monotonic()
    time.sleep(seconds)
    lasted = time.monotonic() - began
    percent = (_cpu_seconds(ready.worker.pid) - used) / lasted * 100
    if asked is None:
        return percent, None
    return percent, ((_transactions(ready) or 0) - asked) / lasted


@contextmanager
def bench(url: str, directory: Path, kind: str) -> Iterator[Bench]:
    """Start a worker, and a trigger whose target notes the time of each call."""
    where = directory / kind
    where.mkdir()
    settings = {"DATABASE_URL": url, "HOOKONCE_SCRIPTS_DIR": str(where), **SETTINGS}
    database, service, arrivals = (
        Database(from_environment(settings)),
        Service(where, **settings),
        Arrivals(),
    )
    with _target(arrivals) as target:
        try:
            new = manage.NewTrigger(name="bench", action_type="http", action_payload=target)
            trigger = manage.add_trigger(database, new)
            sender = Sender(0, trigger.id, trigger.secret)
            yield Bench(database, create_intake(database), sender, service.worker(), arrivals)
        finally:
            service.remove()
            database.dispose()


@contextmanager
def _target(arrivals: Arrivals) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            moment = time.monotonic()
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(204)
            self.end_headers()
            arrivals.note(json.loads(body)["idempotency_key"], moment)

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _cpu_seconds(pid: int) -> float:
    """Return user and system time of the process and all its threads so far."""
    after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(after_name[11]) + int(after_name[12])) / TICKS


def _transactions(ready: Bench) -> float | None:
    """Return the transactions of this database so far; None on SQLite."""
    if ready.database.engine.dialect.name != "postgresql":
        return None
    with ready.database.reading() as connection:
        connection.execute(sa.text("SELECT pg_stat_force_next_flush()"))
        return float(connection.execute(sa.text(_TRANSACTIONS)).scalar_one())


if __name__ == "__main__":
    main()
