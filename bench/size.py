"""Compare speed by size: `python -m bench.size [--small 10000] [--large 10000000]`.

For SQLite and PostgreSQL: a small database, a large one, and a small one with a backlog of a
million pending executions. The same receiver and the same worker run on the three in turn; the
speed on the large ones is compared with that on the small one right before. At last lists,
look-ups, statistics and metrics of the large one are measured.
"""

import argparse
import logging
import statistics
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import sqlalchemy as sa

from app.db import Database, utc_now
from app.db.models import execution_attempts, trigger_executions, triggers
from app.settings import from_environment
from bench import api, filling, traffic
from bench.contestants import Contestant, Installation
from bench.figures import markdown
from bench.receiving import Trial
from bench.sending import Sender, sender
from tests.support.databases import KINDS
from tests.support.service import Service, until

EXECUTIONS = 2_000
"""Executions that a worker runs in each window."""
PATIENCE_SECONDS = 300.0
SMALL, LARGE, BACKLOG = "small", "large", "backlog"
_executions, _attempts = trigger_executions.c, execution_attempts.c


@dataclass(slots=True)
class Sized:
    """A database of one size, and the measurements on it."""

    name: str
    url: str
    trial: Trial
    received: list[float] = field(default_factory=list)
    made: list[float] = field(default_factory=list)
    worker_mb: list[float] = field(default_factory=list)


def main() -> None:
    """Fill, measure and print."""
    logging.disable(logging.INFO)  # migrations and requests log a lot
    options = _options()
    installation = Installation(Path(tempfile.mkdtemp(prefix="hookonce-bench-")))
    try:
        with sender() as send:
            for kind in options.kind or KINDS:
                print(f"\n## {kind}\n")
                with sizes(installation, kind, options) as all_sizes:
                    for _ in range(options.repetitions):
                        for each in all_sizes:
                            measure(installation, send, each, options)
                    print(_table(all_sizes, options), flush=True)
                    _ask(kind, all_sizes, options.large)
    finally:
        installation.remove()


@contextmanager
def sizes(
    installation: Installation, kind: str, options: argparse.Namespace
) -> Iterator[list[Sized]]:
    """Yield the three databases, each with a receiver of its own."""
    with ExitStack() as stack:
        made = []
        wanted = {SMALL: (options.small, 0), LARGE: (options.large, 0)}
        wanted[BACKLOG] = (options.backlog, options.backlog)
        for name, (rows, waiting) in wanted.items():
            contestant = Contestant(name, "app.wsgi:application()", kind)
            url = stack.enter_context(installation.database(contestant))
            patient = {"DATABASE_URL": url, "HOOKONCE_DATABASE_TIMEOUT_SECONDS": "600"}
            database = Database(from_environment(patient))
            filling.fill(database, rows, waiting)
            database.dispose()
            receiver = stack.enter_context(installation.receiver(contestant, url))
            made.append(Sized(name, url, Trial(contestant, traffic.UNIQUE, url, receiver)))
        yield made


def measure(
    installation: Installation, send: Sender, sized: Sized, options: argparse.Namespace
) -> None:
    """Measure one window of receiving and one of working."""
    window = sized.trial.measured(installation, send, options.connections, options.seconds)
    assert not window.refused + window.broken, window
    sized.received.append(window.requests_per_second)
    if sized.name == BACKLOG:
        sized.worker_mb.append(_memory_with_a_backlog(sized))
    else:
        sized.made.append(_made_per_second(sized))


def _made_per_second(sized: Sized) -> float:
    """Return the executions a second of a new worker, with an action that does nothing."""
    database = Database(from_environment({"DATABASE_URL": sized.url}))
    try:
        first = _add_due(database)
        with _worker(sized) as worker:
            until(lambda: not _left(database, first), "all done", PATIENCE_SECONDS)
            sized.worker_mb.append(_most_megabytes(worker))
        with database.reading() as connection:
            begun, ended = connection.execute(
                sa.select(
                    sa.func.min(_attempts.started_at), sa.func.max(_attempts.finished_at)
                ).where(_attempts.execution_id >= first)
            ).one()
        return EXECUTIONS / float((ended - begun).total_seconds())
    finally:
        database.dispose()


