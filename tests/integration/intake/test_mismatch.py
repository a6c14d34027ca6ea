"""The same key with another payload gets a duplicate's response, and is counted as a mismatch."""

import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy import event

from app.db import Database
from app.db.models import mismatched_payloads, trigger_executions
from app.db.schema import SchemaWatch, history
from app.errors import DatabaseUnavailable
from app.intake import mismatches, payload_digest, store
from app.intake.message import OK, WebhookResponse
from app.intake.receive import Intake, receive
from app.intake.store import AdmissionStore
from app.intake.trigger_cache import TriggerCache
from app.stats import deliveries, outcomes
from app.stats.counter_writer import CounterWriter
from app.stats.counters import CountBatch
from tests.support import factories, samples
from tests.support.databases import migrate
from tests.support.thorough import some

FIRST = b'{"messageId": "m-1", "amount": 5}'
RENDERED_AGAIN = b'{"amount":5,"messageId":"m-1"}'
OTHER = b'{"messageId": "m-1", "amount": 6}'


def send(intake: Intake, trigger_id: int, body: bytes) -> WebhookResponse:
    sent = samples.signed("custom", samples.Sent({"Content-Type": "application/json"}, body))
    return receive(factories.request(sent, trigger_id), intake)


def counts(batch: CountBatch) -> dict[str, int]:
    return {place.outcome: number for place, number in batch.counts.items()}


def logged(caplog: pytest.LogCaptureFixture, name: str) -> list[dict[str, object]]:
    return [each.fields for each in caplog.records if getattr(each, "evt", None) == name]


def test_a_kept_payload_is_listed_though_a_crash_lost_its_count(intake: Intake) -> None:
    trigger_id = factories.trigger(intake.database)
    for body in (FIRST, OTHER, OTHER):
        send(intake, trigger_id, body)

    def listed() -> list[tuple[int, bool]]:
        with intake.database.reading() as connection:
            (execution,) = factories.executions(intake.database)
            of_it = deliveries.mismatches_of(connection, execution.id)
            every = deliveries.mismatches(connection, 10, trigger_id)
        assert [each.digest for each in of_it] == [each.digest_came for each in every]
        return [(each.number, each.kept) for each in (*of_it, *every)]

    before = listed()
    CounterWriter(intake.counters, intake.database, seconds=9).flush()

    assert (before, listed()) == ([(1, True)] * 2, [(2, True)] * 2)


@pytest.mark.parametrize(
    ("pre_check", "layer"), [(True, outcomes.DUPLICATE), (False, outcomes.DUPLICATE_RACE)]
)
def test_the_same_payload_again_is_a_duplicate_counted_by_who_found_it(
    intake: Intake, caplog: pytest.LogCaptureFixture, pre_check: bool, layer: str
) -> None:
    intake = replace(intake, pre_check=pre_check)
    trigger_id = factories.trigger(intake.database)

    answers = [send(intake, trigger_id, body) for body in (FIRST, FIRST, RENDERED_AGAIN)]

    batch = intake.counters.take()
    (row,) = factories.executions(intake.database)
    assert answers == [OK, OK, OK]
    assert counts(batch) == {outcomes.ACCEPTED: 1, layer: 2}
    assert {key: seen.number for key, seen in batch.repeats.items()} == {row.id: 2}
    assert batch.mismatches == {}
    assert logged(caplog, "key_mismatch") == []


@pytest.mark.parametrize("pre_check", [True, False])
def test_another_payload_gets_the_same_response_and_is_counted_as_a_mismatch(
    intake: Intake, caplog: pytest.LogCaptureFixture, pre_check: bool
) -> None:
    caplog.set_level(logging.INFO)
    intake = replace(intake, pre_check=pre_check)
    trigger_id = factories.trigger(intake.database)

    answers = [send(intake, trigger_id, body) for body in (FIRST, OTHER, OTHER)]

    batch = intake.counters.take()
    (row,) = factories.executions(intake.database)
    ((key, seen),) = batch.mismatches.items()
    assert answers == [OK, OK, OK]
    assert counts(batch) == {outcomes.ACCEPTED: 1, outcomes.MISMATCH: 2}
    assert (key.execution_id, seen.number) == (row.id, 2)
    assert batch.repeats[row.id].number == 2
    assert (
        logged(caplog, "key_mismatch")
        == [
            {
                "trigger_id": trigger_id,
                "key": "m-1",
                "existing_exec_id": row.id,
                "digest_admitted": row.payload_digest,
                "digest_came": key.digest,
            }
        ]
        * 2
    )
    assert row.payload_digest != key.digest
    repeats = logged(caplog, "idempotent_replay" if pre_check else "idempotent_replay_race")
    assert len(repeats) == 2


def test_a_mismatch_is_a_warning(intake: Intake, caplog: pytest.LogCaptureFixture) -> None:
    trigger_id = factories.trigger(intake.database)
    send(intake, trigger_id, FIRST)
    send(intake, trigger_id, OTHER)

    (record,) = [each for each in caplog.records if getattr(each, "evt", "") == "key_mismatch"]
    assert record.levelno == logging.WARNING


def test_an_execution_is_stored_with_its_time_of_receiving_and_its_digest(intake: Intake) -> None:
    send(intake, factories.trigger(intake.database), FIRST)

    (row,) = factories.executions(intake.database)
    assert abs(row.received_at - datetime.now(UTC)) < timedelta(minutes=1)
    assert len(row.payload_digest) == 64


