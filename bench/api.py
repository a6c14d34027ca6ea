"""Measure API and pages over a million executions: `python -m bench.api`, both databases.

Each request is repeated a hundred times, without a server in between; the table shows the first,
when nothing is cached yet, beside the 95th percentile.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from falcon import testing

from app import auth, clock
from app.audit import Actor
from app.db import Database
from app.settings import from_environment
from app.web import metrics
from app.web.application import create_app
from tests.support.databases import KINDS, Databases

TIMES = 60
LIMIT_MS = 100
TRIGGERS = 50
"""Triggers: the first has half of all executions, the others share the rest."""
HOURS = 30 * 24
"""Hours of delivery counts for each trigger, with seven outcomes each."""
CHANGES = 100_000
HOUR = {
    "sqlite": "strftime('%Y-%m-%d %H:00:00.000000', 'now', (1 - i) || ' hours')",
    "postgresql": "date_trunc('hour', timezone('utc', now())) - make_interval(hours => i - 1)",
}
NUMBERS = {
    "sqlite": "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows}) ",
    "postgresql": "WITH n(i) AS (SELECT generate_series(1, {rows})) ",
}
MOMENT = {
    "sqlite": "strftime('%Y-%m-%d %H:%M:%f', 'now', (({i}) - {rows}) || ' seconds') || '000'",
    "postgresql": "timezone('utc', now()) + make_interval(secs => ({i}) - {rows})",
}
STATUS = (
    "CASE WHEN i % 100 = 1 THEN 'failed' WHEN i % 100 = 2 THEN 'failed_retryable' "
    "WHEN i % 1000 = 3 THEN 'replayed' WHEN i > {rows} - {waiting} THEN 'pending' "
    "ELSE 'completed' END"
)
FILLING = (
    """INSERT INTO triggers (name, slug, type, source, action_type, action_payload, enabled,
        from_yaml, created_at, updated_at)
    {triggers} SELECT 't' || i, 't' || i, 'webhook',
        CASE WHEN i % 10 = 0 THEN 'evolution' ELSE 'custom' END,
        'script', 'x', true, false, CURRENT_TIMESTAMP, CURRENT_TIMESTAMP FROM n""",
    """INSERT INTO trigger_executions (trigger_id, event_data, status, received_at, started_at,
        completed_at, attempt_count, error_reason, error_category, idempotency_key)
    {numbers} SELECT CASE WHEN i % 2 = 0 THEN 1 ELSE 2 + (i / 2) % {others} END,
        '{event}', {status}, {at}, {at}, CASE WHEN {status} <> 'pending' THEN {at} END, 1,
        CASE WHEN i % 100 = 1 THEN 'rejected' WHEN i % 100 = 2 THEN 'timeout' END,
        CASE WHEN i % 100 = 1 THEN 'permanent' WHEN i % 100 = 2 THEN 'transient' END,
        'key-' || i FROM n""",
    """INSERT INTO execution_attempts
        (execution_id, number, worker, started_at, finished_at, outcome)
    {numbers} SELECT i, 1, 'w', {at}, {at}, 'succeeded' FROM n""",
    """INSERT INTO execution_requests (execution_id, content_type, headers, body)
    {numbers} SELECT i, 'application/json', '{headers}', CAST('{event}' AS {bytes}) FROM n
    WHERE i > {rows} - 1000 OR i % 100 = 1""",
    """INSERT INTO delivery_counts (trigger_id, hour, outcome, number)
    {hours} SELECT triggers.id, {hour}, outcomes.name, 1 + i % 40 FROM n, triggers, (
        SELECT 'accepted' AS name UNION ALL SELECT 'duplicate' UNION ALL SELECT 'answered_us'
        UNION ALL SELECT 'refused_bad_signature' UNION ALL SELECT 'answered_le_5'
        UNION ALL SELECT 'answered_le_10' UNION ALL SELECT 'answered_le_20') AS outcomes""",
    """INSERT INTO hookonce_audit (at, actor, origin, action, subject, before, after)
    {changes} SELECT {changed_at}, CASE WHEN i = 5 THEN 'Grace' ELSE 'Ada ' || i % 7 END,
        '192.0.2.1', CASE WHEN i = 6 THEN 'trigger.remove' ELSE 'trigger.update' END,
        'trigger:' || i % {others}, '{before}', '{before}' FROM n""",
)
EVENT = '{"event_type":"x","data":"' + 600 * "d" + '"}'
HEADERS = '{"content-type":"application/json","user-agent":"bench","x-request-id":"bench"}'
BEFORE = '{"action_payload":"report.sh --daily","updated_at":"2026-01-01T00:00:00.000000Z"}'


def fill(database: Database, rows: int, waiting: int = 1000) -> None:
    """Insert executions, one a second until now, with their attempts; the last ones are pending."""
    kind = database.engine.dialect.name
    words = {
        "triggers": NUMBERS[kind].format(rows=TRIGGERS),
        "numbers": NUMBERS[kind].format(rows=rows),
        "others": TRIGGERS - 1,
        "event": EVENT,
        "headers": HEADERS,
        "before": BEFORE,
        "bytes": "BLOB" if kind == "sqlite" else "bytea",
        "rows": rows,
        "hours": NUMBERS[kind].format(rows=HOURS),
        "hour": HOUR[kind],
        "changes": NUMBERS[kind].format(rows=CHANGES),
        "changed_at": MOMENT[kind].format(i="i", rows=CHANGES),
        "status": STATUS.format(rows=rows, waiting=waiting),
        "at": MOMENT[kind].format(i="i", rows=rows),
    }
    with database.engine.connect() as connection:
        for statement in (*FILLING, "ANALYZE"):
            sql = statement.format(**words)
            connection.exec_driver_sql(sql.replace("%", "%%") if kind == "postgresql" else sql)
            connection.commit()
    if kind == "postgresql":
        with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as one:
            one.exec_driver_sql("VACUUM ANALYZE")


def questions(rows: int) -> dict[str, str]:
    """Return all requests by their name in the table."""
    return api_requests(rows) | page_requests(rows)


def page_requests(rows: int) -> dict[str, str]:
    """Return the requests of pages and of monitoring."""
    dead, middle = rows // 100 * 100 - 99, clock.text(clock.now() - timedelta(seconds=rows // 2))
    since = (middle or "")[:16]
    return {
        "page overview": "/",
        "page overview, 30 days": "/?days=30",
        "page triggers": "/triggers?source=evolution",
        "page trigger": "/triggers/1",
        "page trigger, edited": "/triggers/1/edit",
        "page trigger, new": "/triggers/new",
        "page trigger, rotated": "/triggers/1/rotate",
        "page trigger, deleted": "/triggers/1/delete",
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
        "page audit": "/audit",
        "page audit, by somebody": "/audit?actor=Ada+3",
        "page audit, by whom there is one change": "/audit?actor=Grace",
        "page audit, of what happened once": "/audit?action=trigger.remove",
        "page audit, of a trigger": "/audit?subject=trigger:7",
        "page tokens": "/tokens",
        "page login": "/login",
        "/metrics": "/metrics",
        "/readyz": "/readyz",
        "/healthz": "/healthz",
        "/openapi.json": "/openapi.json",
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
    }


def measure(database: Database, url: str, rows: int) -> Iterator[tuple[str, float, float, float]]:
    """Yield (name, first, median, 95th percentile) in milliseconds."""
    metrics.FRESH_SECONDS = 0.0  # no cache: a cached response takes no time
    client = testing.TestClient(create_app(from_environment({"DATABASE_URL": url}), database))
    _row, token = auth.add_token(database, Actor("bench"), "bench", "admin")
    headers = {"Authorization": f"Bearer {token}"}
    client.simulate_get("/api/session", headers=headers)
    for name, path in questions(rows).items():
        took = []
        for _ in range(TIMES):
            began = time.perf_counter()
            answer = client.simulate_get(path, headers=headers)
            took.append((time.perf_counter() - began) * 1000)
            assert answer.status_code == 200, (path, answer.text)
        yield name, took[0], statistics.median(took), statistics.quantiles(took, n=20)[-1]


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
    options = parser.parse_args()
    with databases() as made:
        for kind in options.kind or KINDS:
            with made.at_head(kind) as url:
                patient = {"DATABASE_URL": url, "HOOKONCE_DATABASE_TIMEOUT_SECONDS": "600"}
                database = Database(from_environment(patient))
                fill(database, options.rows)
                print(f"\n| {kind}, {options.rows:,} executions | first | median | p95 |")
                print("|---|---|---|---|")
                slow = []
                for name, first, median, most in measure(database, url, options.rows):
                    print(f"| {name} | {first:.1f} | {median:.1f} | {most:.1f} |", flush=True)
                    slow += [name] if most >= LIMIT_MS else []
                database.dispose()
                over = ", ".join(slow) or "none"
                print(f"\n{LIMIT_MS} ms or more at the 95th of a hundred: {over}", flush=True)


if __name__ == "__main__":
    main()
