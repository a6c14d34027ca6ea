"""Measure the seconds without a primary: kill or fence one under load, and promote its standby.

    python -m bench.failover [--rounds 3]

Prints a table. Ends with status 1 if an acknowledged event was lost or doubled, if an answer was
neither 200 nor 503, or if receivers or workers were not back within 5 s of the promotion.
"""

import argparse
import random
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from app.db import Database
from app.settings import from_environment
from tests.support import sink, standby
from tests.support.chaos import Scene
from tests.support.databases import PostgresServer, migrate
from tests.support.failover import FailedOver, fail_over, fence
from tests.support.ledger import Ledger
from tests.support.service import Service
from tests.support.standby import Pair

BACK_SECONDS = 5.0
WAYS: dict[str, Callable[[Scene, Pair], FailedOver]] = {"killed": fail_over, "fenced": fence}


def main() -> None:
    """Run each way some times on new servers; exit with 0 if every promise was kept."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    server = PostgresServer()
    try:
        done = [(name, _round(server, name)) for name in WAYS for _ in range(rounds)]
    finally:
        server.remove()
    print(
        "| primary | events | 503 for, s | receivers back, s | workers back, s | lost or doubled |"
    )
    print("|---|---|---|---|---|---|")
    for name, each in done:
        times = (each.refusing_seconds, each.receiver_back_seconds, each.worker_back_seconds)
        columns = [name, str(each.findings.events), *(f"{seconds:.1f}" for seconds in times)]
        print(f"| {' | '.join(columns)} | {sum(each.findings.not_kept().values())} |")
    sys.exit(0 if all(_is_kept(each) for _, each in done) else 1)


def _round(server: PostgresServer, name: str) -> FailedOver:
    with (
        standby.pair(server) as pair,
        sink.listening() as target,
        tempfile.TemporaryDirectory() as directory,
    ):
        migrate(pair.uri)
        settings = {"DATABASE_URL": pair.uri, "HOOKONCE_SCRIPTS_DIR": directory}
        database = Database(from_environment(settings))
        service = Service(Path(directory), **settings)
        try:
            ledger = Ledger(database, Path(directory))
            return WAYS[name](Scene(service, ledger, target, random.Random(name)), pair)
        finally:
            service.remove()
            database.dispose()


def _is_kept(each: FailedOver) -> bool:
    back = max(each.receiver_back_seconds, each.worker_back_seconds)
    answers = each.findings.answers.keys()
    return not each.findings.not_kept() and answers <= {"200", "503"} and back < BACK_SECONDS


if __name__ == "__main__":
    main()
