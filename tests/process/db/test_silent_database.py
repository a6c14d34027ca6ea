"""A PostgreSQL that says nothing is answered 503 within the time limit, on every path."""

import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import NamedTuple

import psutil
import psycopg
import pytest
import urllib3

from app import auth
from app.audit import Actor
from tests.support.databases import Databases
from tests.support.ledger import Ledger
from tests.support.service import Gunicorn, Service, until
from tests.support.socket_sender import Sender, event

LIMIT_SECONDS = 4.0
PATIENT = {"HOOKONCE_DATABASE_TIMEOUT_SECONDS": str(LIMIT_SECONDS), "HOOKONCE_POOL_SIZE": "6"}
ALLOWED_SECONDS = 2 * LIMIT_SECONDS
"""A request that waited for the limit twice takes longer."""
WEBHOOKS = 48
LARGE = "x" * 20_000
"""Part of a body that is too large for the answering thread."""

pytestmark = pytest.mark.parametrize("kind", ["postgresql"], indirect=True)


class Timed(NamedTuple):
    """An answer's status, the request's name, and the seconds that it took."""

    name: str
    status: int
    seconds: float


@contextmanager
def stopped(pids: list[int]) -> Iterator[None]:
    """Stop the processes until the block ends; their clients do not learn of it."""
    try:
        _signal(pids, signal.SIGSTOP)
        yield
    finally:
        _signal(pids, signal.SIGCONT)


def _signal(pids: list[int], number: signal.Signals) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


def server(databases: Databases) -> list[int]:
    """Return the ids of all processes of the server: it takes connections and says nothing."""
    pid = int((Path(databases.server.directory) / "postmaster.pid").read_text().split()[0])
    return [pid, *(child.pid for child in psutil.Process(pid).children(recursive=True))]


def sessions(database_url: str) -> list[int]:
    """Return the ids of the processes that serve this database: a new one answers."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        rows = connection.execute(
            "SELECT pid FROM pg_stat_activity "
            "WHERE pid <> pg_backend_pid() AND datname = current_database()"
        )
        return [pid for (pid,) in rows]


def timed(name: str, ask: "partial[int]") -> Timed:
    began = time.monotonic()
    status = ask()
    return Timed(name, status, time.monotonic() - began)


def webhook(sender: Sender, key: str, **more: str) -> int:
    return sender.post(event(key, **more)).status


def page(gunicorn: Gunicorn, token: str, path: str) -> int:
    address = f"http://127.0.0.1:{gunicorn.port}{path}"
    return urllib3.request(
        "GET",
        address,
        headers={"Authorization": f"Bearer {token}"},
        redirect=False,
        retries=False,
        timeout=120,
    ).status


def test_every_path_is_answered_in_time_while_the_server_is_silent_and_nothing_doubles(
    service: Service, ledger: Ledger, databases: Databases
) -> None:
    gunicorn = service.gunicorn(workers=1, **PATIENT)
    sender = ledger.sender(gunicorn)
    _, token = auth.add_token(ledger.database, Actor("root"), "Ada", "admin")
    paths = ("/api/triggers", "/api/triggers/executions", "/readyz", "/metrics", "/healthz")
    asks = {f"small-{n}": partial(webhook, sender, f"small-{n}") for n in range(WEBHOOKS)}
    asks |= {f"large-{n}": partial(webhook, sender, f"large-{n}", x=LARGE) for n in range(WEBHOOKS)}
    asks |= {path: partial(page, gunicorn, token, path) for path in paths}
    with ThreadPoolExecutor(len(asks)) as pool:
        warm = [pool.submit(timed, name, ask) for name, ask in asks.items()]
        assert {each.result().status for each in warm} == {200}
        time.sleep(1.1)  # until triggers and schema are looked up anew
        ledger.database.dispose()

        with stopped(server(databases)):
            answers = []
            for _ in range(2):
                sent = [pool.submit(timed, name, ask) for name, ask in asks.items()]
                answers += [each.result() for each in sent]

    late = [each for each in answers if each.seconds > ALLOWED_SECONDS]
    statuses = {each.name: each.status for each in answers}
    assert late == []
    assert statuses.pop("/healthz") == statuses.pop("/metrics") == 200
    assert set(statuses.values()) == {503}
    until(lambda: sender.post_event("small-0").acknowledged, "an acknowledgement")
    assert set(ledger.rows_by_key().values()) == {1}


def test_frozen_sessions_cost_each_request_one_time_limit_at_most(
    service: Service, ledger: Ledger, database_url: str
) -> None:
    gunicorn = service.gunicorn(workers=1, **PATIENT)
    sender = ledger.sender(gunicorn)
    with ThreadPoolExecutor(WEBHOOKS) as pool:
        list(pool.map(partial(webhook, sender), [f"warm-{n}" for n in range(WEBHOOKS)]))
    ledger.database.dispose()

    with stopped(sessions(database_url)):
        answers = [timed(str(n), partial(webhook, sender, f"frozen-{n}")) for n in range(4)]

    assert [each for each in answers if each.seconds > ALLOWED_SECONDS] == []
    assert answers[-1].status == 200, "new connections answer"
    again = [sender.post_event(f"frozen-{n}").acknowledged for n in range(4)]
    assert again == [True] * 4
    assert set(ledger.rows_by_key().values()) == {1}
