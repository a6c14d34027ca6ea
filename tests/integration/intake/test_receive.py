"""From a signed request to its execution, with everything between."""

import hashlib
import json
import logging
from dataclasses import replace

import pytest
import sqlalchemy as sa

from app import lifecycle
from app.db import Database
from app.db.models import execution_requests, triggers
from app.errors import TooLarge, Unreadable, Unverified
from app.intake import payload_digest, sources
from app.intake.message import OK, Event, Source
from app.intake.receive import Intake, receive
from tests.support import factories, samples
from tests.support.expectations import event_count


def send(intake: Intake, trigger_id: int, sent: samples.Sent) -> object:
    return receive(factories.request(sent, trigger_id), intake)


def keys(database: Database) -> list[str | None]:
    return [row.idempotency_key for row in factories.executions(database)]


def logged(caplog: pytest.LogCaptureFixture, name: str) -> list[dict[str, object]]:
    return [each.fields for each in caplog.records if getattr(each, "evt", None) == name]


@pytest.mark.parametrize(("source", "case"), samples.names())
def test_every_sample_is_admitted_as_its_events(intake: Intake, source: str, case: str) -> None:
    secret = samples.trigger_secret(source)
    trigger_id = factories.trigger(intake.database, source=source, secret=secret)
    sent = samples.signed(source, samples.sample(source, case))

    send(intake, trigger_id, sent)

    stored = [json.loads(row.event_data) for row in factories.executions(intake.database)]
    assert [event["source"] for event in stored] == [source] * event_count(source, case)


def test_a_duplicate_gets_the_same_response_and_is_stored_once(intake: Intake) -> None:
    trigger_id = factories.trigger(intake.database)
    sent = samples.json_request("custom", {"messageId": "m-1"})

    answers = [send(intake, trigger_id, sent) for _ in range(3)]

    assert answers == [OK, OK, OK]
    assert keys(intake.database) == ["m-1"]


@pytest.mark.parametrize("pre_check", [True, False])
@pytest.mark.parametrize("status", lifecycle.STATUSES)
def test_a_repeated_event_is_a_duplicate_whatever_the_status_of_its_execution(
    intake: Intake, status: str, pre_check: bool
) -> None:
    trigger_id = factories.trigger(intake.database)
    factories.execution(intake.database, trigger_id, status, idempotency_key="m-1")
    before = factories.executions(intake.database)
    sent = samples.json_request("custom", {"messageId": "m-1"})

    answer = send(replace(intake, pre_check=pre_check), trigger_id, sent)

    assert answer == OK
    assert factories.executions(intake.database) == before


