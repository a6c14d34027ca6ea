"""The journal has each delivery that became no execution, within its bounds and without secrets."""

import json
import threading
import time
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa

from app.db import Database, time_limit
from app.db.models import delivery_journal, triggers
from app.db.schema import SchemaWatch
from app.errors import HookonceError
from app.executions import prune, retention_queries
from app.intake.journal import queue, store
from app.intake.journal import writer as journal_writer
from app.intake.journal.writer import JournalWriter
from app.intake.receive import Intake, receive
from app.settings import Settings
from app.stats import outcomes
from app.stats.counters import JOURNAL_DROPPED, NOBODY, Counters
from tests.support import factories
from tests.support.databases import migrate
from tests.support.samples import SECRET, Sent, signed

BODY = b'{"event": "order.paid", "messageId": "m-1", "number": 7}'


@pytest.fixture
def counters() -> Counters:
    return Counters()


@pytest.fixture
def writer(intake: Intake, database: Database, counters: Counters) -> JournalWriter:
    return made_writer(intake, database, counters)


def made_writer(
    intake: Intake, database: Database, counters: Counters, most_bytes: int = 10_000_000
) -> JournalWriter:
    schema = SchemaWatch(database)
    return JournalWriter(
        intake.journal, database, counters, schema, seconds=3600, most_bytes=most_bytes
    )


def entries(database: Database) -> list[Any]:
    query = sa.select(delivery_journal).order_by(delivery_journal.c.id)
    with database.reading() as connection:
        return list(connection.execute(query))


def deliver(intake: Intake, sent: Sent, trigger_id: int | str, **given: Any) -> bool:
    """Receive the request; return False if it was refused."""
    try:
        receive(replace(factories.request(sent, trigger_id), **given), intake)
    except HookonceError:
        return False
    return True


def ours(body: bytes) -> Sent:
    return signed("custom", Sent({"Content-Type": "application/json"}, body))


def forged(body: bytes = BODY) -> Sent:
    return Sent(ours(b"another body").headers, body)


def codes(row: Any) -> list[str]:
    return [each["code"] for each in json.loads(row.diagnosis or "[]")]


def test_a_refusal_is_kept_with_its_body_and_its_diagnosis(
    intake: Intake, writer: JournalWriter, database: Database
) -> None:
    trigger_id = factories.trigger(database)

    assert not deliver(intake, forged(), trigger_id, address="203.0.113.9")
    assert writer.flush()

    (row,) = entries(database)
    assert (row.trigger_id, row.outcome) == (trigger_id, outcomes.BAD_SIGNATURE)
    assert (row.address, row.size, row.body, row.body_kept) == (
        "203.0.113.9",
        len(BODY),
        BODY,
        "whole",
    )
    assert codes(row) == ["unexplained"]
    assert "x-webhook-signature" not in row.headers
    assert SECRET not in str(row)


def test_every_delivery_without_an_execution_has_its_entry_and_no_other(
    intake: Intake, writer: JournalWriter, database: Database
) -> None:
    trigger_id = factories.trigger(database, event_filter='{"event": "order.*"}')
    other = b'{"event": "order.paid", "messageId": "m-1", "number": 8}'
    filtered = b'{"event": "invoice", "messageId": "m-2"}'
    malformed = b'{"event": '

    for body in (BODY, BODY, other, filtered, malformed):
        deliver(intake, ours(body), trigger_id)
    writer.flush()

    (execution,) = factories.executions(database)
    rows = entries(database)
    assert [row.outcome for row in rows] == [
        outcomes.DUPLICATE,
        outcomes.MISMATCH,
        outcomes.FILTERED,
        outcomes.MALFORMED,
    ]
    duplicate, mismatch, dropped, broken = rows
    assert (duplicate.idempotency_key, duplicate.execution_id) == ("m-1", execution.id)
    assert (duplicate.body, duplicate.digest) == (None, None)
    assert (mismatch.execution_id, len(mismatch.digest)) == (execution.id, 64)
    assert (dropped.body, dropped.body_kept, dropped.events) == (filtered, "whole", 1)
    assert (broken.body, broken.body_kept) == (malformed, "partial")
    assert "JSON" in broken.detail or "line 1" in broken.detail