def test_no_digest_is_computed_for_an_event_without_a_key(
    intake: Intake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(payload_digest, "of", None)

    answer = send(intake, factories.trigger(intake.database), b'{"amount": 5}')

    (row,) = factories.executions(intake.database)
    assert answer == OK
    assert row.payload_digest is None
    assert row.received_at is not None


def test_an_execution_without_a_digest_never_mismatches(intake: Intake) -> None:
    trigger_id = factories.trigger(intake.database)
    send(intake, trigger_id, FIRST)
    with intake.database.writing() as connection:
        connection.execute(sa.update(trigger_executions).values(payload_digest=None))
    intake.counters.take()

    send(intake, trigger_id, OTHER)

    assert counts(intake.counters.take()) == {outcomes.DUPLICATE: 1}


@pytest.mark.parametrize("revision", some(history()[1:-1], one_in=12))
def test_on_an_older_schema_mismatches_are_counted_if_it_has_digests(
    intake: Intake, database_url: str, revision: str
) -> None:
    trigger_id = factories.trigger(intake.database)
    migrate(database_url, to=revision, down=True)

    for body in (FIRST, OTHER):
        send(intake, trigger_id, body)

    again = outcomes.MISMATCH if revision >= "0012" else outcomes.DUPLICATE
    assert counts(intake.counters.take()) == {outcomes.ACCEPTED: 1, again: 1}


def test_a_request_that_is_tried_again_is_counted_once(intake: Intake, database_url: str) -> None:
    trigger_id = factories.trigger(intake.database)
    send(intake, trigger_id, b'{"messageId": "m-0"}')
    migrate(database_url, to="0011", down=True)

    for body in (FIRST, FIRST):
        send(intake, trigger_id, body)

    assert counts(intake.counters.take()) == {outcomes.ACCEPTED: 2, outcomes.DUPLICATE: 1}


def test_counting_takes_no_connection_of_its_own(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    intake = Intake(
        database,
        TriggerCache(database, lambda: 0.0),
        SchemaWatch(database, lambda: 0.0),
        now=lambda: samples.NOW,
    )
    trigger_id = factories.trigger(database)
    send(intake, trigger_id, FIRST)
    turns: list[object] = []
    borrow = store.borrow

    def told(*given: object) -> None:
        if threading.current_thread() is threading.main_thread():  # not the thread that notifies
            turns.append(given)

    def told_and_borrowed(asked: Database) -> AbstractContextManager[AdmissionStore]:
        told(asked)
        return borrow(asked)

    event.listen(database.engine, "checkout", told)
    monkeypatch.setattr(store, "borrow", told_and_borrowed)

    costs = {}
    for name, body in {"new": b'{"messageId": "m-2"}', "same": FIRST, "other": OTHER}.items():
        turns.clear()
        send(intake, trigger_id, body)
        costs[name] = len(turns)

    # one for the look-up, and the insert with it; another payload is looked up and kept
    assert costs == {"new": 1, "same": 1, "other": 3}


def kept(database: Database) -> list[tuple[int, bytes]]:
    columns = mismatched_payloads.c
    query = sa.select(columns.execution_id, columns.body).order_by(
        columns.received_at, columns.body
    )
    with database.reading() as connection:
        return [(row.execution_id, row.body) for row in connection.execute(query)]


FULL = {
    "digest": "a" * 64,
    "trigger_id": 1,
    "received_at": samples.NOW,
    "event_data": "{}",
    "headers": "{}",
    "body": b"",
}


def of_amount(amount: int) -> bytes:
    return b'{"messageId": "m-1", "amount": %d}' % amount


@pytest.mark.parametrize("pre_check", [True, False])
def test_the_other_payload_is_kept_once_before_the_answer(intake: Intake, pre_check: bool) -> None:
    intake = replace(intake, pre_check=pre_check)
    trigger_id = factories.trigger(intake.database)

    for body in (FIRST, OTHER, OTHER, FIRST):
        send(intake, trigger_id, body)

    (row,) = factories.executions(intake.database)
    assert kept(intake.database) == [(row.id, OTHER)]


def test_a_kept_payload_is_redacted_as_an_execution_is(intake: Intake) -> None:
    trigger_id = factories.trigger(intake.database, source="evolution")
    body = b'{"event": "messages.upsert", "messageId": "m-1", "apikey": "hidden", "data": %d}'

    for number in (1, 2):
        sent = samples.signed("evolution", samples.Sent({}, body % number))
        receive(factories.request(sent, trigger_id), intake)

    with intake.database.reading() as connection:
        (row,) = connection.execute(sa.select(mismatched_payloads))
    assert b"hidden" not in row.body
    assert "hidden" not in row.event_data + row.headers


def test_a_bounded_number_of_payloads_is_kept_for_each_execution(intake: Intake) -> None:
    trigger_id = factories.trigger(intake.database)

    for amount in range(mismatches.KEPT_FOR_EACH + 3):
        assert send(intake, trigger_id, of_amount(amount)) == OK

    bodies = sorted(body for _, body in kept(intake.database))  # some have the same millisecond
    assert bodies == sorted(map(of_amount, range(1, mismatches.KEPT_FOR_EACH + 1)))


def test_a_payload_that_cannot_be_kept_is_not_acknowledged(
    intake: Intake, monkeypatch: pytest.MonkeyPatch
) -> None:
    trigger_id = factories.trigger(intake.database)
    send(intake, trigger_id, FIRST)
    monkeypatch.setattr(mismatches, "_row", lambda *_: {**FULL, "execution_id": 999_999})

    with pytest.raises(DatabaseUnavailable, match="could not be kept"):
        send(intake, trigger_id, OTHER)

    assert kept(intake.database) == []


def test_requests_at_one_moment_keep_the_payload_once(intake: Intake) -> None:
    trigger_id = factories.trigger(intake.database)
    send(intake, trigger_id, FIRST)

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: send(intake, trigger_id, OTHER), range(8)))

    assert answers == [OK] * 8
    assert [body for _, body in kept(intake.database)] == [OTHER]
