"""A worker that sleeps hears of what is committed, and does without when it hears nothing."""

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
from app.worker.loop import Worker
from app.worker.wake import DEAF_SECONDS, HEARING_SECONDS, Wake
from tests.integration.worker.test_loop import DEADLINE_SECONDS, called_on, running
from tests.support import factories

NEVER = Event()


@pytest.fixture
def listener(database: Database) -> Iterator[Listener]:
    with database.notifier.listening() as listening:
        yield listening


def commit(database: Database) -> None:
    """As whoever admits an execution does."""
    factories.trigger(database)
    database.notifier.notify()


def test_what_is_committed_is_heard(database: Database, listener: Listener) -> None:
    commit(database)

    assert listener.wait(DEADLINE_SECONDS)


def test_silence_is_not_heard(listener: Listener) -> None:
    assert not listener.wait(0.05)


def test_what_one_process_commits_another_hears_as_well(
    settings: Settings, listener: Listener
) -> None:
    another = Database(settings)
    for _ in range(20):
        commit(another)

    heard = listener.wait(DEADLINE_SECONDS)
    another.dispose()

    assert heard


def test_what_a_process_commits_last_is_heard_though_it_ends_at_once(
    settings: Settings, listener: Listener
) -> None:
    for _ in range(5):
        short_lived = Database(settings)
        commit(short_lived)
        short_lived.dispose()

        assert listener.wait(HEARING_SECONDS)
        while listener.wait(0.05):  # what else it rang
            pass


def test_a_listener_can_be_interrupted(listener: Listener) -> None:
    began = time.monotonic()
    listener.interrupt()

    assert not listener.wait(DEADLINE_SECONDS)
    assert time.monotonic() - began < DEADLINE_SECONDS / 2


def deafen(database: Database) -> None:
    """Ends every session with the database, or puts another file in its place."""
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


def test_a_listener_whose_connection_is_gone_says_so(
    database: Database, listener: Listener
) -> None:
    deafen(database)

    with pytest.raises(database.notifier.troubles):
        listen_on(listener)


def listen_on(listener: Listener) -> None:
    while True:
        listener.wait(0.05)


@pytest.mark.parametrize("kind", ["postgresql"])
def test_a_worker_that_hears_nothing_any_more_looks_by_itself(
    database: Database, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    deaf, settled = Event(), Event()
    monkeypatch.setitem(actions.ACTIONS, "test", lambda _work: "done")
    with (
        called_on("worker_deaf", deaf.set),
        called_on("attempt", settled.set),
        running(Worker(database, settings)),
    ):
        while not deaf.wait(0.05):  # it may not be listening yet
            deafen(database)
        factories.execution(database, factories.trigger(database, action_type="test"))

        assert settled.wait(DEADLINE_SECONDS)


def test_a_call_ends_the_sleep_and_is_not_lost_before_it() -> None:
    wake = Wake()
    wake.begin()
    wake.call()

    began = time.monotonic()
    wake.sleep(NEVER, None)

    assert time.monotonic() - began < DEAF_SECONDS


def test_a_sleep_ends_when_something_comes_due() -> None:
    wake = Wake()

    began = time.monotonic()
    wake.sleep(NEVER, 0.01)

    assert 0.01 <= time.monotonic() - began < HEARING_SECONDS


def test_a_sleep_ends_when_the_worker_is_told_to_stop() -> None:
    stop = Event()
    stop.set()

    began = time.monotonic()
    Wake().sleep(stop, HEARING_SECONDS)

    assert time.monotonic() - began < HEARING_SECONDS
