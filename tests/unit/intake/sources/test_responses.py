"""Each sender gets the status and the body that it expects once its events are committed."""

import json
from typing import Any
from urllib.parse import urlencode

import pytest

from app.intake import parse, sources
from app.intake.message import EMPTY, FORM, NO_CONTENT, OK, WebhookResponse
from tests.support import factories
from tests.support.samples import Sent

TWIML = WebhookResponse(200, "<Response/>", "text/xml; charset=utf-8")


def form(**fields: str) -> Sent:
    return Sent({"Content-Type": FORM}, urlencode(fields).encode())


def slack(**payload: Any) -> Sent:
    return form(payload=json.dumps(payload))


def as_json(payload: Any) -> Sent:
    return Sent({"Content-Type": "application/json"}, json.dumps(payload).encode())


def interaction(kind: int) -> Sent:
    return as_json({"type": kind, "application_id": "1", "id": "7"})


@pytest.mark.parametrize(
    ("source", "sent", "expected"),
    [
        ("slack", as_json({"type": "event_callback", "event_id": "Ev1"}), OK),
        ("slack", form(command="/berth", text="7"), EMPTY),
        ("slack", slack(type="view_submission"), EMPTY),
        ("slack", slack(type="block_actions"), EMPTY),
        ("slack", slack(type="block_suggestion"), WebhookResponse(200, {"options": []})),
        ("discord", interaction(2), WebhookResponse(200, {"type": 5})),
        ("discord", interaction(3), WebhookResponse(200, {"type": 6})),
        ("discord", interaction(4), WebhookResponse(200, {"type": 8, "data": {"choices": []}})),
        ("discord", interaction(5), WebhookResponse(200, {"type": 5})),
        ("discord", interaction(9), OK),
        ("discord", as_json({"type": 1, "event": {"type": "A"}}), NO_CONTENT),
        ("discord", as_json({"t": "MESSAGE_CREATE"}), OK),
        ("twilio", form(MessageSid="SM1", Body="hi"), TWIML),
        ("twilio", form(CallSid="CA1"), TWIML),
        ("twilio", form(EventType="onMessageAdded"), EMPTY),
        ("twilio", as_json([{"id": "1"}]), OK),
        ("github", as_json({}), OK),
        ("adyen", as_json({}), OK),
    ],
    ids=str,
)
def test_the_response_is_the_one_that_the_sender_expects(
    source: str, sent: Sent, expected: WebhookResponse
) -> None:
    request = factories.request(sent)

    assert sources.named(source).response(request, parse.payload(request)) == expected


@pytest.mark.parametrize("source", sources.names())
@pytest.mark.parametrize("payload", [None, 7, [], {}, {"type": []}, {"event": 7}], ids=repr)
def test_no_shape_of_payload_breaks_a_response(source: str, payload: Any) -> None:
    response = sources.named(source).response(factories.request(Sent()), payload)

    assert response.status in (200, 204)


@pytest.mark.parametrize(
    ("sent", "is_check"),
    [
        (form(ssl_check="1", token="xyzz"), True),
        (form(token="xyzz", ssl_check="1"), True),
        (form(ssl_check="1"), True),
        (form(ssl_check="0", token="xyzz"), False),
        (form(ssl_check="1", command="/berth"), False),
        (form(command="/berth", ssl_check="1", payload="{}"), False),
        (form(token="xyzz"), False),
        (form(ssl_check="1", token="x" * 512), False),
        (as_json({"ssl_check": "1"}), False),
        (Sent({}, b"ssl_check=1"), False),
    ],
    ids=str,
)
def test_only_a_bare_ssl_check_is_answered_without_a_signature(sent: Sent, is_check: bool) -> None:
    answer = sources.named("slack").unsigned(factories.request(sent))

    assert answer == (EMPTY if is_check else None)


def test_a_signed_ssl_check_is_no_event() -> None:
    request = factories.request(form(ssl_check="1", token="xyzz", team_id="T1"))

    assert sources.named("slack").handshake(request, parse.payload(request)) == EMPTY


@pytest.mark.parametrize("source", [name for name in sources.names() if name != "slack"])
def test_no_other_source_answers_an_unsigned_request(source: str) -> None:
    assert sources.named(source).unsigned(factories.request(form(ssl_check="1"))) is None
