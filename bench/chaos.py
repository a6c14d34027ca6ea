"""Kill, freeze and restart for half an hour, and check that no acknowledged event is lost.

    python -m bench.chaos [--seed N] [--database sqlite|postgresql] [--kills 200] [--write PAGE]

Prints a table for each experiment and database, and writes the page. Ends with status 1 if a
promise was not kept.
"""

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from app.db import Database
from app.settings import from_environment
from bench.chaos_page import Part, Row, table, written
from bench.machine import described
from tests.support import sink
from tests.support.chaos import (
    LEASE_SECONDS,
    Crowded,
    Frozen,
    Killed,
    Restarted,
    Scene,
    Stopped,
    crowd_the_workers,
    freeze_workers,
    kill_again_and_again,
    restart_the_server,
    stop_again_and_again,
)
from tests.support.databases import KINDS, Databases
from tests.support.findings import Findings
from tests.support.ledger import Ledger
from tests.support.load import NO_ANSWER
from tests.support.service import Service

BACK_SECONDS = 5.0
FREEZE_SECONDS = 30.0
FREEZES = 2
CROWD = 8
DUE_AT_ONCE = 1_000


def main() -> None:
    """Run every experiment, write the page as it goes; exit with 0 if every promise was kept."""
    options = _arguments()
    print(f"seed {options.seed}", flush=True)
    parts: list[Part] = []
    with tempfile.TemporaryDirectory() as directory:
        databases = Databases(Path(directory))
        try:
            machine = described(databases.server.uri)
            for part in run(databases, Path(directory), options):
                parts.append(part)
                page = written(parts, options.seed, machine, LEASE_SECONDS)
                if options.write:
                    options.write.write_text(page)
                print(table([part]), flush=True)
        finally:
            databases.remove()
    sys.exit(0 if all(part.kept for part in parts) else 1)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--database", choices=KINDS, action="append")
    parser.add_argument("--only", action="append", help="killed, stopped, frozen, ...")
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--deliveries", type=int, default=20_000)
    parser.add_argument("--restart-seconds", type=float, default=180.0)
    parser.add_argument("--stops", type=int, default=21)
    parser.add_argument("--freezes", type=int, default=FREEZES)
    parser.add_argument("--write", type=Path, help="The page to write.")
    return parser.parse_args()


def run(databases: Databases, directory: Path, options: argparse.Namespace) -> Iterator[Part]:
    """Run every experiment on every database, each with its own random numbers from the seed."""
    with psycopg.connect(databases.server.uri, autocommit=True) as connection:
        connection.execute("ALTER SYSTEM SET fsync = on")  # as in production, unlike in tests
    databases.server.restart()
    experiments: dict[str, Callable[[Scene], Part]] = {
        "killed": lambda scene: _killed(scene, options),
        "stopped": lambda scene: _stopped(scene, options),
        "frozen": lambda scene: _frozen(scene, options),
        "crowded": _crowded,
        "restarted": lambda scene: _restarted(scene, databases, options),
    }
    for name in options.only or experiments:
        for kind in options.database or KINDS:
            if name == "restarted" and kind != "postgresql":
                continue
            with _scene(databases, directory, kind, name, options.seed) as scene:
                yield experiments[name](scene)


@contextmanager
def _scene(
    databases: Databases, directory: Path, kind: str, name: str, seed: int
) -> Iterator[Scene]:
    where = directory / f"{kind}-{name}"
    where.mkdir()
    with databases.at_head(kind) as url, sink.listening() as target:
        settings = {"DATABASE_URL": url, "HOOKONCE_SCRIPTS_DIR": str(where)}
        database, service = Database(from_environment(settings)), Service(where, **settings)
        chance = random.Random(f"{seed} {kind} {name}")
        try:
            yield Scene(service, Ledger(database, where), target, chance)
        finally:
            service.remove()
            database.dispose()


def _killed(scene: Scene, options: argparse.Namespace) -> Part:
    began = time.monotonic()
    killed: Killed = kill_again_and_again(scene, options.kills, options.deliveries)
    rows = [("SIGKILLs", f"{sum(killed.kills.values())}: {_counted(killed.kills)}")]
    rows += _load(killed.findings)
    rows.append(("seconds from the load's end until all was done", f"{killed.settled_seconds:.1f}"))
    return _part(scene, "Receivers and workers are killed", began, rows, killed.findings)


