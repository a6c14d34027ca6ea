"""A sender's own secrets are not stored, at whatever depth they come."""

import json

from app.intake import redact
from app.intake.message import Event, Request

NAMES = frozenset({"apikey"})
PAYLOAD = {"apikey": "s1", "data": [{"apikey": {"deep": "s2"}, "kept": 1}]}
REQUEST = Request("1", {}, json.dumps(PAYLOAD).encode())


def test_the_stored_event_is_without_them() -> None:
    stored = redact.event(Event(PAYLOAD, {"data": PAYLOAD}), NAMES).text()

    assert "s1" not in stored
    assert "s2" not in stored
    assert '"kept":1' in stored


def test_the_kept_request_is_without_them() -> None:
    kept = redact.request(REQUEST, PAYLOAD, NAMES)

    assert json.loads(kept.body) == {
        "apikey": "[redacted]",
        "data": [{"apikey": "[redacted]", "kept": 1}],
    }


def test_a_request_without_them_is_kept_byte_for_byte() -> None:
    arrived = Request("1", {}, b'{ "a":  1 }')

    assert redact.request(arrived, {"a": 1}, NAMES) is arrived
