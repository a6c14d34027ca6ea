"""A sender's own secrets are not stored, at whatever depth they come."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from app.intake import redact
from app.intake.message import Event, Request

NAMES = frozenset({"apikey"})
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