def test_a_duplicate_is_logged_with_the_existing_execution(
    intake: Intake, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    trigger_id = factories.trigger(intake.database)
    sent = samples.json_request("custom", {"messageId": "m-1"})

    send(intake, trigger_id, sent)
    send(intake, trigger_id, sent)

    (row,) = factories.executions(intake.database)
    (admitted,) = logged(caplog, "admitted")
    assert admitted == {"trigger_id": trigger_id, "execution_id": row.id}
    assert logged(caplog, "idempotent_replay") == [
        {"trigger_id": trigger_id, "key": "m-1", "existing_exec_id": row.id}
    ]


def test_without_the_pre_check_the_index_alone_finds_the_duplicate(
    intake: Intake, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    trigger_id = factories.trigger(intake.database)
    sent = samples.json_request("custom", {"messageId": "m-1"})
    careless = replace(intake, pre_check=False)

    answers = [send(careless, trigger_id, sent) for _ in range(2)]

    assert answers == [OK, OK]
    assert keys(intake.database) == ["m-1"]
    assert len(logged(caplog, "idempotent_replay_race")) == 1


def test_one_key_as_text_and_as_number_is_one_event(intake: Intake) -> None:
    trigger_id = factories.trigger(intake.database)

    for key in (1, "1", True):
        send(intake, trigger_id, samples.json_request("custom", {"messageId": key}))

    assert keys(intake.database) == ["1", None]


@pytest.mark.parametrize("key", ["k" * 300, "a\0b", "\ud800", "🚢" * 255], ids=ascii)
def test_an_unusual_key_finds_its_duplicate_on_every_database(intake: Intake, key: str) -> None:
    trigger_id = factories.trigger(intake.database)
    sent = samples.json_request("custom", {"messageId": key})

    send(intake, trigger_id, sent)
    send(intake, trigger_id, sent)

    assert len(keys(intake.database)) == 1


DIGEST = "sha256:" + hashlib.sha256(b"k" * 300).hexdigest()


def test_a_key_in_the_form_of_a_digest_does_not_pose_as_a_long_key(intake: Intake) -> None:
    trigger_id = factories.trigger(intake.database)

    for key in ("k" * 300, DIGEST, "k" * 300, DIGEST):
        send(intake, trigger_id, samples.json_request("custom", {"messageId": key}))

    assert len(set(keys(intake.database))) == len(keys(intake.database)) == 2


@pytest.mark.parametrize("pre_check", [True, False])
@pytest.mark.parametrize("known", [True, False])
def test_an_event_admitted_by_an_earlier_version_under_such_a_key_is_a_duplicate(
    intake: Intake, pre_check: bool, known: bool
) -> None:
    event = {"messageId": DIGEST}
    trigger_id = factories.trigger(intake.database)
    digest = payload_digest.of(Event(event, {})) if known else None
    stored = {"idempotency_key": DIGEST, "payload_digest": digest}
    factories.execution(intake.database, trigger_id, "completed", **stored)

    for _ in range(2):
        sent = samples.json_request("custom", event)
        send(replace(intake, pre_check=pre_check), trigger_id, sent)

    assert keys(intake.database) == [DIGEST]


def test_another_event_under_such_a_key_of_an_earlier_version_is_admitted(intake: Intake) -> None:
    trigger_id = factories.trigger(intake.database)
    stored = {"idempotency_key": DIGEST, "payload_digest": "0" * 64}
    factories.execution(intake.database, trigger_id, "completed", **stored)

    for _ in range(2):
        send(intake, trigger_id, samples.json_request("custom", {"messageId": DIGEST}))

    assert len(keys(intake.database)) == 2


def test_a_request_of_many_events_admits_each_with_its_own_key(
    intake: Intake, monkeypatch: pytest.MonkeyPatch
) -> None:
    def events(_request: object, payload: object) -> list[Event]:
        return [Event(item, {"event_type": "item", "data": item}) for item in payload]

    batch = Source("batch", sources.named("custom").verify, events)
    monkeypatch.setitem(sources._SOURCES, "batch", batch)
    trigger_id = factories.trigger(intake.database, source="batch", event_filter='{"wanted": true}')

    def batch_of(*ids: str) -> samples.Sent:
        unwanted = {"messageId": "x", "wanted": False}
        items = [{"messageId": name, "wanted": True} for name in ids]
        return samples.json_request("custom", [*items, unwanted])

    send(intake, trigger_id, batch_of("a", "b"))
    send(intake, trigger_id, batch_of("b", "c", "c", "a", "d"))

    assert keys(intake.database) == ["a", "b", "c", "d"]


def bodies(database: Database) -> list[bytes]:
    """Return the stored bodies, in the order of their executions."""
    query = sa.select(execution_requests.c.body).order_by(execution_requests.c.execution_id)
    with database.reading() as connection:
        return list(connection.execute(query).scalars())


def whatsapp(*messages: object) -> samples.Sent:
    change = {"field": "messages", "value": {"messages": messages, "metadata": {"id": "7"}}}
    payload = {"object": "a", "entry": [{"id": "1", "changes": [change]}]}
    return samples.json_request("whatsapp", payload)


def test_each_event_of_many_is_stored_with_its_own_part_of_the_request(
    intake: Intake,
) -> None:
    trigger_id = factories.trigger(intake.database, source="whatsapp")
    messages = [{"id": "a"}, {"id": "b"}]

    send(intake, trigger_id, whatsapp(*messages))

    kept = [json.loads(body) for body in bodies(intake.database)]
    assert kept == [json.loads(whatsapp(message).body) for message in messages]


def test_the_body_of_a_request_with_one_event_is_stored_unchanged(intake: Intake) -> None:
    trigger_id = factories.trigger(intake.database, source="whatsapp")
    sent = whatsapp({"id": "a"})

    send(intake, trigger_id, sent)

    assert bodies(intake.database) == [sent.body]


def test_the_secrets_in_a_request_of_many_events_are_not_stored(intake: Intake) -> None:
    trigger_id = factories.trigger(intake.database, source="evolution_go")
    receipt = {"event": "Receipt", "instanceToken": "canary", "data": {"MessageIDs": ["a", "b"]}}

    send(intake, trigger_id, samples.json_request("evolution_go", receipt))

    assert len(bodies(intake.database)) == 2
    assert [body for body in bodies(intake.database) if b"canary" in body] == []


def test_a_thousand_events_take_about_as_many_bytes_as_their_request(intake: Intake) -> None:
    trigger_id = factories.trigger(intake.database, source="whatsapp")
    sent = whatsapp(*({"id": str(number), "text": "x" * 900} for number in range(1_000)))

    send(intake, trigger_id, sent)

    assert len(bodies(intake.database)) == 1_000
    assert sum(map(len, bodies(intake.database))) < 2 * len(sent.body)


def test_content_shared_by_a_thousand_events_is_refused_as_too_large(intake: Intake) -> None:
    trigger_id = factories.trigger(intake.database, source="evolution_go")
    ids = [str(number) for number in range(1_000)]
    receipt = {"event": "Receipt", "data": {"MessageIDs": ids, "more": "x" * 100_000}}

    with pytest.raises(TooLarge):
        send(intake, trigger_id, samples.json_request("evolution_go", receipt))

    assert factories.executions(intake.database) == []


def test_a_filtered_event_gets_a_response_and_is_not_stored(
    intake: Intake,
) -> None:
    trigger_id = factories.trigger(intake.database, event_filter='{"event": "paid*"}')

    unwanted = send(intake, trigger_id, samples.json_request("custom", {"event": "opened"}))
    send(intake, trigger_id, samples.json_request("custom", {"event": "paid.twice"}))

    assert unwanted == OK
    assert len(keys(intake.database)) == 1


@pytest.mark.parametrize(
    "text", [None, "", "{", "[]", "7", "[" * 100_000], ids=lambda t: str(t)[:5]
)
def test_a_filter_that_cannot_be_parsed_lets_all_events_pass(
    intake: Intake, text: str | None
) -> None:
    trigger_id = factories.trigger(intake.database, event_filter=text)

    send(intake, trigger_id, samples.json_request("custom", {"event": "opened"}))

    assert len(keys(intake.database)) == 1


def test_a_forged_request_is_not_even_parsed(intake: Intake) -> None:
    trigger_id = factories.trigger(intake.database)
    forged = samples.signed("custom", samples.Sent({}, b"{"), secret="another")

    with pytest.raises(Unverified):
        send(intake, trigger_id, forged)

    assert keys(intake.database) == []


@pytest.mark.parametrize(
    "body", [b"{", b"[1e400]", b'{"a": NaN}', b"[" * 1_000_000], ids=lambda body: repr(body[:8])
)
def test_an_unreadable_request_stores_nothing(intake: Intake, body: bytes) -> None:
    trigger_id = factories.trigger(intake.database)
    sent = samples.signed("custom", samples.Sent({"Content-Type": "application/json"}, body))

    with pytest.raises(Unreadable):
        send(intake, trigger_id, sent)

    assert keys(intake.database) == []


def test_a_trigger_deleted_while_cached_leaves_the_cache_at_the_first_failure(
    intake: Intake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.intake.trigger_cache.FRESH_SECONDS", 600.0)
    trigger_id = factories.trigger(intake.database)
    send(intake, trigger_id, samples.json_request("custom", {"messageId": "m-1"}))
    with intake.database.writing() as connection:
        connection.execute(sa.delete(triggers))

    with pytest.raises(sa.exc.IntegrityError):
        send(intake, trigger_id, samples.json_request("custom", {"messageId": "m-2"}))

    with pytest.raises(Unverified, match="unknown_trigger"):
        send(intake, trigger_id, samples.json_request("custom", {"messageId": "m-2"}))