def test_an_unknown_address_leaves_nothing(
    intake: Intake, writer: JournalWriter, database: Database
) -> None:
    for address in ("4711", "no-id", "2147483647"):
        assert not deliver(intake, forged(), address)

    assert not intake.journal.take()
    assert writer.flush()
    assert entries(database) == []


def test_a_flood_is_counted_at_its_newest_entry_and_another_trigger_is_not_pushed_out(
    intake: Intake, writer: JournalWriter, database: Database
) -> None:
    honest, attacked = factories.trigger(database), factories.trigger(database)
    deliver(intake, forged(), honest)

    for _ in range(queue.BURST + 50):
        deliver(intake, forged(b"x"), attacked)
    writer.flush()

    rows = entries(database)
    assert [row.trigger_id for row in rows].count(honest) == 1
    assert len(rows) <= queue.BURST + 10
    assert len(rows) - 1 + sum(row.more for row in rows) == queue.BURST + 50
    assert (rows[-1].more > 0, rows[-1].more_until is not None) == (True, True)
    assert sum(codes(row) == ["not_tried"] for row in rows) >= 30


def test_the_oldest_entries_of_a_kind_go_first(
    intake: Intake, writer: JournalWriter, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "ROWS_OF_KIND", 3)
    trigger_id = factories.trigger(database, event_filter='{"event": "never"}')
    deliver(intake, ours(BODY), trigger_id)
    for number in range(6):
        deliver(intake, forged(b"%d" % number), trigger_id)
        writer.flush()

    rows = entries(database)
    assert [row.body for row in rows if row.outcome == outcomes.BAD_SIGNATURE] == [b"3", b"4", b"5"]
    assert [row.outcome for row in rows].count(outcomes.FILTERED) == 1


def test_the_journal_keeps_its_bytes(
    intake: Intake, database: Database, counters: Counters
) -> None:
    most_bytes = 50_000
    writer = made_writer(intake, database, counters, most_bytes)
    several = [factories.trigger(database) for _ in range(8)]
    for number in range(3):
        for trigger_id in several:
            deliver(intake, forged(b"%d" % number + b"x" * 5_000), trigger_id)
        writer.flush()

    rows = entries(database)
    assert 0 < sum(row.stored_bytes for row in rows) <= most_bytes
    for trigger_id in several:
        mine = [row.stored_bytes for row in rows if row.trigger_id == trigger_id]
        assert sum(mine) <= most_bytes // store.OF_TRIGGER
    assert all(row.stored_bytes >= len(row.body or b"") for row in rows)


