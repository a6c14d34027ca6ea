"""A text goes out through Evolution Go: to whom, saying what, and never showing the key."""

import json
from typing import Any

import pytest

from app.actions import evolution_go
from app.db import Database
from app.errors import ActionFailed
from app.settings import from_environment
from app.worker import run
from app.worker.loop import Worker
from tests.support import factories
from tests.support.sink import LOOPBACK, Sink

KEY = "the-instances-key"
FROM_ANA = {"key": {"remoteJid": "5511999@s.whatsapp.net", "fromMe": False}}

SETTINGS = from_environment({"HOOKONCE_EGRESS_ALLOW": LOOPBACK})


def send(sink: Sink, event: Any, **options: object) -> str | BaseException:
    payload = json.dumps({"url": sink.url, "apikey": KEY} | options)
    text = event if isinstance(event, str) else json.dumps(event)
    work = {"action_type": "evolution_go", "action_payload": payload, "event_data": text}
    return run.action(factories.work(SETTINGS, **work))


def sent(sink: Sink) -> Any:
    (received,) = sink.received
    return json.loads(received.body)


def test_it_posts_number_and_text_with_the_key(sink: Sink) -> None:
    said = send(sink, {}, number="5511999", text="Hello")

    (received,) = sink.received
    assert said == "HTTP 200 thank you"
    assert (received.path, json.loads(received.body)) == (
        "/send/text",
        {"number": "5511999", "text": "Hello"},
    )
    assert received.headers["apikey"] == KEY
    assert received.headers["Content-Type"] == "application/json"
    assert received.headers["Idempotency-Key"] == "7"


@pytest.mark.parametrize(
    ("base", "path"),
    [
        ("", "/send/text"),
        ("/", "/send/text"),
        ("/go", "/go/send/text"),
        ("/go/", "/go/send/text"),
        ("/send/text", "/send/text"),
    ],
)
def test_the_base_address_may_have_a_path(sink: Sink, base: str, path: str) -> None:
    send(sink, {}, number="1", text="Hello", url=sink.url + base)

    assert sink.received[0].path == path


@pytest.mark.parametrize(
    ("event", "number"),
    [
        ({"data": FROM_ANA}, "5511999"),
        ({"data": {"event": "messages.upsert", "data": FROM_ANA}}, "5511999"),
        ({"data": {"key": {"remoteJid": "5511999:12@s.whatsapp.net"}}}, "5511999"),
        ({"data": {"key": {"remoteJid": "120363@g.us"}}}, "120363@g.us"),
        ({"data": {"key": {"remoteJid": "99@lid"}}}, "99@lid"),
        ({"data": {"remoteJid": "5511888@c.us"}}, "5511888"),
        ({"data": {"data": {"Info": {"Chat": "5511777@s.whatsapp.net"}}}}, "5511777"),
        ({"data": {"phone": "+55 11 666"}}, "+55 11 666"),
        ({"data": {"phone": 5511666}}, "5511666"),
        ({"from": "5511555"}, "5511555"),
        ({"data": {"from": "5511555", "phone": "5511666", **FROM_ANA}}, "5511999"),
        ({"data": {"key": {"remoteJid": ""}}, "phone": "5511666"}, "5511666"),
    ],
)
def test_the_answer_goes_to_whoever_the_event_is_from(sink: Sink, event: Any, number: str) -> None:
    send(sink, event, text="Hello")

    assert sent(sink)["number"] == number


@pytest.mark.parametrize(
    ("event", "text"),
    [
        ({"data": {"message": {"conversation": "hi"}}}, "hi"),
        ({"data": {"data": {"message": {"extendedTextMessage": {"text": "hi"}}}}}, "hi"),
        ({"data": {"data": {"Message": {"conversation": "hi"}}}}, "hi"),
        ({"data": {"command": "/run"}}, "/run"),
        ({"data": {"text": "hi"}}, "hi"),
    ],
)
def test_without_a_text_the_events_own_is_sent(sink: Sink, event: Any, text: str) -> None:
    send(sink, event, number="1")

    assert sent(sink)["text"] == text


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("Order {order.id} of {data.name}", "Order 7 of Ana {x}"),
        ("{flag} {half} {none_missing}", "true 0.5 0"),
        ("{items.1.sku}", "b"),
        ("{{order.id}} {}", "{order.id} {}"),
        ("{ order.id } { \n", "{ order.id } { \n"),
        ("{order.id", "{order.id"),
    ],
)
def test_fields_of_the_event_are_filled_in_once(sink: Sink, template: str, text: str) -> None:
    data = {
        "order": {"id": 7},
        "name": "Ana {x}",
        "flag": True,
        "half": 0.5,
        "none_missing": 0,
        "items": [{"sku": "a"}, {"sku": "b"}],
    }

    send(sink, {"data": data}, number="1", text=template)

    assert sent(sink)["text"] == text


