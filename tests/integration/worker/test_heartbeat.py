"""A worker's heartbeat says that it is alive, and tidies up."""

import threading
import time
from dataclasses import dataclass, replace
from typing import Any

import pytest
import sqlalchemy as sa

from app import clock
from app.db import Database, utc_now
from app.db.models import trigger_breakers, workers
from app.executions import blocks
from app.executions import workers as readings
from app.notifications import observe
from app.settings import Settings
from app.triggers import pausing
from app.worker.heartbeat import STUCK_SECONDS, Heartbeat
from tests.support import factories


@dataclass
class Fake:
    """The state that a worker shows its heartbeat."""

    owner: str = "host:1:aa"
    slots: int = 16
    busy_count: int = 0
    round_at: float = 0.0

    def __post_init__(self) -> None:
        self.round_at = time.monotonic()


@pytest.fixture
def stopping() -> threading.Event:
    return threading.Event()


def rows(database: Database) -> list[Any]:
    with database.reading() as connection:
        return list(connection.execute(sa.select(workers).order_by(workers.c.owner)))


def live(database: Database) -> readings.LiveWorkers:
    with database.reading() as connection:
        return readings.live(connection)


def aged(database: Database, seconds: float) -> None:
    with database.writing() as connection:
        connection.execute(sa.update(workers).values(last_seen_at=utc_now(-seconds)))


def test_each_heartbeat_writes_the_state_of_now(
    database: Database, stopping: threading.Event
) -> None:
    worker = Fake()
    heart = Heartbeat(database, worker, stopping)

    assert heart.beat()
    worker.busy_count = 5
    assert heart.beat()
    assert Heartbeat(database, Fake("host:2:bb", 4), stopping).beat()

    (first, _) = rows(database)
    assert (first.host, first.slots, first.busy, first.stopping) == ("host", 16, 5, False)
    assert live(database).sentence == "2 workers, 20 slots, 5 busy"


def test_a_stopping_worker_is_no_longer_counted_and_then_removed(
    database: Database, stopping: threading.Event
) -> None:
    heart = Heartbeat(database, Fake(), stopping)
    heart.start()
    stopping.set()
    heart.beat()

    assert live(database).count == 0
    assert rows(database)[0].stopping is True
    heart.stop()
    assert rows(database) == []


@pytest.mark.parametrize(("seconds", "count"), [(15, 1), (25, 0)])
def test_a_worker_is_alive_for_twenty_seconds_after_its_last_heartbeat(
    database: Database,
    stopping: threading.Event,
    seconds: float,
    count: int,
) -> None:
    Heartbeat(database, Fake(), stopping).beat()
    aged(database, seconds)

    assert live(database).count == count
    assert live(database).sentence.startswith("1 worker," if count else "no worker is alive")


def test_a_heartbeat_of_a_clock_that_was_set_back_keeps_nobody_alive(
    database: Database, stopping: threading.Event
) -> None:
    Heartbeat(database, Fake("host:9:dead"), stopping).beat()
    aged(database, -3_600)

    assert live(database).count == 0
    with database.reading() as connection:
        (told,) = observe.no_worker(connection, clock.now())
    assert told.kind == "no_worker"


def test_a_worker_that_hangs_has_no_heartbeat(
    database: Database, stopping: threading.Event
) -> None:
    worker = Fake()
    worker.round_at -= STUCK_SECONDS + 1

    assert not Heartbeat(database, worker, stopping).beat()
    assert rows(database) == []


def test_a_heartbeat_survives_a_database_that_is_away(
    settings: Settings, stopping: threading.Event
) -> None:
    away = replace(settings, database_url="sqlite:////nonexistent/hookonce.db")
    database = Database(away)
    try:
        heart = Heartbeat(database, Fake(), stopping)
        heart.start()
        assert not heart.beat()
        heart.stop()
    finally:
        database.dispose()


@pytest.mark.parametrize("seconds", [86_401, -86_500])
def test_the_row_of_a_worker_that_died_a_day_ago_is_removed_whatever_the_clock(
    database: Database, stopping: threading.Event, seconds: float
) -> None:
    Heartbeat(database, Fake("host:9:dead"), stopping).beat()
    aged(database, seconds)

    Heartbeat(database, Fake(), stopping).beat()

    assert [row.owner for row in rows(database)] == ["host:1:aa"]


def test_a_breaker_closes_by_itself_once_nothing_waits_behind_it(
    database: Database, stopping: threading.Event
) -> None:
    kept, running, probed, idle = (factories.trigger(database) for _ in range(4))
    with database.writing() as connection:
        for each, seconds in ((kept, -1), (running, -1), (probed, 60), (idle, -1)):
            values = {"trigger_id": each, "failure_count": 9, "opened_at": utc_now(-60)}
            values["probe_at"] = utc_now(seconds)
            connection.execute(sa.insert(trigger_breakers).values(values))
    factories.execution(database, kept, "retrying", next_attempt_at=utc_now(600))
    factories.execution(database, running, "running")
    factories.execution(database, idle, "failed")

    Heartbeat(database, Fake(), stopping).beat()

    with database.reading() as connection:
        left = connection.execute(sa.select(trigger_breakers.c.trigger_id)).scalars().all()
    assert sorted(left) == sorted([kept, running, probed])


def test_the_pace_of_a_finished_backlog_is_forgotten(
    database: Database, stopping: threading.Event
) -> None:
    trigger_id = factories.trigger(database)
    pausing.pause(database, trigger_id)
    pausing.resume(database, trigger_id, 5)

    Heartbeat(database, Fake(), stopping).beat()

    with database.reading() as connection:
        assert blocks.of_trigger(connection, trigger_id) == blocks.NOTHING
