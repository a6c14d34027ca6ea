"""An event enters once per trigger and key; nothing else is ever taken for a duplicate."""

import json
import logging
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from urllib.parse import quote, unquote

import pytest
import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.exc import IntegrityError

from app.db import Database
from app.db.models import execution_requests, trigger_executions
from app.db.schema import SchemaWatch
from app.intake import admit
from app.intake.message import Admission, AdmissionRequest, Request, Verdict
from app.stats import outcomes
from tests.support import factories
from tests.support.samples import Sent

REQUEST = factories.request(Sent({"Content-Type": "application/json"}, b"{}"))


@pytest.fixture
def trigger_id(database: Database) -> int:
    return factories.trigger(database)


def incoming(
    trigger_id: int | None, *keys: str | None, request: Request = REQUEST
) -> AdmissionRequest:
    """Return a request with an event for each key."""
    return AdmissionRequest(trigger_id, [Admission("{}", key) for key in keys], request)


def admitted(database: Database, *requests: AdmissionRequest) -> list[Verdict]:
    """Admit the events of these requests in one transaction; return their verdicts."""
    schema = SchemaWatch(database).admitting()
    with database.writing() as connection:
        return [
            admit.admit_one(connection, schema, each, admission)
            for each in requests
            for admission in each.admissions
        ]


def test_a_new_event_is_a_pending_execution_that_is_due(
    database: Database, trigger_id: int
) -> None:
    (verdict,) = admitted(database, incoming(trigger_id, "k-1"))

    (row,) = factories.executions(database)
    assert verdict == Verdict(row.id, outcomes.ACCEPTED)
    assert (row.status, row.idempotency_key, row.attempt_count) == ("pending", "k-1", 0)


def test_the_same_key_again_is_the_same_execution(database: Database, trigger_id: int) -> None:
    (first,) = admitted(database, incoming(trigger_id, "k-1"))

    (second,) = admitted(database, incoming(trigger_id, "k-1"))

    assert second == Verdict(first.execution_id, outcomes.DUPLICATE_RACE)
    assert len(factories.executions(database)) == 1


def test_the_same_key_on_another_trigger_is_another_execution(
    database: Database, trigger_id: int
) -> None:
    admitted(database, incoming(trigger_id, "k-1"))

    (verdict,) = admitted(database, incoming(factories.trigger(database), "k-1"))

    assert not verdict.duplicate
    assert len(factories.executions(database)) == 2


def test_events_without_a_key_are_all_new(database: Database, trigger_id: int) -> None:
    verdicts = admitted(database, incoming(trigger_id, None, None))

    assert [verdict.duplicate for verdict in verdicts] == [False, False]
    assert len(factories.executions(database)) == 2


@pytest.mark.parametrize("pair", [("k", "K"), ("k", "k "), ("é", "e\u0301"), ("1", "01")], ids=str)
def test_keys_that_only_look_alike_are_different_keys(
    database: Database, trigger_id: int, pair: tuple[str, str]
) -> None:
    admitted(database, incoming(trigger_id, *pair))

    assert [row.idempotency_key for row in factories.executions(database)] == list(pair)


def test_a_duplicate_among_several_events_does_not_affect_the_others(
    database: Database, trigger_id: int
) -> None:
    admitted(database, incoming(trigger_id, "k-2"))

    verdicts = admitted(database, incoming(trigger_id, "k-1", "k-2", "k-3", "k-1", None))

    assert [verdict.duplicate for verdict in verdicts] == [False, True, False, True, False]
    assert [row.idempotency_key for row in factories.executions(database)] == [
        "k-2",
        "k-1",
        "k-3",
        None,
    ]


def test_of_many_concurrent_requests_with_one_key_one_is_accepted(
    database: Database, trigger_id: int
) -> None:
    together = Barrier(8)

    def knock() -> Verdict:
        together.wait(120)
        return admitted(database, incoming(trigger_id, "k-1"))[0]

    with ThreadPoolExecutor(8) as pool:
        verdicts = [each.result() for each in [pool.submit(knock) for _ in range(8)]]

    (row,) = factories.executions(database)
    assert {verdict.execution_id for verdict in verdicts} == {row.id}
    assert sum(verdict.duplicate for verdict in verdicts) == 7


