"""Numbers reach the database once each, also when it is away, crowded, older or rid of its rows."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy import event

from app.db import Database
from app.db.models import (
    ALL_TIME,
    delivery_counts,
    execution_repeats,
    key_mismatches,
    trigger_executions,
)
from app.settings import Settings
from app.stats import counter_store, counter_writer, deliveries, outcomes
from app.stats.counter_writer import CounterWriter
from app.stats.counters import DISTINCT_AT_MOST, NOBODY, CountBatch, Counters, Seen
from tests.support import factories
from tests.support.databases import migrate
from tests.support.service import until

HOUR = datetime(2026, 3, 5, 9, tzinfo=UTC)
DIGEST = "d" * 64


class Hand:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = HOUR

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Hand:
    return Hand()


@pytest.fixture
def counters(clock: Hand) -> Counters:
    return Counters(clock)


@pytest.fixture
def writer(counters: Counters, database: Database) -> CounterWriter:
    return CounterWriter(counters, database, seconds=3600)


def numbers(database: Database) -> dict[tuple[int, str], int]:
    """Of deliveries, all hours together."""
    columns = delivery_counts.c
    query = sa.select(columns.trigger_id, columns.outcome, sa.func.sum(columns.number))
    query = query.where(columns.hour > ALL_TIME, columns.outcome.in_(outcomes.ALL))
    with database.reading() as connection:
        found = connection.execute(query.group_by(columns.trigger_id, columns.outcome))
        return {(trigger_id, outcome): int(number) for trigger_id, outcome, number in found}


def rows(database: Database, table: sa.Table) -> list[tuple[object, ...]]:
    with database.reading() as connection:
        return [tuple(row) for row in connection.execute(sa.select(table).order_by(*table.c))]


def logged(caplog: pytest.LogCaptureFixture, name: str) -> int:
    return sum(getattr(each, "evt", None) == name for each in caplog.records)


def test_numbers_are_added_to_those_that_stand(
    counters: Counters, writer: CounterWriter, database: Database
) -> None:
    for number in (2, 3):
        counters.count(1, outcomes.ACCEPTED, number)
        counters.count(NOBODY, outcomes.UNKNOWN_TRIGGER)
        assert writer.flush()

    assert numbers(database) == {(1, outcomes.ACCEPTED): 5, (NOBODY, outcomes.UNKNOWN_TRIGGER): 2}


def test_each_hour_has_its_own_numbers_newest_first(
    counters: Counters, writer: CounterWriter, database: Database, clock: Hand
) -> None:
    for minutes in (0, 59, 60):
        clock.now = HOUR + timedelta(minutes=minutes)
        counters.count(1, outcomes.ACCEPTED)
        counters.count(2, outcomes.FILTERED)
    writer.flush()

    with database.reading() as connection:
        of_one = deliveries.counts(connection, HOUR, trigger_id=1)
        since_ten = deliveries.counts(connection, HOUR + timedelta(minutes=61))
    assert [(row.hour, row.number) for row in of_one] == [(HOUR + timedelta(hours=1), 1), (HOUR, 2)]
    assert [(row.hour, row.trigger_id, row.outcome) for row in since_ten] == [
        (HOUR + timedelta(hours=1), 1, outcomes.ACCEPTED),
        (HOUR + timedelta(hours=1), 2, outcomes.FILTERED),
    ]


def test_what_came_again_says_how_often_and_when_last(
    counters: Counters, writer: CounterWriter, database: Database, clock: Hand
) -> None:
    execution_id = factories.execution(database, factories.trigger(database))
    for minute in (1, 2, 3):
        clock.now = HOUR + timedelta(minutes=minute)
        counters.repeat(execution_id, DIGEST if minute > 1 else None)
        writer.flush()

    with database.reading() as connection:
        repeats = deliveries.repeats_of(connection, execution_id)
        (mismatch,) = deliveries.mismatches_of(connection, execution_id)
    assert repeats is not None
    assert tuple(repeats) == (3, HOUR + timedelta(minutes=3))
    assert (mismatch.execution_id, mismatch.digest, mismatch.number) == (execution_id, DIGEST, 2)
    assert mismatch.first_at == HOUR + timedelta(minutes=2)
    assert mismatch.last_at == HOUR + timedelta(minutes=3)


def test_numbers_that_come_late_do_not_turn_time_back(database: Database, clock: Hand) -> None:
    trigger_id = factories.trigger(database)
    execution_id = factories.execution(database, trigger_id)
    for minute in (5, 1):
        clock.now = HOUR + timedelta(minutes=minute)
        late = Counters(clock)
        late.repeat(execution_id, DIGEST)
        CounterWriter(late, database, 3600).flush()

    first, last = HOUR + timedelta(minutes=1), HOUR + timedelta(minutes=5)
    assert rows(database, execution_repeats) == [(execution_id, 2, last, trigger_id)]
    assert rows(database, key_mismatches) == [(execution_id, DIGEST, 2, first, last, trigger_id)]


def test_an_execution_that_is_gone_takes_its_own_numbers_along_and_no_others(
    counters: Counters, writer: CounterWriter, database: Database
) -> None:
    trigger_id = factories.trigger(database)
    gone, stays = (factories.execution(database, trigger_id) for _ in range(2))
    for execution_id in (gone, stays):
        counters.repeat(execution_id, DIGEST)
    counters.count(trigger_id, outcomes.MISMATCH, 2)
    with database.writing() as connection:
        gone_now = trigger_executions.c.id == gone
        connection.execute(sa.delete(trigger_executions).where(gone_now))

    assert writer.flush()

    assert numbers(database) == {(trigger_id, outcomes.MISMATCH): 2}
    assert [row[0] for row in rows(database, execution_repeats)] == [stays]
    assert [row[0] for row in rows(database, key_mismatches)] == [stays]


@pytest.mark.parametrize("kind", ["postgresql"], indirect=True)
def test_an_execution_that_is_locked_is_not_waited_for_and_counted_later(
    counters: Counters, writer: CounterWriter, database: Database
) -> None:
    trigger_id = factories.trigger(database)
    locked, free = (factories.execution(database, trigger_id) for _ in range(2))
    for execution_id in (locked, free):
        counters.repeat(execution_id, DIGEST)

    with database.writing() as connection:
        held = trigger_executions.c.id == locked
        connection.execute(sa.select(trigger_executions.c.id).where(held).with_for_update())
        done = writer.flush()
        meanwhile = [row[0] for row in rows(database, execution_repeats)]

    assert not done
    assert meanwhile == [free]
    assert writer.flush()
    assert [row[:2] for row in rows(database, execution_repeats)] == [(locked, 1), (free, 1)]
    assert [row[:3] for row in rows(database, key_mismatches)] == [
        (locked, DIGEST, 1),
        (free, DIGEST, 1),
    ]


def test_a_named_id_counts_under_its_trigger_or_under_nobodys(
    counters: Counters, writer: CounterWriter, database: Database
) -> None:
    trigger_id = factories.trigger(database)
    for named in (trigger_id, 4711, 4712, NOBODY):
        counters.count_claimed(named, outcomes.TOO_LARGE)
    counters.count(NOBODY, outcomes.TOO_LARGE)

    writer.flush()

    assert numbers(database) == {
        (trigger_id, outcomes.TOO_LARGE): 1,
        (NOBODY, outcomes.TOO_LARGE): 4,
    }


def test_as_much_as_there_is_room_for_goes_in_at_once(
    counters: Counters, writer: CounterWriter, database: Database
) -> None:
    for number in range(DISTINCT_AT_MOST):
        counters.count(number, outcomes.ACCEPTED)
        counters.count_claimed(number, outcomes.ACCEPTED)
        counters.repeat(number, DIGEST)
        counters.repeat(-number)

    assert writer.flush()

    assert sum(numbers(database).values()) == 2 * DISTINCT_AT_MOST


def test_what_was_dropped_is_said(
    counters: Counters,
    writer: CounterWriter,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("app.stats.counters.DISTINCT_AT_MOST", 1)
    counters.count(1, outcomes.ACCEPTED)
    counters.count(2, outcomes.ACCEPTED, 7)

    assert writer.flush()
    assert writer.flush()

    (record,) = [each for each in caplog.records if getattr(each, "evt", "") == "counts_dropped"]
    assert record.fields == {"number": 7}


def test_nothing_to_write_asks_the_database_nothing(
    writer: CounterWriter, database: Database
) -> None:
    asked: list[str] = []
    event.listen(database.engine, "before_cursor_execute", lambda *given: asked.append(given[2]))

    assert writer.flush()

    assert asked == []


def test_a_database_that_is_locked_gets_the_numbers_later_and_that_is_said_once(
    counters: Counters,
    settings: Settings,
    database: Database,
    kind: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    hasty = Database(replace(settings, hookonce_database_timeout_seconds=0.5))
    writer = CounterWriter(counters, hasty, 3600)
    counters.count(1, outcomes.ACCEPTED)

    with database.writing() as connection:
        if kind == "postgresql":
            connection.exec_driver_sql("LOCK TABLE delivery_counts IN ACCESS EXCLUSIVE MODE")
        tries = [writer.flush() for _ in range(3)]
        counters.count(1, outcomes.ACCEPTED)

    assert tries == [False, False, False]
    assert writer.flush()
    hasty.dispose()
    assert numbers(database) == {(1, outcomes.ACCEPTED): 2}
    assert logged(caplog, "counter_flush_postponed") == 1


def test_an_older_schema_gets_the_numbers_once_it_has_a_place_for_them(
    counters: Counters, writer: CounterWriter, database: Database, database_url: str
) -> None:
    migrate(database_url, to="0013", down=True)
    counters.count(1, outcomes.ACCEPTED)
    before = writer.flush()
    migrate(database_url)
    counters.count(1, outcomes.ACCEPTED)
    writer._schema.forget()

    assert not before
    assert writer.flush()
    assert numbers(database) == {(1, outcomes.ACCEPTED): 2}


def test_a_schema_that_loses_the_place_meanwhile_costs_nothing(
    counters: Counters, writer: CounterWriter, database: Database, database_url: str
) -> None:
    counters.count(1, outcomes.ACCEPTED)
    writer.flush()
    migrate(database_url, to="0013", down=True)
    counters.count(1, outcomes.ACCEPTED)
    meanwhile = writer.flush()
    migrate(database_url)

    assert not meanwhile
    until(writer.flush, "the writer to see the schema, at which it looks once a second")
    assert numbers(database) == {(1, outcomes.ACCEPTED): 2}


@pytest.mark.parametrize("refusing", ["execution_repeats", "key_mismatches"])
def test_a_constraint_of_the_operators_own_costs_the_other_numbers_nothing(
    counters: Counters,
    writer: CounterWriter,
    database: Database,
    caplog: pytest.LogCaptureFixture,
    refusing: str,
) -> None:
    with database.writing() as connection:
        connection.exec_driver_sql(f"CREATE UNIQUE INDEX their_own ON {refusing} (number)")
    trigger_id = factories.trigger(database)
    for _ in range(2):
        counters.repeat(factories.execution(database, trigger_id), DIGEST)
    counters.count(trigger_id, outcomes.MISMATCH, 2)

    assert writer.flush()

    assert numbers(database) == {(trigger_id, outcomes.MISMATCH): 2}
    assert "their_own" in caplog.text or "UNIQUE" in caplog.text


@pytest.mark.parametrize(("triggers", "executions"), [(20, 0), (0, 20)])
def test_writers_that_write_at_once_add_up_and_never_block_each_other_for_good(
    database: Database, clock: Hand, triggers: int, executions: int
) -> None:
    trigger_ids = range(1, triggers + 1)
    theirs = factories.trigger(database)
    execution_ids = [factories.execution(database, theirs) for _ in range(executions)]
    together = threading.Barrier(4)

    def write(backwards: bool) -> None:
        counters = Counters(clock)
        writer = CounterWriter(counters, database, 3600)
        together.wait(120)
        for _ in range(10):
            for trigger_id in reversed(trigger_ids) if backwards else trigger_ids:
                counters.count(trigger_id, outcomes.DUPLICATE)
            for execution_id in reversed(execution_ids) if backwards else execution_ids:
                counters.repeat(execution_id, DIGEST)
            assert writer.flush()

    with ThreadPoolExecutor(4) as pool:
        for each in [pool.submit(write, number % 2 == 0) for number in range(4)]:
            each.result()

    assert list(numbers(database).values()) == [40] * triggers
    assert [row[1] for row in rows(database, execution_repeats)] == [40] * executions
    assert [row[2] for row in rows(database, key_mismatches)] == [40] * executions


def test_the_thread_writes_without_being_asked_and_the_rest_at_the_end(
    counters: Counters, database: Database
) -> None:
    writer = CounterWriter(counters, database, seconds=0.05)
    writer.start()
    counters.count(1, outcomes.ACCEPTED)
    until(lambda: numbers(database) == {(1, outcomes.ACCEPTED): 1}, "a number written down")
    counters.count(1, outcomes.ACCEPTED)

    writer.stop()

    assert numbers(database) == {(1, outcomes.ACCEPTED): 2}


def test_a_thread_that_is_told_to_stop_writes_all_though_it_was_not_due(
    counters: Counters, writer: CounterWriter, database: Database
) -> None:
    writer.start()
    counters.count(1, outcomes.ACCEPTED)

    writer.stop()

    assert numbers(database) == {(1, outcomes.ACCEPTED): 1}


def test_mismatches_are_listed_newest_first_with_both_digests(
    counters: Counters, writer: CounterWriter, database: Database
) -> None:
    one, two = factories.trigger(database, slug="one"), factories.trigger(database)
    given = {"idempotency_key": "k-1", "payload_digest": "a" * 64}
    first, second = (factories.execution(database, each, **given) for each in (one, two))
    for execution_id in (first, second):
        counters.repeat(execution_id, DIGEST)
    writer.flush()

    with database.reading() as connection:
        every = deliveries.mismatches(connection, 10)
        newest = deliveries.mismatches(connection, 1)
        (of_one,) = deliveries.mismatches(connection, 10, trigger_id=one)
    assert [row.execution_id for row in every] == [second, first]
    assert [row.execution_id for row in newest] == [second]
    assert (of_one.slug, of_one.idempotency_key) == ("one", "k-1")
    assert (of_one.digest_admitted, of_one.digest_came) == ("a" * 64, DIGEST)


@pytest.mark.parametrize("kind", ["postgresql"])
def test_the_last_numbers_are_written_though_the_connection_broke_while_nothing_was_asked(
    writer: CounterWriter, counters: Counters, database: Database
) -> None:
    trigger_id = factories.trigger(database)
    counters.count(trigger_id, outcomes.ACCEPTED)
    other = sa.create_engine(database.engine.url, isolation_level="AUTOCOMMIT")
    with other.connect() as connection:
        connection.exec_driver_sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE pid <> pg_backend_pid() AND datname = current_database()"
        )
    other.dispose()

    writer.stop()

    assert numbers(database) == {(trigger_id, outcomes.ACCEPTED): 1}


def test_any_number_of_repeated_executions_makes_few_statement_texts(
    database: Database,
) -> None:
    trigger_id = factories.trigger(database)
    execution_ids = [factories.execution(database, trigger_id) for _ in range(20)]
    texts: set[str] = set()

    def note(_connection: object, _cursor: object, text: str, *_: object) -> None:
        texts.add(text)

    event.listen(database.engine, "before_cursor_execute", note)
    with database.writing() as connection:
        for number in range(1, 21):
            batch = CountBatch(repeats=dict.fromkeys(execution_ids[:number], Seen(1, HOUR, HOUR)))
            counter_store.sightings(connection, batch)
            gone = {-execution_id: seen for execution_id, seen in batch.repeats.items()}
            assert counter_store.sightings(connection, CountBatch(repeats=gone)) == CountBatch()
    event.remove(database.engine, "before_cursor_execute", note)

    assert [number for _, number, *_ in rows(database, execution_repeats)] == [*range(20, 0, -1)]
    assert len(texts) <= 13, "of six lengths each: rows to lock, rows to look for; and one upsert"


def test_a_process_that_stops_does_not_wait_for_a_write_that_takes_long(
    writer: CounterWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counter_writer, "LAST_SECONDS", 0.2)
    stopping = threading.Thread(target=writer.stop, daemon=True)

    with writer._one_at_a_time:  # as the writer's own thread holds it while the database is slow
        stopping.start()
        stopping.join(120)
        assert not stopping.is_alive()
