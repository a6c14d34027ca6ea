"""The sources of the older system: the keys of their events, and additions to their events."""

from datetime import timedelta

import pytest

from app.errors import Unverified
from app.intake import parse
from app.intake.message import Event, Source, WebhookResponse
from app.intake.sources import custom, discord, github, linear, stripe, telegram
from tests.support import factories, samples
from tests.support.samples import NOW, SECRET, Sent

OLDER = [module.SOURCE for module in (custom, discord, github, linear, stripe, telegram)]


def key_of(source: Source, sent: Sent) -> tuple[str, ...] | None:
    request = factories.request(sent)
    (event,) = source.events(request, parse.payload(request))
    return source.provider_key(request, event)


def check_linear(body: bytes, tolerance: float | None) -> None:
    sent = samples.signed("linear", Sent(body=body))
    linear.SOURCE.verify(factories.request(sent), SECRET, NOW, tolerance)


def sent_at(seconds: int) -> bytes:
    at = NOW + timedelta(seconds=seconds)
    return b'{"webhookTimestamp":%d}' % (at.timestamp() * 1000)


@pytest.mark.parametrize(
    ("source", "case", "key"),
    [
        (github.SOURCE, "push", "0b989ba4-242f-11e5-81e1-c7b6966d2516"),
        (stripe.SOURCE, "payment_intent_succeeded", "evt_3SampleQx7ZkT0a11Bc9dEfG"),
        (linear.SOURCE, "issue_created", "234d1a4e-b617-4388-90fe-adc3633d6b72"),
        (telegram.SOURCE, "message", "874100311"),
        (discord.SOURCE, "interaction", "1347001122334455667"),
    ],
    ids=lambda value: getattr(value, "name", None),
)
def test_the_senders_own_id_is_found(source: Source, case: str, key: str) -> None:
    assert key_of(source, samples.sample(source.name, case)) == (key,)


@pytest.mark.parametrize("source", OLDER, ids=lambda source: source.name)
@pytest.mark.parametrize("body", [b"{}", b'{"id":true,"update_id":null}', b"[]", b'{"id":""}'])
def test_without_an_id_there_is_no_key(source: Source, body: bytes) -> None:
    assert key_of(source, Sent({"Content-Type": "application/json"}, body)) is None


@pytest.mark.parametrize("source", OLDER, ids=lambda source: source.name)
def test_the_older_sources_flow_without_a_key_as_they_did(source: Source) -> None:
    assert not source.keyed_by_default
    assert source.facts.signature


def test_linear_has_no_time_limit_by_default() -> None:
    assert linear.SOURCE.tolerance_seconds is None

    check_linear(sent_at(-21_600), None)
    check_linear(b"no JSON", None)


def test_a_trigger_may_give_linear_a_time_limit() -> None:
    check_linear(sent_at(-60), 60)

    with pytest.raises(Unverified, match="stale"):
        check_linear(sent_at(-61), 60)


@pytest.mark.parametrize(
    "body", [b"no JSON", b"{}", b'{"webhookTimestamp":"soon"}', b'{"webhookTimestamp":-1e3}', b"[]"]
)
def test_within_a_time_limit_linear_must_say_when(body: bytes) -> None:
    with pytest.raises(Unverified, match="bad_signature"):
        check_linear(body, 60)


def test_a_webhook_event_of_discord_is_no_ping() -> None:
    payload = {
        "version": 1,
        "application_id": "846462639134605312",
        "type": 1,
        "event": {"type": "APPLICATION_AUTHORIZED", "timestamp": "2026-03-05T09:23:00", "data": {}},
    }
    request = factories.request(Sent())

    (event,) = discord.SOURCE.events(request, payload)

    assert discord.SOURCE.handshake(request, payload) is None
    assert event.normalised["event_type"] == "APPLICATION_AUTHORIZED"
    assert discord.SOURCE.response(request, payload) == WebhookResponse(204, "")


def test_the_ping_of_discords_webhook_events_is_answered_without_a_body() -> None:
    payload = {"version": 1, "application_id": "846462639134605312", "type": 0}

    assert discord.SOURCE.handshake(factories.request(Sent()), payload) == WebhookResponse(204, "")


@pytest.mark.parametrize("payload", [{"type": 0}, {"type": False, "application_id": "1"}])
def test_any_other_zero_is_no_ping(payload: object) -> None:
    assert discord.SOURCE.handshake(factories.request(Sent()), payload) is None


def test_the_facts_of_a_source_of_the_older_system_are_those_of_custom() -> None:
    source = custom.like("whatsapp-old")

    assert source.facts == custom.FACTS
    assert source.provider_key(factories.request(Sent()), Event({"id": "1"}, {})) is None
