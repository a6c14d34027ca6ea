"""Measure API and pages over a million executions: `python -m bench.api`, both databases.

Each request is repeated sixty times, without a server in between; the table shows the first,
when nothing is cached yet, beside the 95th percentile, and the CPU time of this process (not that
of PostgreSQL). On a busy machine compare with /healthz, which asks no database.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

from falcon import testing

from app import auth, clock
from app.audit import Actor
from app.db import Database
from app.settings import from_environment
from app.web import metrics
from app.web.application import create_app
from bench import filling
from bench.filling import JOURNAL
from tests.support.databases import KINDS, Databases

TIMES = 60
LIMIT_MS = 100


class Measured(NamedTuple):
    """Times of a request in milliseconds."""

    name: str
    first: float
    median: float
    most: float
    """95th percentile."""
    used: float
    """Median CPU time of this process, without PostgreSQL's."""


def questions(rows: int) -> dict[str, str]:
    """Return all requests by their name in the table."""
    return api_requests(rows) | page_requests(rows)


_PAGES = {
    "page overview": "/",
    "page overview, 30 days": "/?days=30",
    "page triggers": "/triggers?source=evolution",
    "page trigger": "/triggers/1",
    "page trigger, edited": "/triggers/1/edit",
    "page trigger, new": "/triggers/new",
    "page trigger, rotated": "/triggers/1/rotate",
    "page trigger, deleted": "/triggers/1/delete",
    "page workers": "/workers",
    "page notifications": "/notifications",
    "page pause": "/pause",
    "page trigger, resumed": "/triggers/1/resume",
    "page trigger, set up": "/triggers/1/setup",
    "page tokens": "/tokens",
    "page of the API": "/docs",
    "page login": "/login",
    "/metrics": "/metrics",
    "/readyz": "/readyz",
    "/healthz": "/healthz",
    "/openapi.json": "/openapi.json",
}
"""Requests of pages that no number of executions changes, and of monitoring."""
_RECORD_PAGES = {
    "page audit": "/audit",
    "page audit, by somebody": "/audit?actor=Ada+3",
    "page audit, by whom there is one change": "/audit?actor=Grace",
    "page audit, of what happened once": "/audit?action=trigger.remove",
    "page audit, of a trigger": "/audit?subject=trigger:7",
    "page deliveries": "/deliveries",
    "page deliveries, far down": f"/deliveries?before_id={JOURNAL // 3}",
    "page deliveries, refused": "/deliveries?outcome=refused",
    "page deliveries, of a trigger": "/deliveries?trigger_id=3&outcome=duplicate",
    "page deliveries, by key": "/deliveries?key=key-3001",
    "page deliveries, by request": "/deliveries?request_id=request-3000",
    "page delivery": "/deliveries/3000",
    "page delivery, its body": "/deliveries/3000/body",
    "page delivery, accepted": "/deliveries/3000/accept",
}
"""Requests of the pages of deliveries and of what people did."""


def page_requests(rows: int) -> dict[str, str]:
    """Return the requests of pages and of monitoring."""
    return _PAGES | _execution_pages(rows) | _RECORD_PAGES


def _execution_pages(rows: int) -> dict[str, str]:
    dead, middle = rows // 100 * 100 - 99, clock.text(clock.now() - timedelta(seconds=rows // 2))
    since = (middle or "")[:16]
    return {
        "page executions": "/executions",
        "page executions, far down": f"/executions?before_id={rows // 3}",
        "page executions, completed": "/executions?status=completed",
        "page executions, failed of a trigger": "/executions?trigger_id=3&status=failed",
        "page executions, by reason": "/executions?reason=timeout",
        "page executions, by a reason that none has": "/executions?reason=auth",
        "page executions, by category": "/executions?trigger_id=1&category=permanent",
        "page executions, by key": f"/executions?key=key-{rows // 2}",
        "page executions, by time": f"/executions?since={since}&status=failed",
        "page execution": f"/executions/{dead}",
        "page execution, its event": f"/executions/{dead}/event.json",
        "page execution, its request": f"/executions/{dead}/request",
        "page execution, replayed": f"/executions/{dead}/replay",
        "page dead letters": "/dead",
        "page dead letters, by trigger and reason": "/dead?trigger_id=7&reason=timeout",
        "page dead letters, by time": f"/dead?since={since}",
        "page dead letters, preview": "/dead/replay",
        "page dead letters, preview of a trigger": "/dead/replay?trigger_id=1",
        "page executions, by event type": "/executions?event_type=nothing",
        "page executions, by text": "/executions?text=nothing",
        "page executions, by HTTP status": "/executions?http_status=418",
        "page executions, by the beginning of a key": "/executions?key_prefix=key-99",
        "page execution, run again": f"/executions/{rows - rows // 3 // 10 * 10}/run-again",
        "page execution, edited": f"/executions/{dead}/edit",
    }


