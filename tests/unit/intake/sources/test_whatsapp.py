"""WhatsApp's Cloud API: the signature, the GET that checks the address, many events per request."""

from dataclasses import replace

import pytest

from app.errors import Unverified
from app.intake import parse
from app.intake.message import Event, WebhookResponse
from app.intake.sources.whatsapp import SOURCE, greeting, verify_token
from tests.support import factories, samples
from tests.support.samples import NOW, SECRET, Sent

BATCH = samples.sample("whatsapp", "messages_and_statuses")
FORBIDDEN = WebhookResponse(403, {"error": "forbidden"})
QUERY = {"hub.mode": "subscribe", "hub.verify_token": SECRET, "hub.challenge": "1158201444"}


def refusal(sent: Sent, secret: str = SECRET) -> str:
    with pytest.raises(Unverified) as caught:
        SOURCE.verify(factories.request(sent), secret, NOW, None)
    return caught.value.reason


def events_of(case: str) -> list[Event]:
    request = factories.request(samples.sample("whatsapp", case))
    return SOURCE.events(request, parse.payload(request))


def greeted(secret: str = SECRET, **changed: str | None) -> WebhookResponse:
    query = QUERY | {"hub." + name: value for name, value in changed.items()}
    present = {name: value for name, value in query.items() if value is not None}
    return greeting(factories.request(Sent(query=present)), secret)


def test_the_signature_that_github_publishes_for_the_same_scheme_is_verified() -> None:
    signature = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    sent = Sent({"X-Hub-Signature-256": signature}, b"Hello, World!")

    SOURCE.verify(factories.request(sent), "It's a Secret to Everybody", NOW, None)


def test_what_meta_signed_is_verified() -> None:
    SOURCE.verify(factories.request(samples.signed("whatsapp", BATCH)), SECRET, NOW, None)


def test_an_altered_body_is_refused() -> None:
    altered = replace(samples.signed("whatsapp", BATCH), body=BATCH.body.replace(b"7?", b"8?"))

    assert refusal(altered) == "bad_signature"


def test_another_secret_is_refused() -> None:
    assert refusal(samples.signed("whatsapp", BATCH), "another") == "bad_signature"


@pytest.mark.parametrize("headers", [{}, {"X-Hub-Signature-256": ""}])
def test_without_a_signature_it_is_refused(headers: dict[str, str]) -> None:
    assert refusal(Sent(headers, BATCH.body)) == "missing_signature"


@pytest.mark.parametrize("value", ["sha256=", "0" * 64, "schlüssel", "\udcff"], ids=ascii)
def test_a_malformed_signature_is_refused(value: str) -> None:
    assert refusal(Sent({"X-Hub-Signature-256": value}, BATCH.body)) == "bad_signature"


@pytest.mark.parametrize("token", [SECRET, verify_token(SECRET)], ids=["secret", "derived"])
def test_who_knows_the_token_gets_the_challenge_back(token: str) -> None:
    assert greeted(verify_token=token) == WebhookResponse(200, "1158201444")


def test_the_derived_token_is_made_of_the_secret_in_a_way_that_anyone_can_repeat() -> None:
    # printf hub.verify_token | openssl dgst -sha256 -hmac hush
    assert verify_token("hush") == "0571cef0e91427ee848f5a0539dd04c3"


@pytest.mark.parametrize(
    "changed",
    [
        {"verify_token": "another"},
        {"verify_token": "schlüssel"},
        {"verify_token": "\udcff"},
        {"verify_token": ""},
        {"verify_token": None},
        {"mode": "unsubscribe"},
        {"mode": None},
    ],
    ids=ascii,
)
def test_another_greeting_is_forbidden(changed: dict[str, str | None]) -> None:
    assert greeted(**changed) == FORBIDDEN


@pytest.mark.parametrize("token", ["", verify_token("")])
def test_a_trigger_without_a_secret_greets_nobody(token: str) -> None:
    assert greeted("", verify_token=token) == FORBIDDEN


def test_each_message_and_each_status_is_an_event() -> None:
    events = events_of("messages_and_statuses")

    kinds = [event.normalised["event_type"] for event in events]
    assert kinds == ["message", "message", "status", "status"]


def test_each_item_of_a_request_has_its_own_key() -> None:
    request = factories.request(BATCH)

    keys = [SOURCE.provider_key(request, event) for event in events_of("messages_and_statuses")]

    assert keys == [
        ("wamid.HBgMRIO0001==",),
        ("wamid.HBgMKIM0001==",),
        ("wamid.HBgMOUT0001==", "sent"),
        ("wamid.HBgMOUT0001==", "delivered"),
    ]


def test_the_payload_of_an_event_is_its_own_item() -> None:
    texts = [event.payload["text"]["body"] for event in events_of("messages_and_statuses")[:2]]

    assert texts == ["berço 7?", "berth 8?"]
    assert all(event.batched for event in events_of("messages_and_statuses"))


def test_a_message_is_normalised_with_who_wrote_it() -> None:
    said = dict(events_of("messages_and_statuses")[1].normalised)

    assert said.pop("data")["text"] == {"body": "berth 8?"}
    assert said == {
        "event_type": "message",
        "source": "whatsapp",
        "account_id": "102290129340398",
        "field": "messages",
        "phone_number_id": "106540352242922",
        "contact": {"profile": {"name": "Kim Sample"}, "wa_id": "5511900000002"},
    }


def test_an_only_contact_is_the_messages_even_under_another_number() -> None:
    value = {"contacts": [{"wa_id": "551190001"}], "messages": [{"from": "5511990001"}]}
    payload = {"entry": [{"changes": [{"value": value}]}]}

    (event,) = SOURCE.events(factories.request(Sent()), payload)

    assert event.normalised["contact"] == {"wa_id": "551190001"}


def test_a_change_of_another_kind_is_one_event_without_a_key() -> None:
    (event,) = events_of("template_status")

    assert event.normalised["event_type"] == "message_template_status_update"
    assert event.normalised["data"]["event"] == "APPROVED"
    assert SOURCE.provider_key(factories.request(BATCH), event) is None


@pytest.mark.parametrize(
    "item", [{}, {"id": None}, {"id": True}, {"id": ""}, {"id": []}, 7, None, "x", []], ids=repr
)
def test_an_item_without_an_id_is_an_event_without_a_key(item: object) -> None:
    payload = {"entry": [{"changes": [{"value": {"messages": [item], "statuses": [item]}}]}]}
    request = factories.request(Sent())

    events = SOURCE.events(request, payload)

    assert [SOURCE.provider_key(request, event) for event in events] == [None, None]


def test_whatsapp_is_keyed_by_its_own_ids() -> None:
    assert SOURCE.keyed_by_default
