"""Measure how fast each receiver is, and check that it stores what it acknowledged.

    python -m bench.receiving [--repetitions 3] [--seconds 1] [--only NAME] [--into DIRECTORY]

Starts each contestant on a database of its own and sends to them in turn over loopback with 1, 16
and 64 connections, to each right after the ceiling. Compares the acknowledged events with the
stored ones; also of our own receiver when it is killed under load. Writes receiving.json and .md.
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
from bench.contestants import CEILING, CONTESTANTS, Contestant, Installation, Receiver
from bench.figures import Ledger, Measurement, Run
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
    logging.disable(logging.INFO)  # each migration logs its steps
    warnings.simplefilter("ignore")
    options = _arguments()
    taking_part = [each for each in CONTESTANTS if _takes_part(each, options.only)]
    installation = Installation(Path(tempfile.mkdtemp(prefix="hookonce-bench-")))
    try:
        with sender() as send:
            print(capability(send), flush=True)
            machine = installation.machine()
            killed = [kill(each, installation, send) for each in taking_part if each.ours]
            repetitions, ledger = measured(taking_part, installation, send, options)
    finally:
        installation.remove()
    write(options.into, repetitions, ledger + killed, machine)


def measured(
    taking_part: Sequence[Contestant],
    installation: Installation,
    send: Sender,
    options: argparse.Namespace,
) -> tuple[list[list[Run]], list[Ledger]]:
    """Return the repetitions, and the ledger of each contestant that stores events."""
    with ExitStack() as stack:
        ceiling, *others = start_trials(taking_part, installation, send, stack)
        repetitions = [
            list(repetition(ceiling, others, installation, send, options.seconds))
            for _ in range(options.repetitions)
        ]
        return repetitions, [trial.ledger() for trial in others if trial.contestant.stores]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--only", action="append", help="a part of a contestant's name")
    parser.add_argument("--into", type=Path, default=ROOT / "var" / "bench")
    return parser.parse_args()


def _takes_part(contestant: Contestant, only: list[str] | None) -> bool:
    return not only or contestant.name == CEILING or any(part in contestant.name for part in only)


class Trial:
    """A started contestant under one kind of traffic, and the events it has acknowledged."""

    def __init__(self, contestant: Contestant, kind: str, url: str, receiver: Receiver) -> None:
        self.contestant = contestant
        self.kind = kind
        self.url = url
        self.receiver = receiver
        self.position = 0
        self.acknowledged: set[int] = set()

    def drive(
        self, send: Sender, connections: int, seconds: float, at_most: int = 10**9
    ) -> Outcome:
        """Send for so many seconds, from the position where the last call ended."""
        outcome = send(
            Order(self.receiver.port, connections, seconds, self.kind, self.position, at_most)
        )
        self.position += outcome.sent
        self.acknowledged |= set(outcome.acknowledged)
        return outcome

    def make_ready(self, send: Sender, seconds: float) -> None:
        """Sign the requests of the next seconds."""
        send.make_ready(self.kind, self.position, seconds)

    def measured(
        self, installation: Installation, send: Sender, connections: int, seconds: float
    ) -> Measurement:
        """Measure one window, after a short one that does not count."""
        self.make_ready(send, WARM_UP_SECONDS + seconds)
        self.drive(send, connections, WARM_UP_SECONDS)
        before = installation.cpu_seconds(self.receiver, self.contestant)
        outcome = self.drive(send, connections, seconds)
        after = installation.cpu_seconds(self.receiver, self.contestant)
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

    def ledger(self) -> Ledger:
        """Compare the acknowledged events with the stored ones."""
        return compare(self.contestant.name, self.kind, self.acknowledged, stored_keys(self.url))


def start_trials(
    contestants: Sequence[Contestant], installation: Installation, send: Sender, stack: ExitStack
) -> list[Trial]:
    """Start every contestant and send the keys that duplicate traffic repeats."""
    started = []
    for contestant in contestants:
        for kind in contestant.traffics:
            url = stack.enter_context(installation.database(contestant))
            receiver = stack.enter_context(installation.receiver(contestant, url))
            trial = Trial(contestant, kind, url, receiver)
            trial.drive(send, 16, PRIMING_SECONDS, at_most=2 * traffic.REPEATED_KEYS)
            started.append(trial)
    return started


def repetition(
    ceiling: Trial,
    others: Sequence[Trial],
    installation: Installation,
    send: Sender,
    seconds: float,
) -> Iterator[Run]:
    """Run every trial once with each number of connections, each right after the ceiling.

    So other work of the machine slows both in the same way.
    """
    for connections in CONNECTIONS:
        for trial in others:
            top = ceiling.measured(installation, send, connections, seconds)
            own = trial.measured(installation, send, connections, seconds)
            run = Run(trial.contestant.name, trial.kind, connections, own, top)
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
    """Return the number of rows of each key."""
    database = Database(from_environment({"DATABASE_URL": url}))
    try:
        with database.reading() as connection:
            return dict(connection.execute(_STORED).tuples().all())
    finally:
        database.dispose()


def compare(name: str, kind: str, acknowledged: set[int], stored: dict[str, int]) -> Ledger:
    """Return the ledger: no acknowledged event may be missing, none may be stored twice."""
    keys = {traffic.key(event) for event in acknowledged}
    return Ledger(
        contestant=name,
        traffic=kind,
        acknowledged=len(keys),
        stored=sum(stored.values()),
        missing=len(keys - stored.keys()),
        twice=sum(count > 1 for count in stored.values()),
    )


def kill(contestant: Contestant, installation: Installation, send: Sender) -> Ledger:
    """SIGKILL every process of the receiver under load; compare what is stored then."""
    with (
        installation.database(contestant) as url,
        installation.receiver(contestant, url) as receiver,
    ):
        send.make_ready(traffic.MIXED, 0, 3 * KILLED_AFTER_SECONDS)
        killer = threading.Timer(KILLED_AFTER_SECONDS, receiver.kill)
        killer.start()
        outcome = send(Order(receiver.port, 64, 3 * KILLED_AFTER_SECONDS, traffic.MIXED))
        killer.join()
        stored = stored_keys(url)
    return compare(contestant.name, "killed", set(outcome.acknowledged), stored)


def write(
    directory: Path, repetitions: list[list[Run]], ledger: Sequence[Ledger], machine: str
) -> None:
    """Write the runs as JSON and the medians as a table."""
    directory.mkdir(parents=True, exist_ok=True)
    report = {
        "machine": machine,
        "repetitions": [[asdict(run) for run in runs] for runs in repetitions],
        "ledger": [asdict(each) for each in ledger],
    }
    (directory / "receiving.json").write_text(json.dumps(report, indent=1) + "\n")
    rows = figures.rows(run for runs in repetitions for run in runs)
    page = f"{figures.table(rows)}\n\n{figures.ledger(ledger)}\n\n{machine}"
    (directory / "receiving.md").write_text(page + "\n")
    print(f"\n{page}\nWritten to {directory}.")


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    main()