def api_requests(rows: int) -> dict[str, str]:
    """Return the requests of the API."""
    since = clock.text(clock.now() - timedelta(hours=2))
    return {
        "triggers": "/api/triggers",
        "triggers, 50 a page": "/api/triggers?per_page=50",
        "trigger": "/api/triggers/1",
        "executions": "/api/triggers/1/executions",
        "executions, page 90 of 100": "/api/triggers/1/executions?page=90&per_page=100",
        "executions, far down": f"/api/triggers/1/executions?before_id={rows // 3}",
        "executions, after an id": f"/api/triggers/1/executions?after_id={rows // 3}",
        "executions, completed": "/api/triggers/1/executions?status=completed",
        "executions, none completed": "/api/triggers/2/executions?status=running",
        "executions, pending": "/api/triggers/1/executions?status=pending",
        "executions, retrying": "/api/triggers/1/executions?status=retrying",
        "executions, failed": "/api/triggers/3/executions?status=failed",
        "executions, failed_retryable": "/api/triggers/1/executions?status=failed_retryable",
        "executions, replayed": "/api/triggers/1/executions?status=replayed",
        "executions, by key": f"/api/triggers/1/executions?key=key-{rows // 2}",
        "execution": f"/api/triggers/executions/{rows // 2}",
        "executions of all": "/api/triggers/executions",
        "executions of all, by reason": "/api/triggers/executions?reason=timeout",
        "executions of all, by key": f"/api/triggers/executions?key=key-{rows // 2}",
        "stats, 1 day": "/api/triggers/stats?days=1",
        "stats, 30 days": "/api/triggers/stats?days=30",
        "dead": "/api/dead",
        "dead, by trigger and reason": "/api/dead?trigger=t7&reason=timeout",
        "dead, by category": "/api/dead?category=permanent",
        "dead, of the last hours": f"/api/dead?since={since}",
        "dead, by key": f"/api/dead?key=key-{rows // 100 * 100 + 1}",
        "audit": "/api/audit",
        "tokens": "/api/tokens",
        "deliveries": "/api/deliveries",
        "deliveries, refused": "/api/deliveries?outcome=refused_bad_signature",
        "deliveries, there is one": "/api/deliveries?outcome=refused_stale",
        "delivery": "/api/deliveries/3000",
        "workers": "/api/workers",
        "pause": "/api/pause",
        "notifications": "/api/notifications",
    }


def measure(
    database: Database, url: str, rows: int, times: int = TIMES, *, beginning: str = ""
) -> Iterator[Measured]:
    """Yield the times of each request whose name begins so."""
    metrics.FRESH_SECONDS = 0.0  # no cache: a cached response takes no time
    client = testing.TestClient(create_app(from_environment({"DATABASE_URL": url}), database))
    _row, token = auth.add_token(database, Actor("bench"), "bench", "admin")
    headers = {"Authorization": f"Bearer {token}"}
    client.simulate_get("/api/session", headers=headers)
    wanted = questions(rows).items()
    for name, path in (each for each in wanted if each[0].startswith(beginning)):
        took, used = [], []
        for _ in range(times):
            began, before = time.perf_counter(), time.process_time()
            answer = client.simulate_get(path, headers=headers)
            took.append((time.perf_counter() - began) * 1000)
            used.append((time.process_time() - before) * 1000)
            assert answer.status_code == 200, (path, answer.text)
        most = statistics.quantiles(took, n=20)[-1]
        yield Measured(name, took[0], statistics.median(took), most, statistics.median(used))


@contextmanager
def databases() -> Iterator[Databases]:
    with tempfile.TemporaryDirectory(prefix="hookonce-bench-") as directory:
        made = Databases(Path(directory))
        try:
            yield made
        finally:
            made.remove()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--kind", choices=KINDS, action="append")
    parser.add_argument("--times", type=int, default=TIMES)
    parser.add_argument("--beginning", default="", help="only requests whose name begins so")
    options = parser.parse_args()
    with databases() as made:
        for kind in options.kind or KINDS:
            with made.at_head(kind) as url:
                patient = {"DATABASE_URL": url, "HOOKONCE_DATABASE_TIMEOUT_SECONDS": "600"}
                database = Database(from_environment(patient))
                filling.fill(database, options.rows)
                print(f"\n| {kind}, {options.rows:,} executions | first | median | p95 | CPU |")
                print("|---|---|---|---|---|")
                slow = []
                for name, first, median, most, used in measure(
                    database, url, options.rows, options.times, beginning=options.beginning
                ):
                    print(
                        f"| {name} | {first:.1f} | {median:.1f} | {most:.1f} | {used:.1f} |",
                        flush=True,
                    )
                    slow += [name] if most >= LIMIT_MS else []
                database.dispose()
                over = ", ".join(slow) or "none"
                print(f"\n{LIMIT_MS} ms or more at the 95th percentile: {over}", flush=True)


if __name__ == "__main__":
    main()
