"""Measure the executions a second of one worker, and the CPU time of each.

    python -m bench.working [--executions 5000] [--repetitions 3] [--concurrency 16]

Each window has a database of its own with so many due executions of one trigger, each with the 600
bytes of a webhook, and one new worker process. Its speed follows from the rows of the attempts: the
time from the first start to the last end, by the database's clock.
"""

import argparse
import shutil
import statistics
import tempfile
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from app.db import Database, utc_now
from app.db.models import execution_attempts, execution_requests, trigger_executions, triggers
from app.settings import from_environment
from bench.contestants import Contestant, Installation
from bench.figures import markdown
from bench.target import target
from tests.support.databases import KINDS
from tests.support.service import Service, until

PATIENCE_SECONDS = 300.0
BODY = b'{"event_type":"order.paid","data":{"said":"%s"}}' % (b"x" * 550)
SCRIPT = "#!/bin/sh\nexit 0\n"
_executions, _attempts = trigger_executions.c, execution_attempts.c
ACTIONS = ("http", "script", "noop")
HEADINGS = (
    "database",
    "action",
    "executions/s",
    "worker CPU, ms each",
    "database CPU, ms each",
    "made twice",
)


@dataclass(frozen=True, slots=True)
class Window:
    """The results of one worker."""

    per_second: float
    worker_cpu_ms: float
    """CPU time of the worker and its scripts for each execution."""
    database_cpu_ms: float
    """CPU time of PostgreSQL for each execution; SQLite runs inside the worker."""
    twice: int
    """Executions with a second attempt; there should be none."""


@dataclass(frozen=True, slots=True)
class Load:
    """The executions and actions of each window."""

    executions: int
    concurrency: int
    payloads: dict[str, str]
    """Payload by action."""


def main() -> None:
    """Measure and print."""
    options = _options()
    windows: dict[tuple[str, str], list[Window]] = {}
    installation = Installation(Path(tempfile.mkdtemp()))
    try:
        with target() as url:
            payloads = {"http": url, "script": "nothing.sh", "noop": "{}"}
            load = Load(options.executions, options.concurrency, payloads)
            for _ in range(options.repetitions):
                for kind in options.database or KINDS:
                    for action in options.action or ACTIONS:
                        windows.setdefault((kind, action), []).append(
                            window(installation, kind, action, load)
                        )
        machine = installation.machine()
    finally:
        installation.remove()
    print(
        f"{machine}.\nOne worker process with --concurrency {options.concurrency}, "
        f"{options.executions:,} executions a window, medians of {options.repetitions}.\n"
    )
    print(markdown(HEADINGS, [_line(*pair, each) for pair, each in windows.items()]))


def window(installation: Installation, kind: str, action: str, load: Load) -> Window:
    """Run a new worker on a new database; return its results."""
    contestant = Contestant(action, "", kind)
    directory = Path(tempfile.mkdtemp())
    (directory / "nothing.sh").write_text(SCRIPT)
    (directory / "nothing.sh").chmod(0o755)
    with installation.database(contestant) as url:
        settings = {
            "DATABASE_URL": url,
            "HOOKONCE_SCRIPTS_DIR": str(directory),
            "HOOKONCE_EGRESS_ALLOW": "127.0.0.1/32",
        }
        database, service = Database(from_environment(settings)), Service(directory, **settings)
        try:
            _fill(database, action, load)
            worker = service.start("hookonce", "worker", "--concurrency", str(load.concurrency))
            worker.wait_for("evt=worker_started")
            before = installation.cpu_seconds(worker, contestant)
            until(lambda: not _left(database), "all done", PATIENCE_SECONDS)
            after = installation.cpu_seconds(worker, contestant)
            assert worker.stop() == 0, worker.log()
            own, server = (b - a for a, b in zip(before, after, strict=True))
            return _window(database, load.executions, own, server)
        finally:
            service.remove()
            database.dispose()
            shutil.rmtree(directory)


def _fill(database: Database, action: str, load: Load) -> None:
    """Insert executions that are due, as a receiver does."""
    values = {"action_type": action, "action_payload": load.payloads[action]}
    rows = [{"execution_id": number} for number in range(1, load.executions + 1)]
    with database.writing() as connection:
        connection.execute(sa.update(triggers).values(values))
        trigger_id = connection.execute(sa.select(triggers.c.id)).scalar_one()
        made = sa.insert(trigger_executions).values(
            trigger_id=trigger_id,
            status="pending",
            event_data=BODY.decode(),
            attempt_count=0,
            received_at=utc_now(),
            next_attempt_at=utc_now(),
        )
        connection.execute(made, [{"id": row["execution_id"]} for row in rows])
        request = {"headers": "{}", "body": BODY, "content_type": "application/json"}
        connection.execute(sa.insert(execution_requests), [row | request for row in rows])
    if database.engine.dialect.name == "postgresql":
        with database.reading() as connection:
            connection.exec_driver_sql("ANALYZE")


def _left(database: Database) -> bool:
    """Return True if an execution is not finished."""
    query = sa.select(_executions.id).where(_executions.completed_at.is_(None)).limit(1)
    with database.reading() as connection:
        return connection.execute(query).first() is not None


def _window(database: Database, count: int, own: float, server: float) -> Window:
    with database.reading() as connection:
        first, last, attempts = connection.execute(
            sa.select(
                sa.func.min(_attempts.started_at),
                sa.func.max(_attempts.finished_at),
                sa.func.count(),
            )
        ).one()
        done = sa.select(sa.func.count()).where(_executions.status == "completed")
        assert connection.execute(done).scalar_one() == count
    return Window(
        per_second=count / (last - first).total_seconds(),
        worker_cpu_ms=own * 1000 / count,
        database_cpu_ms=server * 1000 / count,
        twice=attempts - count,
    )


def _line(kind: str, action: str, windows: list[Window]) -> list[object]:
    def median(name: str) -> float:
        return statistics.median(getattr(window, name) for window in windows)

    rest = ("per_second", "worker_cpu_ms", "database_cpu_ms")
    return [kind, action, *map(median, rest), sum(window.twice for window in windows)]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--executions", type=int, default=5000)
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--concurrency", type=int, default=16)
    parser.add_argument("--database", choices=KINDS, action="append")
    parser.add_argument("--action", choices=ACTIONS, action="append")
    return parser.parse_args()


if __name__ == "__main__":
    main()
