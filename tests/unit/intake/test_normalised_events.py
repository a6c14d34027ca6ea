"""Each source's request, as the one shape that filters, keys and actions read."""

import json
from urllib.parse import urlencode

import pytest

from app.errors import Unreadable
from app.intake import parse, sources
from app.intake.message import FORM, OK, WebhookResponse
from tests.support import factories, samples
from tests.support.samples import Sent

ODD_PAYLOADS = [None, True, 7, "text", [], [{}], {}, {"type": None}, {"data": 1, "d": []}]
ODD_INSIDES = {
    name: value
    for value in (7, "text", [], {"object": []}, {"message": 7, "from": []})
    for name in ("data", "d", "callback_query", "message", "repository", "sender", "pull_request")
}


def normalised(source: str, sent: Sent) -> dict[str, object]:
    request = factories.request(sent)
    (event,) = sources.named(source).events(request, parse.payload(request))
    return dict(event.normalised)


def said(source: str, payload: object) -> dict[str, object]:
    return normalised(source, samples.json_request(source, payload))


@pytest.mark.parametrize(
    ("source", "case", "expected"),
    [
        (
            "github",
            "push",
            {
                "event_type": "push",
                "source": "github",
                "action": None,
                "repo": "acme-example/harbour",
                "branch": "feature/mooring",
                "sender": "mika-sample",
            },
        ),
        (
            "github",
            "pull_request",
            {
                "event_type": "pull_request",
                "source": "github",
                "action": "opened",
                "repo": "acme-example/harbour",
                "branch": "feature/mooring",
                "sender": "mika-sample",
            },
        ),
        (
            "stripe",
            "payment_intent_succeeded",
            {
                "event_type": "payment_intent.succeeded",
                "source": "stripe",
                "api_version": "2025-03-31.basil",
                "id": "evt_3SampleQx7ZkT0a11Bc9dEfG",
                "created": 1772702480,
                "livemode": False,
            },
        ),
        (
            "linear",
            "issue_created",
            {
                "event_type": "Issue",
                "source": "linear",
                "action": "create",
                "url": "https://linear.app/acme-example/issue/HAR-312/the-cranes-brake-squeals",
                "actor": {
                    "id": "3f6d9a0c-5f0b-4d5e-9a56-2f0e3c1d7b84",
                    "type": "user",
                    "name": "Mika Sample",
                    "email": "mika@acme.example",
                    "url": "https://linear.app/acme-example/profiles/mika",
                },
                "organizationId": "1d7e4c0a-94c6-4b0f-a0f3-8c5b2a1e6d3f",
            },
        ),
        (
            "telegram",
            "message",
            {
                "event_type": "message",
                "source": "telegram",
                "chat_id": 700100201,
                "from_user": "rio_sample",
                "text": "/status berço 7 ⚓",
                "update_type": "message",
            },
        ),
        (
            "telegram",
            "callback_query",
            {
                "event_type": "book:7",
                "source": "telegram",
                "chat_id": 700100201,
                "from_user": "rio_sample",
                "text": "Book berth 7?",
                "update_type": "callback_query",
            },
        ),
        ("evolution", "messages_upsert", {"event_type": "messages.upsert", "source": "evolution"}),
        ("evolution_go", "message", {"event_type": "Message", "source": "evolution_go"}),
        ("custom", "n8n_whatsapp", {"event_type": "whatsapp.message", "source": "custom"}),
        ("custom", "data_message_id", {"event_type": "message.received", "source": "custom"}),
    ],
)
def test_a_sample_is_normalised(source: str, case: str, expected: dict[str, object]) -> None:
    event = normalised(source, samples.sample(source, case))

    event.pop("data")
    assert event == expected


@pytest.mark.parametrize(
    ("source", "case", "place"),
    [
        ("github", "push", []),
        ("stripe", "payment_intent_succeeded", ["data", "object"]),
        ("linear", "issue_created", ["data"]),
        ("telegram", "message", []),
        ("discord", "interaction", []),
        ("evolution", "messages_upsert", []),
        ("custom", "n8n_whatsapp", []),
    ],
)
def test_the_data_of_an_event_is_what_its_source_says_about_it(
    source: str, case: str, place: list[str]
) -> None:
    sent = samples.sample(source, case)
    expected = json.loads(sent.body)
    for name in place:
        expected = expected[name]

    assert normalised(source, sent)["data"] == expected


def test_a_discord_dispatch_names_its_type_and_channel() -> None:
    event = said("discord", {"t": "MESSAGE_CREATE", "d": {"channel_id": "42"}})

    assert (event["event_type"], event["channel_id"]) == ("MESSAGE_CREATE", "42")


def test_a_tag_keeps_its_whole_ref() -> None:
    assert said("github", {"ref": "refs/tags/v1"})["branch"] == "refs/tags/v1"


def test_a_source_of_the_older_system_calls_its_events_after_itself() -> None:
    event = said("whatsapp-old", {"event": "message"})

    assert event == {
        "event_type": "message",
        "source": "whatsapp-old",
        "data": {"event": "message"},
    }


@pytest.mark.parametrize("source", sources.names())
@pytest.mark.parametrize("payload", [*ODD_PAYLOADS, ODD_INSIDES], ids=lambda odd: repr(odd)[:20])
def test_no_shape_of_payload_breaks_a_source(source: str, payload: object) -> None:
    request = factories.request(Sent())

    greeting = sources.named(source).handshake(request, payload)
    (event,) = sources.named(source).events(request, payload)

    assert greeting is None
    assert event.normalised["source"] == source


def test_githubs_form_delivery_carries_the_same_event() -> None:
    sample = samples.sample("github", "push")
    form = urlencode({"payload": sample.body.decode()}).encode()

    event = normalised("github", Sent(sample.headers | {"Content-Type": FORM}, form))

    assert event == normalised("github", sample)


@pytest.mark.parametrize("inside", ["{", "NaN", "[" * 101 + "]" * 101], ids=repr)
def test_githubs_form_delivery_is_held_to_the_same_json(inside: str) -> None:
    form = urlencode({"payload": inside}).encode()

    with pytest.raises(Unreadable):
        normalised("github", Sent({"Content-Type": FORM}, form))


def test_a_json_body_with_a_payload_inside_is_not_unwrapped() -> None:
    assert said("github", {"payload": "{}"})["data"] == {"payload": "{}"}


def test_github_is_answered_when_it_says_ping() -> None:
    request = factories.request(samples.sample("github", "ping"))

    assert sources.named("github").handshake(request, parse.payload(request)) == OK


def test_discord_is_answered_when_it_says_ping() -> None:
    request = factories.request(samples.sample("discord", "ping"))

    answer = sources.named("discord").handshake(request, parse.payload(request))

    assert answer == WebhookResponse(200, {"type": 1})


@pytest.mark.parametrize("kind", [True, "1", 2, None])
def test_only_type_one_is_discords_ping(kind: object) -> None:
    assert sources.named("discord").handshake(factories.request(Sent()), {"type": kind}) is None
