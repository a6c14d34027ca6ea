"""How fast does it receive, and does it keep what it acknowledged?

    python -m bench.receiving [--repetitions 3] [--seconds 1] [--only NAME] [--into DIRECTORY]

Starts each contestant afresh on a database of its own and drives them in turn over loopback with
1, 16 and 64 connections, each right after the ceiling. Compares what was acknowledged with what is
stored; also of a receiver of ours that is killed under load. Writes receiving.json and .md.
"""

import argparse
import json
import logging
import signal
import sys
import tempfile
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path

import sqlalchemy as sa

from app.db import Database
from app.settings import from_environment
from bench import figures, traffic
from bench.contestants import CEILING, CONTESTANTS, Contestant, Ground, Receiver
from bench.figures import Kept, Measurement, Run
from bench.load import Order, Outcome
from bench.sending import Sender, capability, sender
from tests.support.databases import ROOT

CONNECTIONS = (1, 16, 64)
WARM_UP_SECONDS = 0.2
PRIMING_SECONDS = 10.0
KILLED_AFTER_SECONDS = 1.0
_STORED = sa.text("SELECT idempotency_key, count(*) FROM trigger_executions GROUP BY 1")


def main() -> None:
    """Measure, print and write."""
    logging.disable(logging.INFO)  # each migration says what it does
    warnings.simplefilter("ignore")
    chosen = _arguments()
    taking_part = [each for each in CONTESTANTS if _chosen(each, chosen.only)]
    ground = Ground(Path(tempfile.mkdtemp(prefix="hookonce-bench-")))
    try:
        with sender() as send:
            print(capability(send), flush=True)
            machine = ground.machine()
            killed = [kill(each, ground, send) for each in taking_part if each.ours]
            repetitions, ledger = measured(taking_part, ground, send, chosen)
    finally:
        ground.remove()
    write(chosen.into, repetitions, ledger + killed, machine)


def measured(
    taking_part: Sequence[Contestant], ground: Ground, send: Sender, chosen: argparse.Namespace
) -> tuple[list[list[Run]], list[Kept]]:
    """The repetitions, and what everyone who stores anything has kept in the end."""
    with ExitStack() as stack:
        ceiling, *others = lanes(taking_part, ground, send, stack)
        repetitions = [
            list(repetition(ceiling, others, ground, send, chosen.seconds))
            for _ in range(chosen.repetitions)
        ]
        return repetitions, [store.kept() for store in others if store.contestant.stores]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--only", action="append", help="a part of a contestant's name")
    parser.add_argument("--into", type=Path, default=ROOT / "var" / "bench")
    return parser.parse_args()


def _chosen(contestant: Contestant, only: list[str] | None) -> bool:
    return not only or contestant.name == CEILING or any(part in contestant.name for part in only)


class Lane:
    """One contestant under one kind of traffic, started, with what it has acknowledged so far."""

    def __init__(self, contestant: Contestant, kind: str, url: str, receiver: Receiver) -> None:
        self.contestant = contestant
        self.kind = kind
        self.url = url
        self.receiver = receiver
        self.position = 0
        self.known: set[int] = set()

    def drive(
        self, send: Sender, connections: int, seconds: float, at_most: int = 10**9
    ) -> Outcome:
        """Send to it for so long, where the last time ended."""
        outcome = send(
            Order(self.receiver.port, connections, seconds, self.kind, self.position, at_most)
        )
        self.position += outcome.sent
        self.known |= set(outcome.acknowledged)
        return outcome

    def make_ready(self, send: Sender, seconds: float) -> None:
        """What comes next is signed."""
        send.make_ready(self.kind, self.position, seconds)

    def measured(
        self, ground: Ground, send: Sender, connections: int, seconds: float
    ) -> Measurement:
        """One window, after a short one that does not count."""
        self.make_ready(send, WARM_UP_SECONDS + seconds)
        self.drive(send, connections, WARM_UP_SECONDS)
        before = ground.cpu_seconds(self.receiver, self.contestant)
        outcome = self.drive(send, connections, seconds)
        after = ground.cpu_seconds(self.receiver, self.contestant)
        answered = len(outcome.acknowledged)
        return Measurement(
            requests_per_second=answered / outcome.seconds,
            p50_ms=figures.percentile(outcome.microseconds, 50) / 1000,
            p99_ms=figures.percentile(outcome.microseconds, 99) / 1000,
            server_cpu_ms=1000 * (after[0] - before[0]) / max(answered, 1),
            database_cpu_ms=1000 * (after[1] - before[1]) / max(answered, 1),
            sender_busy=outcome.cpu_seconds / outcome.seconds,
            refused=outcome.refused,
            broken=outcome.broken,
        )

    def kept(self) -> Kept:
        """What it acknowledged against what is stored."""
        return kept(self.contestant.name, self.kind, self.known, stored_keys(self.url))


