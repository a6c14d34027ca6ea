"""No event is acknowledged unless it is stored; the service recovers with the database."""

import os
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import psycopg
import pytest
from sqlalchemy.engine import make_url

from tests.support.databases import Databases
from tests.support.ledger import Ledger
from tests.support.service import Running, Service, until
from tests.support.socket_sender import Answer, Sender

IMPATIENT = {"HOOKONCE_DATABASE_TIMEOUT_SECONDS": "0.3"}
LOCK = {
    "sqlite": "SELECT 1",  # a writing transaction holds the only write lock from its beginning
    "postgresql": "LOCK TABLE trigger_executions IN ACCESS EXCLUSIVE MODE",
}


Away = Callable[[], AbstractContextManager[None]]


@pytest.fixture
def away(databases: Databases, database_url: str, kind: str) -> Away:
    """Return a context manager in which the database is unavailable."""
    if kind == "postgresql":
        return lambda: _server_stopped(databases)
    return lambda: _file_moved_away(Path(make_url(database_url).database or ""))


@contextmanager
def _server_stopped(databases: Databases) -> Iterator[None]:
    databases.server.stop()
    try:
        yield
    finally:
        databases.server.start()


@contextmanager
def _file_moved_away(path: Path) -> Iterator[None]:
    dedicated = path.with_name("aside")
    dedicated.mkdir()
    for each in path.parent.glob(f"{path.name}*"):
        each.rename(dedicated / each.name)
    try:
        yield
        assert not path.exists(), "an empty database was made in its place"
    finally:
        for each in dedicated.iterdir():
            each.rename(path.with_name(each.name))
        shutil.rmtree(dedicated)


def test_a_lock_held_too_long_is_a_503_and_the_event_gets_in_once_it_is_free(
    service: Service, ledger: Ledger, kind: str
) -> None:
    gunicorn = service.gunicorn(**IMPATIENT)
    worker = service.worker(**IMPATIENT)
    sender = ledger.sender(gunicorn)
    assert sender.post_event("before").acknowledged
    ledger.wait_until_done("before")

    with ledger.database.writing() as connection:
        connection.exec_driver_sql(LOCK[kind])
        answers = [sender.post_event(f"locked-{number}") for number in range(3)]
    stored = ledger.rows_by_key()

    assert all(_asked_to_come_again(answer) for answer in answers)
    assert stored == {"before": 1}
    assert sender.post_event("locked-0").acknowledged
    _everything_ran(ledger, worker)
    assert ledger.rows_by_key() == {"before": 1, "locked-0": 1}


def test_a_database_that_is_away_is_a_503_and_both_processes_outlive_it(
    service: Service, ledger: Ledger, away: Away
) -> None:
    gunicorn = service.gunicorn(**IMPATIENT)
    worker = service.worker(**IMPATIENT)
    sender = ledger.sender(gunicorn)
    assert sender.post_event("before").acknowledged
    ledger.wait_until_done("before")
    ledger.database.dispose()

    with away():
        answers = [sender.post_event(f"away-{number}") for number in range(3)]
        worker.wait_for("evt=database_unavailable")
        ready, _ = gunicorn.get("/readyz")

    assert all(_asked_to_come_again(answer) for answer in answers)
    assert ready == 503
    assert ledger.rows_by_key() == {"before": 1}
    _acknowledged_in_the_end(sender, "away-0")
    _everything_ran(ledger, worker)
    assert ledger.rows_by_key() == {"before": 1, "away-0": 1}


@pytest.mark.parametrize("kind", ["postgresql"], indirect=True)
def test_a_worker_that_starts_while_the_server_is_away_waits_for_it(
    service: Service, ledger: Ledger, away: Away
) -> None:
    sender = ledger.sender(service.gunicorn(**IMPATIENT))
    assert sender.post_event("before").acknowledged
    ledger.database.dispose()

    with away():
        worker = service.start("hookonce", "worker", **IMPATIENT)
        worker.wait_for("evt=database_unavailable")

    _everything_ran(ledger, worker)


@pytest.mark.parametrize("kind", ["postgresql"], indirect=True)
def test_a_worker_that_waits_for_the_server_can_be_told_to_stop(
    service: Service, ledger: Ledger, away: Away
) -> None:
    ledger.database.dispose()

    with away():
        worker = service.start("hookonce", "worker", **IMPATIENT)
        worker.wait_for("evt=database_unavailable")
        ended = worker.stop()

    assert ended == 0


@pytest.mark.parametrize("kind", ["sqlite"], indirect=True)
def test_a_worker_without_a_database_file_ends_because_migrations_create_it(
    service: Service, ledger: Ledger, away: Away
) -> None:
    ledger.database.dispose()

    with away():
        worker = service.start("hookonce", "worker", **IMPATIENT)
        ended = worker.ended()

    assert ended == 1
    assert "run `alembic upgrade head`" in worker.log()


def _asked_to_come_again(answer: Answer) -> bool:
    return answer.status == 503 and int(answer.retry_after or 0) > 0


def _acknowledged_in_the_end(sender: Sender, key: str) -> None:
    until(lambda: sender.post_event(key).acknowledged, f"{key} acknowledged")


def _everything_ran(ledger: Ledger, worker: Running) -> None:
    ledger.wait_until_done()
    assert worker.stop() == 0
    assert ledger.runs() == {row.id: 1 for row in ledger.executions()}


@contextmanager
def _frozen(database_url: str) -> Iterator[None]:
    """Stop the server processes of this database until the block ends."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        found = connection.execute(
            "SELECT pid FROM pg_stat_activity "
            "WHERE pid <> pg_backend_pid() AND datname = current_database()"
        )
        pids = [pid for (pid,) in found]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


@pytest.mark.parametrize("kind", ["postgresql"])
def test_a_frozen_server_is_answered_503_and_an_event_that_it_stored_is_admitted_once(
    service: Service, ledger: Ledger, database_url: str
) -> None:
    gunicorn = service.gunicorn(workers=1, **IMPATIENT)
    sender = ledger.sender(gunicorn)
    for number in range(2):
        assert sender.post_event(f"before-{number}").acknowledged
        time.sleep(0.5)  # until it has its own connections
    ledger.database.dispose()

    with _frozen(database_url):
        frozen = sender.post_event("frozen")
        _acknowledged_in_the_end(sender, "meanwhile")  # a new connection is to be had
    again = sender.post_event("frozen")

    assert frozen.status == 503
    assert frozen.retry_after is not None
    assert again.acknowledged
    assert ledger.rows_by_key() == dict.fromkeys(("before-0", "before-1", "frozen", "meanwhile"), 1)