def test_what_memory_cannot_hold_is_dropped_and_counted(
    intake: Intake,
    writer: JournalWriter,
    database: Database,
    counters: Counters,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(queue, "QUEUED_AT_MOST", 2)
    trigger_id = factories.trigger(database)

    for _ in range(5):
        deliver(intake, forged(), trigger_id)
    writer.flush()

    assert len(entries(database)) == 2
    counted = {(key.trigger_id, key.outcome): n for key, n in counters.take().counts.items()}
    assert counted[NOBODY, JOURNAL_DROPPED] == 3


def test_a_removed_trigger_takes_its_entries_along_and_gets_no_new_ones(
    intake: Intake, writer: JournalWriter, database: Database
) -> None:
    trigger_id, other = factories.trigger(database), factories.trigger(database)
    deliver(intake, forged(), trigger_id)
    writer.flush()
    deliver(intake, forged(), trigger_id)
    deliver(intake, forged(), other)
    with database.writing() as connection:
        connection.execute(sa.delete(triggers).where(triggers.c.id == trigger_id))

    assert writer.flush()
    assert [row.trigger_id for row in entries(database)] == [other]


def test_an_older_schema_keeps_the_entries_in_memory_until_it_is_migrated(
    intake: Intake, database: Database, database_url: str, counters: Counters
) -> None:
    trigger_id = factories.trigger(database)
    database.dispose()
    migrate(database_url, to="0023", down=True)
    deliver(intake, forged(), trigger_id)

    assert not made_writer(intake, database, counters).flush()
    database.dispose()
    migrate(database_url)

    assert made_writer(intake, database, counters).flush()
    assert len(entries(database)) == 1


def test_entries_go_when_their_time_is_over(
    intake: Intake, writer: JournalWriter, database: Database, settings: Settings
) -> None:
    trigger_id = factories.trigger(database)
    deliver(intake, forged(), trigger_id)
    writer.flush()
    with database.writing() as connection:
        connection.execute(sa.update(delivery_journal).values(at=factories.LONG_AGO))
    deliver(intake, forged(b"young"), trigger_id)
    writer.flush()

    rules = retention_queries.rules(database, {}, settings)
    steps = list(prune.run(database, rules, threading.Event()))

    assert sum(step.journal for step in steps) == 1
    assert [row.body for row in entries(database)] == [b"young"]


@pytest.mark.parametrize("place", ["body", "header", "path"])
def test_a_secret_that_came_anywhere_is_not_stored(
    intake: Intake, writer: JournalWriter, database: Database, place: str
) -> None:
    trigger_id = factories.trigger(database)
    body = json.dumps({"note": f"see {SECRET}"}).encode() if place == "body" else BODY
    headers = {"X-Api-Token": SECRET, "Referer": f"https://a/{SECRET}"} if place == "header" else {}
    sent = Sent({"Content-Type": "application/json", **headers}, body)

    deliver(intake, sent, trigger_id, presented_secret=SECRET if place == "path" else None)
    writer.flush()

    (row,) = entries(database)
    assert SECRET.encode() not in (row.body or b"")
    assert SECRET not in str(row)
    assert row.body_kept == ("partial" if place == "body" else "whole")
    assert codes(row) == (["header_missing"] if place == "body" else ["secret_elsewhere"])


def test_secrets_of_a_sender_are_redacted_also_in_a_refused_body(
    intake: Intake, writer: JournalWriter, database: Database
) -> None:
    trigger_id = factories.trigger(database, source="evolution")
    body = json.dumps({"event": "messages.upsert", "apikey": "theirs", "data": {"a": 1}}).encode()

    deliver(intake, Sent({"Content-Type": "application/json"}, body), trigger_id)
    deliver(intake, Sent({"Content-Type": "application/json"}, b'{"apikey": "th'), trigger_id)
    writer.flush()

    whole, broken = entries(database)
    assert (whole.body_kept, b"theirs" in whole.body) == ("redacted", False)
    assert (broken.body_kept, broken.body) == ("none", None)


def test_a_large_body_is_not_kept_and_its_size_is(
    intake: Intake, writer: JournalWriter, database: Database
) -> None:
    trigger_id = factories.trigger(database)

    deliver(intake, forged(b"x" * 100_000), trigger_id)
    deliver(intake, forged(b"x" * 1_500_000), trigger_id)
    writer.flush()

    rows = entries(database)
    assert [(row.size, row.body, row.body_kept) for row in rows] == [
        (100_000, None, "too_large"),
        (1_500_000, None, "too_large"),
    ]
    assert codes(rows[1]) == ["not_tried"]


def test_a_process_that_stops_does_not_wait_for_a_write_that_takes_long(
    writer: JournalWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_writer, "LAST_SECONDS", 0.2)
    stopping = threading.Thread(target=writer.stop, daemon=True)

    with writer._one_at_a_time:  # as the writer's own thread holds it while the database is slow
        stopping.start()
        stopping.join(120)
        assert not stopping.is_alive()


def test_a_process_that_stops_does_not_ask_a_database_again_that_was_away(
    intake: Intake, writer: JournalWriter, database: Database
) -> None:
    trigger_id = factories.trigger(database)
    deliver(intake, forged(), trigger_id)
    with time_limit.until(time.monotonic()):
        assert not writer.flush()

    writer.stop()

    assert entries(database) == []
