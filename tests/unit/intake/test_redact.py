"""A sender's own secrets are not stored, at whatever depth they come."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

import pytest

from app.intake import redact
from app.intake.message import FORM, Event, Request

NAMES = frozenset({"apikey"})
OWN = frozenset({"token"})
PAYLOAD = {"apikey": "s1", "data": [{"apikey": {"deep": "s2"}, "kept": 1}]}
REQUEST = Request("1", {}, json.dumps(PAYLOAD).encode())


def test_the_stored_event_has_no_secrets() -> None:
    stored = redact.event(Event(PAYLOAD, {"data": PAYLOAD}), NAMES).text()

    assert "s1" not in stored
    assert "s2" not in stored
    assert '"kept":1' in stored


def test_the_stored_request_has_no_secrets() -> None:
    kept = redact.request(REQUEST, PAYLOAD, NAMES)

    assert json.loads(kept.body) == {
        "apikey": "[redacted]",
        "data": [{"apikey": "[redacted]", "kept": 1}],
    }


def test_a_request_without_secrets_is_stored_byte_for_byte() -> None:
    arrived = Request("1", {}, b'{ "a":  1 }')

    assert redact.request(arrived, {"a": 1}, NAMES) is arrived


def test_a_form_stays_a_form() -> None:
    headers = {"content-type": "application/x-www-form-urlencoded"}
    arrived = Request("1", headers, b"a=1&apikey=s1&a=2")

    kept = redact.request(arrived, arrived.form(), NAMES)

    assert kept.body == b"a=1&apikey=%5Bredacted%5D&a=2"


def test_a_secret_in_an_object_that_was_written_as_text_is_found() -> None:
    headers = {"content-type": "application/x-www-form-urlencoded"}
    arrived = Request("1", headers, b"payload=%7B%22apikey%22%3A%22s1%22%2C%22b%22%3A1%7D")

    kept = redact.request(arrived, arrived.form(), NAMES)

    assert json.loads(kept.form()["payload"]) == {"apikey": "[redacted]", "b": 1}


@pytest.mark.parametrize("layers", [1, 2, 3, 5, 10])
@pytest.mark.parametrize(
    "wrap", [json.dumps, lambda text: json.dumps({"a": text}), lambda text: json.dumps([text])]
)
def test_a_secret_in_text_within_text_is_found(wrap: Callable[[Any], str], layers: int) -> None:
    text: Any = {"apikey": "s1", "b": "kept"}
    for _ in range(layers):
        text = json.dumps(text) if isinstance(text, dict) else wrap(text)
    arrived = Request("1", {}, json.dumps({"data": text}).encode())

    stored = redact.event(Event({}, {"data": text}), NAMES).text()
    kept = redact.request(arrived, {"data": text}, NAMES)

    assert "s1" not in stored
    assert b"s1" not in kept.body
    assert "kept" in stored
    assert b"kept" in kept.body


def test_text_within_text_without_a_secret_is_kept_as_it_is() -> None:
    text = '{ "a":  "[ 1,2 ]" }'

    assert redact.event(Event({}, {"data": text}), NAMES).normalised == {"data": text}


@pytest.mark.parametrize("outermost", range(5, 96, 10))
def test_a_secret_under_deep_text_within_deep_text_breaks_nothing(outermost: int) -> None:
    text = '{"apikey": "s1"}'
    for depth in [95] * 7 + [outermost]:
        text = '{"a":' + "[" * depth + json.dumps(text) + "]" * depth + "}"

    stored = redact.event(Event({}, {"data": text}), NAMES).text()

    assert json.loads(stored)["data"] == text


def test_deep_text_within_deep_text_breaks_nothing() -> None:
    text = "hello"
    for _ in range(12):
        text = '{"a":' + "[" * 95 + json.dumps(text) + "]" * 95 + "}"

    stored = redact.event(Event({}, {"data": text}), NAMES).text()

    assert json.loads(stored)["data"] == text


def test_at_the_top_only_deeper_names_are_kept() -> None:
    payload = {"token": "secret", "view": {"token": "AB-12"}, "text": '{"token": "typed"}'}
    kept = payload | {"token": redact.REDACTED}
    arrived = replace(REQUEST, body=json.dumps(payload).encode())

    event = redact.event(Event(payload, {"token": 1, "data": payload}), OWN, top_only=True)
    stored = redact.request(arrived, payload, OWN, top_only=True)
    part = redact.part(Event(payload, {}), OWN, top_only=True)

    assert event.normalised == {"token": 1, "data": kept}
    assert json.loads(stored.body) == json.loads(part) == kept


def test_at_the_top_only_the_payload_in_a_form_is_looked_into() -> None:
    inner = {"token": "secret", "view": {"token": "AB-12"}}
    body = urlencode({"payload": json.dumps(inner), "text": '{"token": "typed"}'}).encode()
    arrived = Request("1", {"content-type": FORM}, body)

    stored = redact.request(arrived, arrived.form(), OWN, top_only=True)

    assert json.loads(stored.form()["payload"]) == inner | {"token": redact.REDACTED}
    assert stored.form()["text"] == '{"token": "typed"}'


@pytest.mark.parametrize("payload", [{"view": {"token": "x"}}, [], "token", None, {"payload": "{"}])
def test_at_the_top_only_a_request_without_the_name_is_stored_byte_for_byte(
    payload: object,
) -> None:
    arrived = replace(REQUEST, body=json.dumps(payload, indent=3).encode())

    assert redact.request(arrived, payload, OWN, top_only=True) is arrived