def _memory_with_a_backlog(sized: Sized) -> float:
    """Return the peak memory of a worker in the middle of a long backlog."""
    database = Database(from_environment({"DATABASE_URL": sized.url}))
    _quiet(database)
    try:
        with database.reading() as connection:
            before = connection.execute(sa.select(sa.func.max(_attempts.id))).scalar_one() or 0
        with _worker(sized) as worker:
            until(lambda: _attempts_made(database) >= before + EXECUTIONS, "some", PATIENCE_SECONDS)
            return _most_megabytes(worker)
    finally:
        database.dispose()


@contextmanager
def _worker(sized: Sized) -> Iterator[int]:
    """Run a worker on this database; yield its process id."""
    directory = Path(tempfile.mkdtemp(prefix="hookonce-bench-"))
    service = Service(directory, DATABASE_URL=sized.url, HOOKONCE_PRUNE="off")
    try:
        worker = service.worker()
        yield worker.pid
    finally:
        service.remove()


def _most_megabytes(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise AssertionError("/proc has no peak memory of the process")


def _quiet(database: Database) -> None:
    """Give every trigger an action that does nothing."""
    with database.writing() as connection:
        connection.execute(sa.update(triggers).values(action_type="noop", action_payload="{}"))


def _add_due(database: Database) -> int:
    """Insert executions that are due now; return the id of the first."""
    _quiet(database)
    with database.writing() as connection:
        # executions left by the receiver's window are not to be measured
        waits = _executions.status == "pending"
        done = {"status": "completed", "completed_at": utc_now()}
        connection.execute(sa.update(trigger_executions).where(waits).values(done))
        last = connection.execute(sa.select(sa.func.max(_executions.id))).scalar_one()
        row = {"trigger_id": 1, "event_data": "{}", "status": "pending", "attempt_count": 0}
        made = sa.insert(trigger_executions).values(
            received_at=utc_now(), next_attempt_at=utc_now(), **row
        )
        connection.execute(made, [{"idempotency_key": None}] * EXECUTIONS)
    return int(last) + 1


def _left(database: Database, first: int) -> bool:
    query = sa.select(_executions.id).where(_executions.id >= first)
    query = query.where(_executions.completed_at.is_(None)).limit(1)
    with database.reading() as connection:
        return connection.execute(query).first() is not None


def _attempts_made(database: Database) -> int:
    with database.reading() as connection:
        return connection.execute(sa.select(sa.func.max(_attempts.id))).scalar_one() or 0


def _table(all_sizes: list[Sized], options: argparse.Namespace) -> str:
    small = all_sizes[0]
    lines = []
    for each in all_sizes:
        rows = {SMALL: options.small, LARGE: options.large, BACKLOG: options.backlog}[each.name]
        made = _median_ratio(each.made, small.made) if each.made else "-"
        lines.append(
            [
                f"{rows:,}" + (", all waiting" if each.name == BACKLOG else ""),
                statistics.median(each.received),
                _median_ratio(each.received, small.received),
                statistics.median(each.made) if each.made else "-",
                made,
                max(each.worker_mb),
            ]
        )
    headings = ("executions", "events/s", "of small", "made/s", "of small", "worker's memory, MB")
    return markdown(headings, lines)


def _median_ratio(own: list[float], small: list[float]) -> float:
    return statistics.median(a / b for a, b in zip(own, small, strict=True))


def _ask(kind: str, all_sizes: list[Sized], rows: int) -> None:
    """Print the slowest lists, look-ups, statistics and metrics of the large database."""
    large = next(each for each in all_sizes if each.name == LARGE)
    database = Database(from_environment({"DATABASE_URL": large.url}))
    try:
        results = sorted(api.measure(database, large.url, rows), key=lambda line: -line[3])
    finally:
        database.dispose()
    print(f"\n{len(results)} questions over {rows:,} on {kind}; the slowest, ms:\n")
    headings = ("question", "first", "median", "p95", "CPU")
    print(markdown(headings, results[:5]), flush=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--small", type=int, default=10_000)
    parser.add_argument("--large", type=int, default=10_000_000)
    parser.add_argument("--backlog", type=int, default=1_000_000)
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--kind", choices=KINDS, action="append")
    return parser.parse_args()


if __name__ == "__main__":
    main()