def _stopped(scene: Scene, options: argparse.Namespace) -> Part:
    began = time.monotonic()
    stopped: Stopped = stop_again_and_again(scene, options.stops)
    rows = [
        ("SIGTERMs", f"{sum(stopped.stops.values())}: {_counted(stopped.stops)}"),
        *_load(stopped.findings),
    ]
    kept = not (stopped.findings.runs_again or stopped.findings.lost_attempts)
    title = "Receivers and workers are stopped gracefully"
    return _part(scene, title, began, rows, stopped.findings, kept=kept)


def _frozen(scene: Scene, options: argparse.Namespace) -> Part:
    began = time.monotonic()
    frozen: Frozen = freeze_workers(scene, options.freezes, FREEZE_SECONDS)
    rows = [
        (f"SIGSTOPs of a worker, {FREEZE_SECONDS:.0f} s each", str(frozen.freezes)),
        ("late outcomes refused (`evt=lease_lost`)", str(frozen.late_outcomes)),
        *_load(frozen.findings),
    ]
    return _part(scene, "Workers are frozen beyond their lease", began, rows, frozen.findings)


def _crowded(scene: Scene) -> Part:
    began = time.monotonic()
    crowded: Crowded = crowd_the_workers(scene, CROWD, DUE_AT_ONCE)
    once = not (crowded.findings.runs_again or crowded.findings.lost_attempts)
    rows = [
        ("worker processes", str(crowded.workers)),
        ("executions that came due in one commit", f"{crowded.executions:,}"),
        ("seconds until all was done", f"{crowded.seconds:.1f}"),
        ("runs beyond the first (limit 0)", str(crowded.findings.runs_again)),
        ("attempts lost or failed", str(_unsuccessful(crowded.findings))),
    ]
    title = "Many workers, one moment"
    return _part(scene, title, began, rows, crowded.findings, kept=once)


def _restarted(scene: Scene, databases: Databases, options: argparse.Namespace) -> Part:
    began = time.monotonic()
    restarted: Restarted = restart_the_server(scene, databases.server, options.restart_seconds)
    receiver, worker = restarted.receiver_back_seconds, restarted.worker_back_seconds
    unanswered = restarted.findings.answers.get(NO_ANSWER, 0)
    rows = [
        ("restarts", f"{sum(restarted.restarts.values())}: {_counted(restarted.restarts)}"),
        *_load(restarted.findings),
        ("requests without an answer (limit 0)", str(unanswered)),
        (f"receivers back, seconds at most (limit {BACK_SECONDS:g})", f"{max(receiver):.2f}"),
        (f"workers back, seconds at most (limit {BACK_SECONDS:g})", f"{max(worker):.2f}"),
    ]
    kept = unanswered == 0 and max(*receiver, *worker) < BACK_SECONDS
    title = "PostgreSQL is restarted"
    return _part(scene, title, began, rows, restarted.findings, kept=kept)


def _part(
    scene: Scene,
    title: str,
    began: float,
    rows: list[Row],
    findings: Findings,
    *,
    kept: bool = True,
) -> Part:
    promises = [(f"**{name}** (limit 0)", str(count)) for name, count in findings.broken.items()]
    kind = scene.ledger.database.engine.dialect.name
    seconds = time.monotonic() - began
    return Part(title, kind, seconds, rows + promises, kept and not findings.not_kept())


def _load(findings: Findings) -> list[Row]:
    return [
        ("acknowledged deliveries", f"{findings.deliveries:,}"),
        ("of them duplicates", f"{findings.duplicates:,}"),
        ("events", f"{findings.events:,}"),
        ("answers", _counted(findings.answers)),
        ("attempts lost with their worker", str(findings.lost_attempts)),
        (
            "of them with a worker that was neither killed nor frozen",
            str(findings.lost_by_the_living),
        ),
        ("attempts failed", str(findings.failed_attempts)),
        ("longest delay of an execution by a lost attempt, seconds", _longest(findings)),
        ("runs again, each after a lost attempt", str(findings.runs_again)),
    ]


def _longest(findings: Findings) -> str:
    return f"{findings.longest_lost_seconds:.1f}"


def _unsuccessful(findings: Findings) -> int:
    return findings.lost_attempts + findings.failed_attempts


def _counted(counts: dict[str, int]) -> str:
    return ", ".join(f"{count:,} × {name}" for name, count in sorted(counts.items()))


if __name__ == "__main__":
    main()
