"""Migrations up and down lose no event while requests arrive and a worker runs."""

import itertools
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest

from tests.support.ledger import Ledger
from tests.support.service import Service
from tests.support.socket_sender import Sender
from tests.support.thorough import THOROUGH

Record = Callable[[str, object], None]
CYCLES = 3
CLIENTS = 4
PAUSE_SECONDS = 0.02
"""Seconds between two requests of a sender: a worker must keep up with its scripts."""
LIMIT_SECONDS = 20.0
"""Seconds after which a request is answered 503: four times the default, for busy machines."""
SLOWEST_ALLOWED_SECONDS = 0.8 * LIMIT_SECONDS


@dataclass
class Load:
    """The responses to senders that sent without a pause."""

    statuses: Counter[int] = field(default_factory=Counter)
    acknowledged: list[str] = field(default_factory=list)
    slowest_seconds: float = 0.0


@contextmanager
def load_on(sender: Sender, name: str) -> Iterator[Load]:
    """Send unique signed events from several senders at once, until the block ends."""
    load, done, lock = Load(), threading.Event(), threading.Lock()
    numbers = itertools.count()

    def send() -> None:
        while not done.wait(PAUSE_SECONDS):
            key = f"{name}-{next(numbers)}"
            began = time.monotonic()
            answer = sender.post_event(key)
            took = time.monotonic() - began
            with lock:
                load.statuses[answer.status] += 1
                load.slowest_seconds = max(load.slowest_seconds, took)
                if answer.acknowledged:
                    load.acknowledged.append(key)

    with ThreadPoolExecutor(CLIENTS) as pool:
        senders = [pool.submit(send) for _ in range(CLIENTS)]
        try:
            yield load
        finally:
            done.set()
    for each in senders:
        each.result()


def lost_or_doubled(load: Load, ledger: Ledger) -> dict[str, int]:
    """Return the number of rows of each acknowledged event that has not exactly one."""
    rows = ledger.rows_by_key()
    return {key: rows[key] for key in load.acknowledged if rows[key] != 1}


def record(record_property: Record, load: Load, **more: int) -> None:
    """Record the numbers for the table in docs/migrations.md."""
    told = {
        "answers": load.statuses.total(),
        "not_2xx": load.statuses.total() - load.statuses[200],
        "slowest_ms": round(load.slowest_seconds * 1000),
    }
    for name, value in (told | more).items():
        record_property(name, value)


def test_migrations_down_to_0002_and_back_cost_no_event_and_no_refusal(
    service: Service, ledger: Ledger, record_property: Record
) -> None:
    limit = str(LIMIT_SECONDS)
    gunicorn = service.gunicorn(workers=2, HOOKONCE_DATABASE_TIMEOUT_SECONDS=limit)
    worker = service.worker(HOOKONCE_LEASE_SECONDS="2")
    sender = ledger.sender(gunicorn)

    with load_on(sender, "live") as load:
        for _ in range(CYCLES):
            for command in (("downgrade", "0002"), ("upgrade", "head")):
                migration = service.run("alembic", *command)
                assert migration.returncode == 0, migration.stdout

    broken = lost_or_doubled(load, ledger)
    record(record_property, load, cycles=CYCLES, lost_or_doubled=len(broken))
    assert set(load.statuses) == {200}
    assert load.slowest_seconds < SLOWEST_ALLOWED_SECONDS
    assert broken == {}
    ledger.wait_until_done()
    assert ledger.all_completed()
    assert worker.alive


@pytest.mark.skipif(not THOROUGH, reason="senders come again for half a minute")
def test_below_0002_webhooks_are_answered_503_and_admitted_after_the_upgrade(
    service: Service, ledger: Ledger, record_property: Record
) -> None:
    gunicorn = service.gunicorn(workers=2)
    sender = ledger.sender(gunicorn)

    with load_on(sender, "deep") as load:
        for command in (("downgrade", "0001"), ("upgrade", "head")):
            migration = service.run("alembic", *command)
            assert migration.returncode == 0, migration.stdout
        back_at = load.statuses[200]
        while load.statuses[200] <= back_at:
            time.sleep(0.01)

    broken = lost_or_doubled(load, ledger)
    record(record_property, load, cycles=1, lost_or_doubled=len(broken))
    assert set(load.statuses) == {200, 503}
    assert broken == {}