def lanes(
    contestants: Sequence[Contestant], ground: Ground, send: Sender, stack: ExitStack
) -> list[Lane]:
    """Everyone, started, warm, and with the keys that duplicate traffic repeats."""
    started = []
    for contestant in contestants:
        for kind in contestant.traffics:
            url = stack.enter_context(ground.database(contestant))
            receiver = stack.enter_context(ground.receiver(contestant, url))
            store = Lane(contestant, kind, url, receiver)
            store.drive(send, 16, PRIMING_SECONDS, at_most=2 * traffic.REPEATED_KEYS)
            started.append(store)
    return started


def repetition(
    ceiling: Lane, others: Sequence[Lane], ground: Ground, send: Sender, seconds: float
) -> Iterator[Run]:
    """Every lane once with each number of connections, each right after the ceiling.

    What else the machine does then weighs on both alike.
    """
    for connections in CONNECTIONS:
        for store in others:
            top = ceiling.measured(ground, send, connections, seconds)
            own = store.measured(ground, send, connections, seconds)
            run = Run(store.contestant.name, store.kind, connections, own, top)
            print(_shown(run), flush=True)
            yield run


def _shown(run: Run) -> str:
    own = run.own
    return (
        f"{run.contestant:<24}{run.traffic:<15}{run.connections:>3} conn."
        f"{own.requests_per_second:>9,.0f}/s of{run.ceiling.requests_per_second:>7,.0f}"
        f"  p50 {own.p50_ms:6.2f} p99 {own.p99_ms:7.2f} ms"
        f"  cpu {own.server_cpu_ms:.3f}+{own.database_cpu_ms:.3f}"
        f" of {run.ceiling.server_cpu_ms:.3f} ms  sender {own.sender_busy:.2f}"
        f"  refused {own.refused} broken {own.broken}"
    )


def stored_keys(url: str) -> dict[str, int]:
    """How often each key is stored."""
    database = Database(from_environment({"DATABASE_URL": url}))
    try:
        with database.reading() as connection:
            return dict(connection.execute(_STORED).tuples().all())
    finally:
        database.dispose()


def kept(name: str, kind: str, acknowledged: set[int], stored: dict[str, int]) -> Kept:
    """The ledger: nothing acknowledged may be missing, nothing may be stored twice."""
    keys = {traffic.key(event) for event in acknowledged}
    return Kept(
        contestant=name,
        traffic=kind,
        acknowledged=len(keys),
        stored=sum(stored.values()),
        missing=len(keys - stored.keys()),
        twice=sum(count > 1 for count in stored.values()),
    )


def kill(contestant: Contestant, ground: Ground, send: Sender) -> Kept:
    """SIGKILL to every process of the receiver in the middle of its work: what is stored then?"""
    with ground.database(contestant) as url, ground.receiver(contestant, url) as receiver:
        send.make_ready(traffic.MIXED, 0, 3 * KILLED_AFTER_SECONDS)
        killer = threading.Timer(KILLED_AFTER_SECONDS, receiver.kill)
        killer.start()
        outcome = send(Order(receiver.port, 64, 3 * KILLED_AFTER_SECONDS, traffic.MIXED))
        killer.join()
        stored = stored_keys(url)
    return kept(contestant.name, "killed", set(outcome.acknowledged), stored)


def write(
    directory: Path, repetitions: list[list[Run]], ledger: Sequence[Kept], machine: str
) -> None:
    """The runs as JSON, the medians as a table."""
    directory.mkdir(parents=True, exist_ok=True)
    said = {
        "machine": machine,
        "repetitions": [[asdict(run) for run in runs] for runs in repetitions],
        "ledger": [asdict(each) for each in ledger],
    }
    (directory / "receiving.json").write_text(json.dumps(said, indent=1) + "\n")
    rows = figures.rows(run for runs in repetitions for run in runs)
    page = f"{figures.table(rows)}\n\n{figures.ledger(ledger)}\n\n{machine}"
    (directory / "receiving.md").write_text(page + "\n")
    print(f"\n{page}\nWritten to {directory}.")


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    main()
