"""Does removing what is kept no longer keep a sender waiting?

    python -m bench.pruning [--rows 300000] [--repetitions 5] [--connections 16]

Windows of receiving new events take turns: one alone, one beside `hookonce prune` at work on so
many executions that have outlived their time.
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
from bench import api, traffic
from bench.contestants import Contestant, Ground
from bench.figures import Measurement, markdown
from bench.receiving import Lane
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
"""What the receiver admits meanwhile has no attempt: no worker is at work."""


@dataclass(slots=True)
class Windows:
    """What was measured of one kind, and how many executions were removed meanwhile."""

    seen: list[Measurement] = field(default_factory=list)
    removed: int = 0


def main() -> None:
    """Measure and print."""
    logging.disable(logging.INFO)
    chosen = _options()
    ground = Ground(Path(tempfile.mkdtemp(prefix="hookonce-bench-")))
    lines = []
    try:
        with sender() as send:
            for kind in chosen.kind or KINDS:
                alone, beside = measured(ground, send, kind, chosen)
                lines += [
                    _line(kind, "alone", alone, chosen),
                    _line(kind, "beside", beside, chosen),
                ]
    finally:
        ground.remove()
    headings = ("database", "pruning", "events/s", "p50, ms", "p99, ms", "refused", "removed/s")
    print(markdown(headings, lines))


def measured(
    ground: Ground, send: Sender, kind: str, chosen: argparse.Namespace
) -> tuple[Windows, Windows]:
    """Alone and beside, in turns."""
    contestant = Contestant("receiver", "app.wsgi:application()", kind)
    alone, beside = Windows(), Windows()
    with ground.database(contestant) as url:
        database = Database(from_environment({"DATABASE_URL": url}))
        api.fill(database, chosen.rows)
        with ground.receiver(contestant, url) as receiver:
            store = Lane(contestant, traffic.UNIQUE, url, receiver)
            for _ in range(chosen.repetitions):
                alone.seen.append(store.measured(ground, send, chosen.connections, chosen.seconds))
                store.make_ready(send, 2 * chosen.seconds)
                with pruning(database, url):
                    before = _left(database)
                    seen = store.measured(ground, send, chosen.connections, chosen.seconds)
                    beside.removed += before - _left(database)
                beside.seen.append(seen)
        database.dispose()
    return alone, beside


@contextmanager
def pruning(database: Database, url: str) -> Iterator[None]:
    """`hookonce prune` is at work."""
    service = Service(Path(tempfile.mkdtemp(prefix="hookonce-bench-")), DATABASE_URL=url)
    before = _left(database)
    try:
        command = service.start("hookonce", "prune", **NOTHING_IS_KEPT)
        until(lambda: _left(database) < before, "rows removed", PATIENCE_SECONDS)
        yield
        assert command.alive, f"there was nothing left to remove:\n{command.log()}"
    finally:
        service.remove()


def _left(database: Database) -> int:
    with database.reading() as connection:
        return int(connection.execute(_old).scalar_one())


def _line(kind: str, name: str, windows: Windows, chosen: argparse.Namespace) -> list[object]:
    def median(name: str) -> float:
        return statistics.median(getattr(each, name) for each in windows.seen)

    refused = sum(each.refused + each.broken for each in windows.seen)
    seconds = len(windows.seen) * (chosen.seconds + 0.2)
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