@pytest.mark.parametrize("template", ["{missing}", "{data.order}", "{items}", "{name.first}"])
def test_a_field_that_the_event_has_not_fails_for_good(sink: Sink, template: str) -> None:
    data = {"order": {"id": 7}, "items": [], "name": "Ana"}

    failed = send(sink, {"data": data}, number="1", text=template)

    assert isinstance(failed, ActionFailed)
    assert (failed.permanent, sink.received) == (True, [])
    assert template in str(failed)


@pytest.mark.parametrize("event", [{}, {"data": {"phone": None}}, [], "no JSON", '"text"'])
def test_an_event_from_nobody_fails_for_good(sink: Sink, event: Any) -> None:
    failed = send(sink, event, text="Hello")

    assert isinstance(failed, ActionFailed)
    assert (failed.permanent, sink.received) == (True, [])
    assert "no number to answer to" in str(failed)


@pytest.mark.parametrize(
    "data",
    [
        {"key": {"remoteJid": "5511999@s.whatsapp.net", "fromMe": True}},
        {"data": {"key": {"remoteJid": "5511999@s.whatsapp.net", "fromMe": True}}},
        {"data": {"Info": {"Chat": "5511999@s.whatsapp.net", "IsFromMe": True}}},
    ],
)
def test_our_own_message_is_not_answered_or_it_would_go_on_for_ever(sink: Sink, data: Any) -> None:
    said = send(sink, {"data": data}, text="Hello")

    assert said == "nothing sent: the message was sent by this number"
    assert sink.received == []


def test_a_number_of_the_triggers_own_is_told_of_our_own_messages_too(sink: Sink) -> None:
    send(sink, {"data": {"key": {"fromMe": True}}}, number="5511999", text="Hello")

    assert sent(sink)["number"] == "5511999"


@pytest.mark.parametrize("status", [200, 401, 500])
def test_the_key_is_in_nothing_that_is_kept(
    sink: Sink, database: Database, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    key = 'a"b\\c-key'
    sink.status, sink.body = status, json.dumps({"apikey": key, "header": f"{key}"}).encode()
    payload = json.dumps({"url": sink.url, "apikey": key, "number": "1", "text": "Hello"})
    trigger_id = factories.trigger(database, action_type="evolution_go", action_payload=payload)
    factories.execution(database, trigger_id)
    caplog.set_level("DEBUG")

    Worker(database, SETTINGS).run_once()

    (row,) = factories.executions(database)
    kept = [row, *factories.attempts(database), *caplog.messages, *map(vars, caplog.records)]
    assert "***" in (row.result_summary or row.error)
    assert not any(written in str(each) for each in kept for written in (key, "b\\\\c-key"))


@pytest.mark.parametrize(
    ("url", "permanent"),
    [("http://127.0.0.2:1/", True), ("http://127.0.0.1:1/", False)],
    ids=["refused address", "nobody there"],
)
def test_a_target_that_is_not_reached_does_not_show_the_key(url: str, permanent: bool) -> None:
    payload = json.dumps({"url": url, "apikey": KEY, "number": "1", "text": "Hello"})

    failed = run.action(
        factories.work(SETTINGS, action_type="evolution_go", action_payload=payload)
    )

    assert isinstance(failed, ActionFailed)
    assert failed.permanent is permanent
    assert KEY not in repr(failed)


def test_the_places_are_those_of_the_older_system_and_evolution_gos_own() -> None:
    older = ["data.key.remoteJid", "data.remoteJid", "phone", "from"]

    assert [each for each in evolution_go.NUMBER_FROM if "Info" not in each] == older
