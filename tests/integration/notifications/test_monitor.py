"""Conditions are noticed once, notified once to each channel, and again when they are over."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from app import alerting
from app.db import Database, utc_now
from app.db.models import (
    notification_channels,
    notification_messages,
    notification_states,
    trigger_breakers,
    workers,
)
from app.notifications import channels, observe, outbox, states
from app.notifications.channels import NewChannel
from app.notifications.monitor import Monitor
from app.settings import Settings
from tests.support import factories
from tests.support.sink import Sink

NOW = alerting.read("pause=1,round=1,disk_free=1")


@pytest.fixture
def quick(settings: Settings) -> Settings:
    return replace(settings, hookonce_notify=NOW)


@pytest.fixture
def worker(database: Database, quick: Settings, monkeypatch: pytest.MonkeyPatch) -> Monitor:
    """A monitor of a worker, whose messages wait for no others."""
    monkeypatch.setattr(outbox, "COALESCE_SECONDS", 0.0)
    return Monitor(database, quick)


def channel(database: Database, sink: Sink, name: str = "ops", **more: Any) -> int:
    row, _ = channels.add(database, NewChannel(name, "webhook", f"{sink.url}/hook", **more))
    return int(row.id)


def look_again(database: Database) -> None:
    """Let the next look and the next message be due, as if a minute had passed."""
    past = utc_now(-61)
    with database.writing() as connection:
        connection.execute(sa.update(notification_states).values(seen_at=past))
        connection.execute(
            sa.update(notification_channels).values(next_send_at=past, lease_expires_at=None)
        )


def set_clock_back(database: Database) -> None:
    """Move what was written so far an hour and more into the future."""
    ahead = utc_now(7_200)
    with database.writing() as connection:
        connection.execute(sa.update(notification_states).values(seen_at=ahead))
        connection.execute(sa.update(notification_messages).values(created_at=ahead))
        connection.execute(
            sa.update(notification_channels).values(next_send_at=ahead, lease_expires_at=ahead)
        )


def open_breaker(database: Database, trigger_id: int, failures: int = 10) -> None:
    with database.writing() as connection:
        connection.execute(
            sa.insert(trigger_breakers).values(
                trigger_id=trigger_id,
                failure_count=failures,
                opened_at=utc_now(),
                probe_at=utc_now(30),
            )
        )


def close_breakers(database: Database) -> None:
    with database.writing() as connection:
        connection.execute(sa.delete(trigger_breakers))


def beat(database: Database, seconds: float = 0.0) -> None:
    """Write the heartbeat of a worker, some seconds from now."""
    row = {"owner": "w", "host": "h", "pid": 1, "version": "1", "slots": 1, "busy": 0}
    with database.writing() as connection:
        connection.execute(sa.delete(workers))
        moments = {"started_at": utc_now(-999), "last_seen_at": utc_now(seconds)}
        connection.execute(sa.insert(workers).values({**row, **moments}))


def news(sink: Sink) -> list[tuple[str, str]]:
    """Return (event, condition) of everything that the sink was sent."""
    bodies = [json.loads(each.body)["data"]["notifications"] for each in sink.received]
    return [(each["event"], each["condition"]) for body in bodies for each in body]


def test_a_breaker_that_opens_and_closes_is_notified_twice(
    database: Database, worker: Monitor, sink: Sink
) -> None:
    channel(database, sink)
    open_breaker(database, factories.trigger(database, name="Orders"))

    worker.run_once()
    look_again(database)
    worker.run_once()
    close_breakers(database)
    look_again(database)
    worker.run_once()

    assert news(sink) == [("began", "breaker_open"), ("over", "breaker_open")]
    began = json.loads(sink.received[0].body)["data"]
    assert began["title"].startswith("The circuit breaker of Orders is open: its target failed 10")
    assert began["notifications"][0]["url"].endswith("/triggers/1")


def test_two_workers_notify_once(
    database: Database, quick: Settings, worker: Monitor, sink: Sink
) -> None:
    channel(database, sink)
    open_breaker(database, factories.trigger(database))
    other = Monitor(database, quick)

    worker.run_once()
    other.run_once()

    assert news(sink) == [("began", "breaker_open")]


def test_of_processes_that_look_at_once_one_stores_what_it_sees(database: Database) -> None:
    taken = []
    for _ in range(2):
        with database.writing() as connection:
            now = connection.execute(sa.select(utc_now())).scalar_one()
            taken += [
                states.take_round(connection, now, timedelta(seconds=60)),
                states.take_round(connection, now + timedelta(seconds=61), timedelta(seconds=60)),
            ]

    assert taken == [True, True, False, False]


def test_what_begins_together_is_one_message_and_the_next_waits(
    database: Database, worker: Monitor, sink: Sink
) -> None:
    channel(database, sink)
    for _ in range(3):
        open_breaker(database, factories.trigger(database))
    worker.run_once()
    open_breaker(database, factories.trigger(database))
    with database.writing() as connection:
        connection.execute(sa.update(notification_states).values(seen_at=utc_now(-61)))
        connection.execute(sa.update(notification_channels).values(next_send_at=utc_now(600)))

    worker.run_once()

    assert len(sink.received) == 1
    assert len(news(sink)) == 3
    with database.reading() as connection:
        assert [row.waiting for row in channels.every(connection)] == [1]


def test_a_channel_of_a_trigger_or_of_a_condition_is_told_of_nothing_else(
    database: Database, worker: Monitor, sink: Sink
) -> None:
    mine, other = factories.trigger(database), factories.trigger(database)
    channel(database, sink, "mine", trigger_id=mine)
    channel(database, sink, "workers", conditions=["no_worker"])
    open_breaker(database, mine)
    open_breaker(database, other)

    worker.run_once()

    (received,) = (json.loads(each.body)["data"]["notifications"] for each in sink.received)
    assert [each["trigger_id"] for each in received] == [mine]


def test_a_failed_message_is_kept_and_tried_again_under_its_id(
    database: Database, worker: Monitor, sink: Sink
) -> None:
    sink.status = 503
    channel_id = channel(database, sink)
    open_breaker(database, factories.trigger(database))

    worker.run_once()
    with database.reading() as connection:
        failed = channels.find(connection, channel_id)
    sink.status = 200
    look_again(database)
    worker.run_once()
    with database.reading() as connection:
        sent = channels.find(connection, channel_id)

    assert (failed.failure_count, sent.failure_count) == (1, 0)
    assert failed.last_error.endswith("answered HTTP 503")
    assert (sent.last_error, sent.last_sent_at is not None) == (None, True)
    ids = [each.headers["webhook-id"] for each in sink.received]
    assert len(ids) == 2
    assert len(set(ids)) == 1


@pytest.mark.parametrize(("asked", "waited"), [("300", 300), ("9999999", 1_800), ("soon", 15)])
def test_a_channel_that_asks_to_be_left_alone_is_tried_no_earlier(
    database: Database, worker: Monitor, sink: Sink, asked: str, waited: float
) -> None:
    sink.status, sink.headers = 429, {"Retry-After": asked}
    channel_id = channel(database, sink)
    open_breaker(database, factories.trigger(database))

    worker.run_once()

    with database.reading() as connection:
        failed = channels.find(connection, channel_id)
    wait = (failed.next_send_at - failed.last_error_at).total_seconds()
    assert wait == pytest.approx(waited, abs=10)


def test_a_test_sends_at_once_what_a_channel_did_not_take(
    database: Database, worker: Monitor, sink: Sink
) -> None:
    sink.status = 503
    channel_id = channel(database, sink)
    open_breaker(database, factories.trigger(database))
    worker.run_once()
    sink.status = 200
    assert worker.run_once() == 0  # it is not time for the next try

    outbox.note_test(database, channel_id, "timed out")
    still_failing = worker.run_once()
    outbox.note_test(database, channel_id, None)

    assert (still_failing, worker.run_once()) == (0, 1)


def test_a_batch_whose_worker_was_killed_is_sent_by_the_next_one(
    database: Database, worker: Monitor, sink: Sink
) -> None:
    channel_id = channel(database, sink)
    open_breaker(database, factories.trigger(database))
    worker._look()
    with database.writing() as connection:
        taken = outbox.take(connection, channel_id, database.secret_box)
    worker.run_once()
    assert taken
    assert sink.received == []  # the lease of the killed worker lasts

    look_again(database)
    worker.run_once()

    assert [each.headers["webhook-id"] for each in sink.received] == [taken.id]


def test_a_worker_that_comes_late_settles_nothing(
    database: Database, worker: Monitor, sink: Sink
) -> None:
    channel_id = channel(database, sink)
    open_breaker(database, factories.trigger(database))
    worker._look()
    with database.writing() as connection:
        late = outbox.take(connection, channel_id, database.secret_box)
    look_again(database)
    with database.writing() as connection:
        outbox.take(connection, channel_id, database.secret_box)

    assert late
    assert not outbox.settle(database, late, None, 1)
    with database.reading() as connection:
        unsent = sa.select(notification_messages).where(notification_messages.c.sent_at.is_(None))
        assert len(connection.execute(unsent).all()) == 1


def test_a_condition_that_flutters_is_over_only_after_a_minute(
    database: Database, worker: Monitor, sink: Sink
) -> None:
    channel(database, sink)
    overdue = factories.execution(
        database, factories.trigger(database), next_attempt_at=utc_now(-600)
    )
    worker.run_once()
    with database.writing() as connection:
        connection.execute(
            sa.text("UPDATE trigger_executions SET next_attempt_at = NULL WHERE id = :id"),
            {"id": overdue},
        )
        round_row = notification_states.c.kind == states.ROUND
        long_ago = sa.update(notification_states).where(round_row)
        connection.execute(long_ago.values(seen_at=utc_now(-61)))
    worker.run_once()
    assert news(sink) == [("began", "oldest_waiting")]

    look_again(database)
    worker.run_once()

    assert news(sink) == [("began", "oldest_waiting"), ("over", "oldest_waiting")]


def test_a_channel_that_replaces_another_is_notified_of_what_lasts_and_of_its_end(
    database: Database, worker: Monitor, sink: Sink
) -> None:
    channel(database, sink, "old")
    open_breaker(database, factories.trigger(database))
    worker.run_once()
    channels.remove(database, "old")
    channel(database, sink, "new")

    for _ in range(2):
        look_again(database)
        worker.run_once()
    close_breakers(database)
    look_again(database)
    worker.run_once()

    assert [event for event, _ in news(sink)] == ["began", "began", "over"]


def test_a_new_channel_is_notified_once_though_the_clock_was_set_back(
    database: Database, worker: Monitor, sink: Sink
) -> None:
    channel(database, sink, "old")
    open_breaker(database, factories.trigger(database))
    worker.run_once()
    with database.writing() as connection:
        ahead = sa.update(notification_states).where(notification_states.c.kind != states.ROUND)
        connection.execute(ahead.values(notified_at=utc_now(1_800)))
        later = sa.update(notification_messages).values(created_at=utc_now(1_800))
        connection.execute(later)
    channel(database, sink, "new")

    for _ in range(3):
        look_again(database)
        worker.run_once()

    assert [event for event, _ in news(sink)] == ["began", "began"]


def test_a_clock_that_is_set_back_silences_nobody(
    database: Database, worker: Monitor, sink: Sink
) -> None:
    channel(database, sink)
    open_breaker(database, factories.trigger(database))
    worker.run_once()
    close_breakers(database)
    open_breaker(database, factories.trigger(database))
    set_clock_back(database)

    worker.run_once()
    set_clock_back(database)
    close_breakers(database)
    worker.run_once()

    assert [event for event, _ in news(sink)] == ["began", "began", "over", "over"]


def test_a_message_that_waits_is_sent_though_the_clock_is_set_back(
    database: Database, worker: Monitor, sink: Sink
) -> None:
    channel(database, sink)
    open_breaker(database, factories.trigger(database))
    sink.status = 503
    worker.run_once()
    sink.status = 200
    set_clock_back(database)

    worker.run_once()

    assert [event for event, _ in news(sink)] == ["began", "began"]


def test_a_removed_trigger_is_not_said_to_be_well(
    database: Database, worker: Monitor, sink: Sink
) -> None:
    channel(database, sink)
    trigger_id = factories.trigger(database)
    open_breaker(database, trigger_id)
    worker.run_once()
    with database.writing() as connection:
        connection.execute(sa.text("DELETE FROM triggers WHERE id = :id"), {"id": trigger_id})

    look_again(database)
    worker.run_once()

    assert news(sink) == [("began", "breaker_open")]
    with database.reading() as connection:
        assert states.lasting(connection) == []


def test_a_condition_that_lasts_or_grows_is_notified_again(
    database: Database, worker: Monitor, sink: Sink
) -> None:
    channel(database, sink)
    trigger_id = factories.trigger(database)
    open_breaker(database, trigger_id, failures=10)
    worker.run_once()
    for change in ({"failure_count": 99}, {"failure_count": 100}):
        with database.writing() as connection:
            connection.execute(sa.update(trigger_breakers).values(change))
        look_again(database)
        worker.run_once()
    with database.writing() as connection:
        long_ago = utc_now(-NOW.again)
        connection.execute(sa.update(notification_states).values(notified_at=long_ago))
    look_again(database)
    worker.run_once()

    assert news(sink) == [("began", "breaker_open"), *[("lasts", "breaker_open")] * 2]


def test_a_receiver_notifies_that_no_worker_runs_and_a_worker_that_one_does(
    database: Database, quick: Settings, worker: Monitor, sink: Sink
) -> None:
    channel(database, sink)
    receiver = Monitor(database, quick, of_worker=False)
    receiver.run_once()
    assert sink.received == []  # a worker may still be starting

    receiver._began_at -= observe.ABSENT_SECONDS
    receiver.run_once()
    beat(database)
    look_again(database)
    receiver.run_once()
    assert news(sink) == [("began", "no_worker")]  # with a worker alive it leaves all to it

    worker.run_once()
    assert news(sink) == [("began", "no_worker"), ("over", "no_worker")]


def test_a_worker_whose_heartbeat_stopped_a_moment_ago_may_be_restarting(
    database: Database, quick: Settings, sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "COALESCE_SECONDS", 0.0)
    channel(database, sink)
    receiver = Monitor(database, quick, of_worker=False)
    receiver._began_at -= observe.ABSENT_SECONDS
    for seconds in (60, 91):
        beat(database, -seconds)
        look_again(database)
        receiver.run_once()
        assert len(sink.received) == (seconds > observe.ABSENT_SECONDS)


def test_while_the_database_is_away_a_worker_notifies_from_memory(
    database: Database, worker: Monitor, sink: Sink
) -> None:
    channel(database, sink)
    worker.run_once()
    outage = worker._outage

    for second in (0.0, 59.0, 60.0, 61.0):
        outage.failed(second)
    outage.ended(62.0)
    outage.ended(63.0)

    assert news(sink) == [("began", "database"), ("over", "database")]


def test_what_a_channel_does_not_take_while_the_database_is_away_is_sent_again(
    database: Database, worker: Monitor, sink: Sink
) -> None:
    channel(database, sink)
    worker.run_once()
    outage = worker._outage

    outage.failed(0.0)
    sink.status = 503
    for second in (60.0, 74.0, 75.0, 104.0):
        outage.failed(second)
    sink.status = 200
    outage.failed(105.0)
    sink.status = 503
    outage.ended(106.0)
    sink.status = 200
    for second in (120.0, 121.0, 180.0):
        outage.ended(second)

    assert news(sink) == [*[("began", "database")] * 3, *[("over", "database")] * 2]
    assert len({each.headers["webhook-id"] for each in sink.received}) == 2


def test_without_a_channel_nothing_is_written(database: Database, worker: Monitor) -> None:
    open_breaker(database, factories.trigger(database))

    worker.run_once()

    with database.reading() as connection:
        assert connection.execute(sa.select(notification_states)).all() == []


def test_old_messages_are_removed(database: Database, worker: Monitor, sink: Sink) -> None:
    channel(database, sink)
    open_breaker(database, factories.trigger(database))
    worker.run_once()
    with database.writing() as connection:
        now = connection.execute(sa.select(utc_now())).scalar_one()
        kept = outbox.prune(connection, now + timedelta(days=outbox.KEEP_DAYS - 1))
        removed = outbox.prune(connection, now + timedelta(days=outbox.KEEP_DAYS + 1))

    assert (kept, removed) == (0, 1)
