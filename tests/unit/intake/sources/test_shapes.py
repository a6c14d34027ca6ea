"""A source raises no unexpected error for any payload shape or any signature text."""

import contextlib
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.errors import Unreadable, Unverified
from app.intake.message import FORM, Request, Source
from app.intake.sources import (
    adyen,
    clickup,
    custom,
    discord,
    evolution,
    github,
    linear,
    shopify,
    slack,
    stripe,
    telegram,
    twilio,
    whatsapp,
)
from tests.support import arbitrary
from tests.support.samples import NOW

MODULES = (
    clickup,
    custom,
    discord,
    evolution,
    github,
    linear,
    shopify,
    slack,
    stripe,
    telegram,
    twilio,
    whatsapp,
)
SOURCES = [*(module.SOURCE for module in MODULES), evolution.GO]
BATCHES = [adyen.SOURCE, evolution.GO, twilio.SOURCE, whatsapp.SOURCE]
NAMES = {
    "adyen": ["notificationItems", "NotificationRequestItem", "live", "pspReference", "eventCode"],
    "clickup": ["webhook_id", "event", "history_items", "id"],
    "evolution": ["instance", "event", "data", "key", "remoteJid", "id", "keyId", "status"],
    "evolution_go": ["instanceId", "event", "data", "Info", "ID", "MessageIDs", "state"],
    "slack": ["type", "event", "event_id", "challenge", "payload", "team", "user"],
    "twilio": ["MessageSid", "MessageStatus", "CallSid", "EventType", "id", "type"],
    "whatsapp": ["entry", "changes", "value", "messages", "statuses", "contacts", "id", "status"],
}
BATCH: dict[str, Callable[[list[Any]], Any]] = {
    "adyen": lambda items: {
        "live": "true",
        "notificationItems": [{"NotificationRequestItem": item} for item in items],
    },
    "evolution_go": lambda items: {
        "event": "Receipt",
        "instanceId": "i",
        "state": "Read",
        "data": {"MessageIDs": items, "Chat": "c"},
    },
    "twilio": lambda items: items,
    "whatsapp": lambda items: {
        "entry": [
            {
                "id": "1",
                "changes": [
                    {
                        "field": "messages",
                        "value": {
                            "metadata": {"phone_number_id": "7"},
                            "contacts": items,
                            "messages": items,
                            "statuses": items[1:],
                        },
                    },
                    *items,
                ],
            }
        ]
    },
}
"""Payloads with several items, as each sender builds them."""
COMMON = ["type", "event", "data", "id", "payload", "callback_query", "message", "ref", "d", "t"]
HEADERS = [
    "authorization",
    "apikey",
    "content-type",
    "i-twilio-idempotency-token",
    "linear-delivery",
    "linear-signature",
    "stripe-signature",
    "x-github-delivery",
    "x-github-event",
    "x-hub-signature-256",
    "x-shopify-event-id",
    "x-shopify-hmac-sha256",
    "x-shopify-topic",
    "x-signature",
    "x-signature-ed25519",
    "x-signature-timestamp",
    "x-slack-request-timestamp",
    "x-slack-signature",
    "x-telegram-bot-api-secret-token",
    "x-twilio-signature",
]
UNHURRIED = settings(
    deadline=None, max_examples=50, suppress_health_check=[HealthCheck.too_slow]
)  # a busy machine says nothing about a source
LETTERS = st.text(st.characters(codec=None), max_size=20) | st.sampled_from(
    [FORM, "v0=", "sha256=00", "t=1,v1=00", "Bearer a.b.c", "00", "1772702580"]
)
REQUESTS = st.builds(
    Request,
    trigger_id=st.just("1"),
    headers=st.dictionaries(st.sampled_from(HEADERS), LETTERS),
    body=st.binary(max_size=60),
    presented_secret=st.none() | LETTERS,
    url=LETTERS | st.just("https://hooks.acme.example:8443/x?y=1"),
    query=st.dictionaries(st.sampled_from(["bodySHA256", "hub.mode", "hub.verify_token"]), LETTERS),
)


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.name)
@UNHURRIED
@given(data=st.data(), request_=REQUESTS)
def test_no_shape_of_payload_breaks_a_source(
    source: Source, data: st.DataObject, request_: Request
) -> None:
    payload = data.draw(arbitrary.payloads(*NAMES.get(source.name, COMMON)))
    before = json.dumps(payload)

    source.handshake(request_, payload)
    with contextlib.suppress(Unreadable):  # a form that says it holds JSON, and does not
        events = source.events(request_, payload)
        keys = [source.provider_key(request_, event) for event in events]

        assert events
        assert all(key is None or all(isinstance(part, str) for part in key) for key in keys)
        assert all(key is None or any(key) for key in keys)
        assert all(event.normalised["source"] == source.name for event in events)
    assert json.dumps(payload) == before


@pytest.mark.parametrize("source", BATCHES, ids=lambda source: source.name)
@UNHURRIED
@given(data=st.data(), request_=REQUESTS)
def test_an_event_says_the_same_alone_as_among_others(
    source: Source, data: st.DataObject, request_: Request
) -> None:
    items = st.lists(arbitrary.payloads(*NAMES[source.name]), min_size=1, max_size=3)
    payload = data.draw(arbitrary.payloads(*NAMES[source.name]) | items.map(BATCH[source.name]))

    for event in source.events(request_, payload):
        if event.batched and payload != {}:
            alone = event.payload if event.alone is None else event.alone
            (again,) = source.events(request_, alone)

            assert again.normalised == event.normalised
            assert source.provider_key(request_, again) == source.provider_key(request_, event)


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.name)
@UNHURRIED
@given(request_=REQUESTS, secret=LETTERS.filter(bool), tolerance=st.none() | st.just(300.0))
def test_no_letters_of_a_request_break_its_verification(
    source: Source, request_: Request, secret: str, tolerance: float | None
) -> None:
    with contextlib.suppress(Unverified):
        source.verify(request_, secret, NOW, tolerance)


@UNHURRIED
@given(request_=REQUESTS, secret=LETTERS)
def test_no_letters_of_a_greeting_break_it(request_: Request, secret: str) -> None:
    assert whatsapp.greeting(request_, secret).status in (200, 403)
