"""A quick stop leaves no lock behind: others write on, and nothing acknowledged is lost."""

import itertools
import os
import re
import signal
import sqlite3
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress

import pytest
from sqlalchemy.engine import make_url

from app.db.sqlite import LOCK_POLL_SECONDS
from tests.support.ledger import Ledger
from tests.support.service import DEADLINE_SECONDS, Service, runs, until
from tests.support.socket_sender import Sender
from tests.support.thorough import THOROUGH

pytestmark = pytest.mark.parametrize("kind", ["sqlite"], indirect=True)

CLIENTS = 24
WORKERS = 4
ROUNDS = 4 if THOROUGH else 1
NUMBERS = [signal.SIGQUIT, signal.SIGINT] if THOROUGH else [signal.SIGQUIT]
LONGEST_WAIT_SECONDS = 5.0
"""Half of the seconds for which a process that keeps the lock waits for itself."""


@contextmanager
def sending(sender: Sender, name: str) -> Iterator[list[str]]:
    """Send events without a pause until the block ends; yield the acknowledged keys."""
    done, acknowledged, numbers = threading.Event(), list[str](), itertools.count()

    def send() -> None:
        while not done.is_set():
            key = f"{name}-{next(numbers)}"
            with suppress(Exception):  # its server is ending
                if sender.post_event(key).acknowledged:
                    acknowledged.append(key)

    with ThreadPoolExecutor(CLIENTS) as pool:
        for _ in range(CLIENTS):
            pool.submit(send)
        try:
            yield acknowledged
        finally:
            done.set()


def longest_wait_seconds(url: str, pids: list[int]) -> float:
    """Take the write lock again and again until the processes have ended; return the longest wait.

    Each time it is given back at once, so that a process that waits for it can stop.
    """
    connection = sqlite3.connect(str(make_url(url).database), timeout=0, isolation_level=None)
    longest, last, deadline = 0.0, False, time.monotonic() + DEADLINE_SECONDS
    while not last and time.monotonic() < deadline:
        last = not any(map(runs, pids))
        began = time.monotonic()
        while not _begins(connection):
            time.sleep(LOCK_POLL_SECONDS)
        connection.execute("ROLLBACK")
        longest = max(longest, time.monotonic() - began)
        time.sleep(0.005)
    connection.close()
    return longest


def _begins(connection: sqlite3.Connection) -> bool:
    try:
        connection.execute("BEGIN IMMEDIATE")
    except sqlite3.OperationalError:
        return False
    return True


@pytest.mark.parametrize("number", NUMBERS, ids=lambda each: each.name)
def test_a_quick_stop_under_load_holds_up_no_other_writer(
    service: Service, ledger: Ledger, database_url: str, number: signal.Signals
) -> None:
    waits, acknowledged = [], []
    for each in range(ROUNDS):
        gunicorn = service.gunicorn(workers=WORKERS)
        sender = ledger.sender(gunicorn, f"orders-{each}")
        with sending(sender, f"{number.name}-{each}") as keys:
            until(lambda keys=keys: len(keys) > 50, "some load")
            pids = [gunicorn.pid, *gunicorn.children()]
            gunicorn.signal(number)
            waits.append(longest_wait_seconds(database_url, pids))
        acknowledged += keys

    assert max(waits) < LONGEST_WAIT_SECONDS
    rows = ledger.rows_by_key()
    assert {key: rows[key] for key in acknowledged if rows[key] != 1} == {}


def test_a_binary_upgrade_under_load_holds_up_no_other_writer(
    service: Service, ledger: Ledger, database_url: str
) -> None:
    gunicorn = service.gunicorn(workers=WORKERS)
    sender = ledger.sender(gunicorn)
    with sending(sender, "upgrade") as acknowledged:
        until(lambda: len(acknowledged) > 50, "some load")
        old = [gunicorn.pid, *gunicorn.children()]
        gunicorn.signal(signal.SIGUSR2)
        until(lambda: len(gunicorn.lines("serving")) == 2 * WORKERS, "the new processes")
        new = int(re.findall(r"Listening at: .*\((\d+)\)", gunicorn.log())[-1])
        gunicorn.signal(signal.SIGQUIT)
        wait_seconds = longest_wait_seconds(database_url, old)
        so_far = len(acknowledged)
        until(lambda: len(acknowledged) > so_far + 50, "acknowledgements of the new processes")
    os.kill(new, signal.SIGTERM)
    until(lambda: not runs(new), "the end of the new master")

    assert new != gunicorn.pid
    assert wait_seconds < LONGEST_WAIT_SECONDS
    rows = ledger.rows_by_key()
    assert {key: rows[key] for key in acknowledged if rows[key] != 1} == {}
