"""/readyz says that a node is not ready while no event can be admitted, and says so in time."""

import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from sqlalchemy.engine import make_url

from tests.support.ledger import Ledger
from tests.support.service import Gunicorn, Service, run, until

READY_WITHIN_SECONDS = 40.0
"""Far below the seconds that a request may wait here, so that the limit of a probe is seen."""
PATIENT = {"HOOKONCE_DATABASE_TIMEOUT_SECONDS": "240"}
ALTER = "DO $$ BEGIN EXECUTE 'ALTER DATABASE ' || quote_ident(current_database()) || ' {}'; END $$"
LOCK = {
    "sqlite": "SELECT 1",  # a writing transaction holds the only write lock from its beginning
    "postgresql": "LOCK TABLE trigger_executions IN SHARE MODE",
}


def test_a_held_lock_makes_it_unready_until_it_is_free(
    service: Service, ledger: Ledger, database_url: str, kind: str
) -> None:
    gunicorn = service.gunicorn(workers=1, **PATIENT)
    sender = ledger.sender(gunicorn)
    assert _ready(gunicorn)

    with ledger.database.writing() as connection:
        connection.exec_driver_sql(LOCK[kind])
        began = time.monotonic()
        until(lambda: not _ready(gunicorn), "not ready")
        noticed_seconds = time.monotonic() - began
        checked = run("hookonce", "check", DATABASE_URL=database_url)

    assert noticed_seconds < READY_WITHIN_SECONDS
    assert checked.returncode == 1
    assert "FAILED writing: " in checked.stdout
    until(lambda: _ready(gunicorn), "ready again")
    assert sender.post_event("after").acknowledged
    assert ledger.rows_by_key() == {"after": 1}


def test_probes_leave_nothing_behind_and_delay_no_sender(service: Service, ledger: Ledger) -> None:
    gunicorn = service.gunicorn(workers=1)
    sender = ledger.sender(gunicorn)
    assert sender.post_event("first").acknowledged
    until_at = time.monotonic() + 3
    while time.monotonic() < until_at:
        assert _ready(gunicorn)

    assert sender.post_event("second").acknowledged
    assert ledger.id_of("second") == ledger.id_of("first") + 1
    assert ledger.count() == 2


@pytest.mark.parametrize("kind", ["postgresql"], indirect=True)
def test_a_database_that_only_reads_makes_it_unready(
    service: Service, ledger: Ledger, database_url: str
) -> None:
    ledger.execute(ALTER.format("SET default_transaction_read_only = on"))
    try:
        gunicorn = service.gunicorn(workers=1)
        ready = _ready(gunicorn)
    finally:
        with psycopg.connect(database_url, autocommit=True) as connection:
            connection.execute("SET default_transaction_read_only = off")
            connection.execute(ALTER.format("RESET default_transaction_read_only"))

    assert not ready


@pytest.mark.parametrize("kind", ["sqlite"], indirect=True)
def test_a_full_disk_makes_it_unready(service: Service, ledger: Ledger, database_url: str) -> None:
    gunicorn = service.gunicorn(workers=1)
    sender = ledger.sender(gunicorn)
    assert _ready(gunicorn)

    with _no_file_may_grow(gunicorn, Path(make_url(database_url).database or "")):
        until(lambda: not _ready(gunicorn), "not ready")
        refused = sender.post_event("no room")

    assert refused.status == 503
    until(lambda: _ready(gunicorn), "ready again")
    assert sender.post_event("room").acknowledged


@contextmanager
def _no_file_may_grow(gunicorn: Gunicorn, database: Path) -> Iterator[None]:
    """Let the server's processes write no file beyond the size of the log of the database."""
    size = database.with_name(f"{database.name}-wal").stat().st_size
    pids = [gunicorn.pid, *gunicorn.children()]
    before = [
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY)) for pid in pids
    ]
    try:
        yield
    finally:
        for pid, limits in zip(pids, before, strict=True):
            resource.prlimit(pid, resource.RLIMIT_FSIZE, limits)


def _ready(gunicorn: Gunicorn) -> bool:
    began = time.monotonic()
    status, _ = gunicorn.get("/readyz")
    assert time.monotonic() - began < READY_WITHIN_SECONDS
    return status == 200
