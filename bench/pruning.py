"""Measure how much pruning slows a sender down.

    python -m bench.pruning [--rows 300000] [--repetitions 5] [--connections 16]

Windows of receiving new events alternate: one alone, one beside `hookonce prune` at work on so
many expired executions.
"""

import argparse
import logging
import statistics
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import sqlalchemy as sa

from app.db import Database
from app.db.models import trigger_executions
from app.settings import from_environment
from bench import filling, traffic
from bench.contestants import Contestant, Installation
from bench.figures import Measurement, markdown
from bench.receiving import Trial
from bench.sending import Sender, sender
from tests.support.databases import KINDS
from tests.support.service import Service, until

NOTHING_IS_KEPT = {
    "HOOKONCE_KEEP_PAYLOAD_DAYS": "0",
    "HOOKONCE_KEEP_ROWS_DAYS": "0",
    "HOOKONCE_KEEP_DEAD_DAYS": "0",
}
PATIENCE_SECONDS = 60.0
_old = sa.select(sa.func.count()).where(trigger_executions.c.attempt_count > 0)
"""Count of expired rows: those that the receiver admits have no attempt, as no worker runs."""


@dataclass(slots=True)
class Windows:
    """The measurements of one kind, and the executions removed meanwhile."""

    measurements: list[Measurement] = field(default_factory=list)
    removed: int = 0


def main() -> None:
    """Measure and print."""
    logging.disable(logging.INFO)
    options = _options()
    installation = Installation(Path(tempfile.mkdtemp(prefix="hookonce-bench-")))
    lines = []
    try:
        with sender() as send:
            for kind in options.kind or KINDS:
                alone, beside = measured(installation, send, kind, options)
                lines += [
                    _line(kind, "alone", alone, options),
                    _line(kind, "beside", beside, options),
                ]
    finally:
        installation.remove()
    headings = ("database", "pruning", "events/s", "p50, ms", "p99, ms", "refused", "removed/s")
    print(markdown(headings, lines))


def measured(
    installation: Installation, send: Sender, kind: str, options: argparse.Namespace
) -> tuple[Windows, Windows]:
    """Measure windows without and with pruning in turn."""
    contestant = Contestant("receiver", "app.wsgi:application()", kind)
    alone, beside = Windows(), Windows()
    with installation.database(contestant) as url:
        database = Database(from_environment({"DATABASE_URL": url}))
        filling.fill(database, options.rows)
        with installation.receiver(contestant, url) as receiver:
            trial = Trial(contestant, traffic.UNIQUE, url, receiver)
            for _ in range(options.repetitions):
                alone.measurements.append(
                    trial.measured(installation, send, options.connections, options.seconds)
                )
                trial.make_ready(send, 2 * options.seconds)
                with pruning(database, url):
                    before = _left(database)
                    measurement = trial.measured(
                        installation, send, options.connections, options.seconds
                    )
                    beside.removed += before - _left(database)
                beside.measurements.append(measurement)
        database.dispose()
    return alone, beside


@contextmanager
def pruning(database: Database, url: str) -> Iterator[None]:
    """Run `hookonce prune` beside the block."""
    service = Service(Path(tempfile.mkdtemp(prefix="hookonce-bench-")), DATABASE_URL=url)
    before = _left(database)
    try:
        command = service.start("hookonce", "prune", **NOTHING_IS_KEPT)
        until(lambda: _left(database) < before, "rows removed", PATIENCE_SECONDS)
        yield
        assert command.alive, f"the prune had ended already:\n{command.log()}"
    finally:
        service.remove()


def _left(database: Database) -> int:
    with database.reading() as connection:
        return int(connection.execute(_old).scalar_one())


def _line(kind: str, name: str, windows: Windows, options: argparse.Namespace) -> list[object]:
    def median(name: str) -> float:
        return statistics.median(getattr(each, name) for each in windows.measurements)

    refused = sum(each.refused + each.broken for each in windows.measurements)
    seconds = len(windows.measurements) * (options.seconds + 0.2)
    figures = [median(name) for name in ("requests_per_second", "p50_ms", "p99_ms")]
    return [kind, name, *figures, refused, round(windows.removed / seconds)]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=300_000)
    parser.add_argument("--repetitions", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.5)
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--kind", choices=KINDS, action="append")
    return parser.parse_args()


if __name__ == "__main__":
    main()
