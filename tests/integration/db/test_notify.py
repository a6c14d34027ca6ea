"""A sleeping worker is notified of commits, and polls while it has no listener."""

import time
from collections.abc import Iterator
from pathlib import Path
from threading import Event

import pytest
import sqlalchemy as sa

from app import actions
from app.db import Database
from app.db.notify import Listener
from app.settings import Settings
from app.worker import wake
from app.worker.loop import Worker
from app.worker.wake import Wake
from tests.integration.worker.test_loop import DEADLINE_SECONDS, called_on, running
from tests.support import factories

NEVER = Event()


@pytest.fixture
def listener(database: Database) -> Iterator[Listener]:
    with database.notifier.listening() as listening:
        yield listening


def commit(database: Database) -> None:
    """Commit a row and notify, as admission does."""
    factories.trigger(database)
    database.notifier.notify()


def test_a_commit_notifies_the_listener(database: Database, listener: Listener) -> None:
    commit(database)

    assert listener.wait(DEADLINE_SECONDS)


def test_without_a_commit_nothing_is_notified(listener: Listener) -> None:
    assert not listener.wait(0.05)


def test_a_commit_notifies_the_listeners_of_other_processes(
    settings: Settings, listener: Listener
) -> None:
    another = Database(settings)
    for _ in range(20):
        commit(another)

    notified = listener.wait(DEADLINE_SECONDS)
    another.dispose()

    assert notified


def test_the_last_commit_of_a_process_notifies_though_the_process_ends_at_once(
    settings: Settings, listener: Listener
) -> None:
    for _ in range(5):
        short_lived = Database(settings)
        commit(short_lived)
        short_lived.dispose()

        assert listener.wait(DEADLINE_SECONDS)
        while listener.wait(0.05):  # drain its other notifications
            pass


def test_a_listener_can_be_interrupted(listener: Listener) -> None:
    began = time.monotonic()
    listener.interrupt()

    assert not listener.wait(DEADLINE_SECONDS)
    assert time.monotonic() - began < DEADLINE_SECONDS / 2


def break_listener(database: Database) -> None:
    """Break the listener: end every session, or replace the SQLite file."""
    if database.engine.dialect.name == "postgresql":
        others = sa.text(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        with database.reading() as connection:
            connection.execute(others)
        return
    path = Path(database.engine.url.database or "")
    with database.reading() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    copy = path.with_suffix(".copy")
    copy.write_bytes(path.read_bytes())
    copy.replace(path)


def test_a_listener_whose_connection_is_gone_raises(database: Database, listener: Listener) -> None:
    break_listener(database)

    with pytest.raises(database.notifier.troubles):
        listen_on(listener)


def listen_on(listener: Listener) -> None:
    while True:
        listener.wait(0.05)


@pytest.mark.parametrize("kind", ["postgresql"])
def test_a_worker_without_a_listener_polls(
    database: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    failed, settled = Event(), Event()
    monkeypatch.setitem(actions.ACTIONS, "test", lambda _work: "done")
    with (
        called_on("listen_failed", failed.set),
        called_on("attempt", settled.set),
        running(Worker(database, settings)),
    ):
        while not failed.wait(0.05):  # it may not be listening yet
            break_listener(database)
        factories.execution(database, factories.trigger(database, action_type="test"))

        assert settled.wait(DEADLINE_SECONDS)


@pytest.fixture
def sleepy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a sleep that nothing ends last until long after the test failed."""
    monkeypatch.setattr(wake, "POLL_SECONDS", 2 * DEADLINE_SECONDS)


@pytest.mark.usefixtures("sleepy")
def test_a_call_ends_the_sleep_and_is_not_lost_before_it() -> None:
    sleeper = Wake()
    sleeper.begin()
    sleeper.call()

    began = time.monotonic()
    sleeper.sleep(NEVER, None)

    assert time.monotonic() - began < DEADLINE_SECONDS


@pytest.mark.usefixtures("sleepy")
def test_a_sleep_ends_when_something_comes_due() -> None:
    began = time.monotonic()
    Wake().sleep(NEVER, 0.01)

    assert 0.01 <= time.monotonic() - began < DEADLINE_SECONDS


@pytest.mark.usefixtures("sleepy")
def test_a_sleep_ends_when_the_worker_is_told_to_stop() -> None:
    stop = Event()
    stop.set()

    began = time.monotonic()
    Wake().sleep(stop, None)

    assert time.monotonic() - began < DEADLINE_SECONDS