def test_a_lost_race_is_logged_with_the_execution_that_won(
    database: Database, trigger_id: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    (first,) = admitted(database, incoming(trigger_id, "k-1"))

    admitted(database, incoming(trigger_id, "k-1"))

    (logged,) = [each for each in caplog.records if hasattr(each, "evt")]
    assert (logged.evt, logged.fields) == (
        "idempotent_replay_race",
        {"trigger_id": trigger_id, "key": "k-1", "existing_exec_id": first.execution_id},
    )


@pytest.mark.parametrize("kind", ["postgresql"], indirect=True)
def test_a_race_lost_to_a_row_that_was_deleted_meanwhile_inserts_again(
    database: Database, trigger_id: int
) -> None:
    (winner,) = admitted(database, incoming(trigger_id, "k-1"))

    @event.listens_for(database.engine, "handle_error", once=True)
    def remove_the_winner(_context: object) -> None:
        with database.writing() as connection:
            connection.execute(sa.delete(trigger_executions))

    (verdict,) = admitted(database, incoming(trigger_id, "k-1"))

    assert verdict != winner
    assert not verdict.duplicate


def test_an_event_for_a_deleted_trigger_is_no_duplicate(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(IntegrityError):
        admitted(database, incoming(4711, "k-1"))

    assert "foreign key" in caplog.text.lower()


@pytest.mark.parametrize("key", ["k-1", None])
def test_a_missing_value_is_no_duplicate(database: Database, key: str | None) -> None:
    with pytest.raises(IntegrityError):
        admitted(database, incoming(None, key))


@pytest.mark.parametrize("key", ["k-2", None])
def test_another_unique_index_is_no_duplicate(
    database: Database, trigger_id: int, key: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    with database.writing() as connection:
        connection.exec_driver_sql("CREATE UNIQUE INDEX other ON trigger_executions (event_data)")
    admitted(database, incoming(trigger_id, "k-1"))

    with pytest.raises(IntegrityError):
        admitted(database, incoming(trigger_id, key))

    assert "unique" in caplog.text.lower()


def test_an_event_that_cannot_be_inserted_rolls_back_its_transaction(
    database: Database, trigger_id: int
) -> None:
    with pytest.raises(IntegrityError):
        admitted(database, incoming(trigger_id, "k-1"), incoming(4711, "k-2"))

    assert factories.executions(database) == []


def test_the_request_is_stored_byte_for_byte_without_its_secrets(
    database: Database, trigger_id: int
) -> None:
    body = bytes(range(256))
    names = ("Authorization", "X-Signature", "X-Shopify-Hmac-Sha256", "Cookie", "apikey", "Api-Key")
    secret = dict.fromkeys(names, "s")
    sent = Sent({"Content-Type": "image/png", "X-GitHub-Event": "push"} | secret, body)

    admitted(database, incoming(trigger_id, None, request=factories.request(sent)))

    with database.reading() as connection:
        kept = connection.execute(sa.select(execution_requests)).one()
    assert (kept.body, kept.content_type) == (body, "image/png")
    assert kept.headers == '{"content-type": "image/png", "x-github-event": "push"}'


def test_only_harmless_headers_are_stored(database: Database, trigger_id: int) -> None:
    names = ("X-Functions-Key", "X-Jwt", "X-Hub-Signature-256", "X-Home", "Referer", "Cookie")
    harmless = {"X-GitHub-Event": "push", "User-Agent": "GitHub-Hookshot/1"}
    sent = Sent(dict.fromkeys(names, "canary-1") | harmless, b"{}")

    admitted(database, incoming(trigger_id, None, request=factories.request(sent)))

    with database.reading() as connection:
        kept = connection.execute(sa.select(execution_requests)).one()
    assert json.loads(kept.headers) == {name.lower(): each for name, each in harmless.items()}


def test_a_header_with_the_address_is_not_stored_if_the_address_has_a_secret(
    database: Database, trigger_id: int
) -> None:
    secret = "s3cr/t wörd"
    written = f"/api/triggers/webhook/1/{quote(secret, safe='')}"
    headers = {"Via": written, "Origin": unquote(written), "X-Event-Id": secret[:4]}
    sent = Sent(headers, b"{}", path_secret=secret)

    admitted(database, incoming(trigger_id, None, request=factories.request(sent)))

    with database.reading() as connection:
        kept = connection.execute(sa.select(execution_requests)).one()
    assert json.loads(kept.headers) == {"x-event-id": "s3cr"}
