"""Adyen: every item has its own signature and is an event of its own."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import Unverified
from app.intake import parse
from app.intake.message import OK, Event
from app.intake.sources.adyen import SOURCE
from tests.support import arbitrary, factories, samples
from tests.support.samples import NOW, SECRET, Sent

HEX_KEY = samples.trigger_secret("adyen")
PUBLISHED_KEY = "44782DEF547AAA06C910C43932B1EB0C71FC68D9D0C057550C48EC2ACF6BA056"
PUBLISHED = {
    "additionalData": {"hmacSignature": "coqCmt/IZ4E3CzPvMY8zTjQVL5hYJUiBRg8UU+iCWo0="},
    "amount": {"value": 1130, "currency": "EUR"},
    "pspReference": "7914073381342284",
    "eventCode": "AUTHORISATION",
    "merchantAccountCode": "TestMerchant",
    "merchantReference": "TestPayment-1407325143704",
    "success": "true",
}
SIGNED_FIELDS = (
    "pspReference",
    "originalReference",
    "merchantAccountCode",
    "merchantReference",
    "eventCode",
    "success",
)


def item(**given: Any) -> dict[str, Any]:
    """Return an item signed as Adyen does; `given` replaces fields before it is signed."""
    fields = {
        "pspReference": "SMPL7TQ9H4NK2WZ3",
        "originalReference": "SMPL1111H4NK2WZ3",
        "merchantAccountCode": "AcmeHarbourECOM",
        "merchantReference": "berth-7",
        "amount": {"value": 4998, "currency": "EUR"},
        "eventCode": "REFUND",
        "success": "true",
    }
    made = fields | given
    signature = samples.adyen_signature(SECRET.encode(), made)
    return made | {"additionalData": {"hmacSignature": signature}}


def sent(*items: Any) -> Sent:
    wrapped = [{"NotificationRequestItem": each} for each in items]
    return said({"live": "false", "notificationItems": wrapped})


def said(payload: object) -> Sent:
    return Sent({"Content-Type": "application/json"}, json.dumps(payload).encode())


def check(request: Sent, secret: str = HEX_KEY) -> None:
    SOURCE.verify(factories.request(request), secret, NOW, SOURCE.tolerance_seconds)


def refusal(request: Sent, secret: str = HEX_KEY) -> str:
    with pytest.raises(Unverified) as caught:
        check(request, secret)
    return caught.value.reason


def key_of(payload: object) -> tuple[str, ...] | None:
    return SOURCE.provider_key(factories.request(Sent()), Event(payload, {}))


def test_the_signature_that_adyen_publishes_is_verified() -> None:
    # https://docs.adyen.com/development-resources/webhooks/secure-webhooks/verify-hmac-signatures
    check(sent(PUBLISHED), PUBLISHED_KEY)


def test_the_senders_of_these_tests_sign_as_adyen_publishes() -> None:
    signature = samples.adyen_signature(bytes.fromhex(PUBLISHED_KEY), PUBLISHED)

    assert signature == PUBLISHED["additionalData"]["hmacSignature"]


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"merchantReference": "a:b\\c:"},
        {"merchantReference": "Liegeplatz-ü-⚓"},
        {"originalReference": ""},
        {"amount": {"value": 0, "currency": "EUR"}},
        {"amount": {"value": "4998", "currency": "EUR"}},
    ],
    ids=["plain", "colons", "letters", "no original", "for nothing", "an amount as text"],
)
def test_an_item_is_verified(given: dict[str, Any]) -> None:
    check(sent(item(**given)))


def test_fields_that_are_null_or_boolean_are_signed_as_adyen_writes_them() -> None:
    request = item(originalReference="")

    check(sent(request | {"originalReference": None, "success": True}))


def test_several_items_are_verified() -> None:
    check(sent(item(), item(eventCode="CAPTURE"), item(success="false")))


@pytest.mark.parametrize("place", [0, 1, 2])
@pytest.mark.parametrize(
    ("forged", "reason"),
    [
        (item() | {"success": "false"}, "bad_signature"),
        (item() | {"additionalData": {}}, "missing_signature"),
        (None, "missing_signature"),
        ({}, "missing_signature"),
        ([], "missing_signature"),
    ],
    ids=["altered", "unsigned", "null", "empty", "a list"],
)
def test_one_item_that_proves_nothing_refuses_them_all(
    place: int, forged: object, reason: str
) -> None:
    items = [item(), item(eventCode="CAPTURE")]
    items.insert(place, forged)

    assert refusal(sent(*items)) == reason


@pytest.mark.parametrize("name", SIGNED_FIELDS)
def test_an_altered_field_is_refused(name: str) -> None:
    signed = item()

    assert refusal(sent(signed | {name: signed[name] + "x"})) == "bad_signature"


@pytest.mark.parametrize(
    "amount", [{"value": 1, "currency": "EUR"}, {"value": 4998.0}, {}, None, 7]
)
def test_an_altered_amount_is_refused(amount: object) -> None:
    assert refusal(sent(item() | {"amount": amount})) == "bad_signature"


def test_a_colon_does_not_move_from_one_field_into_another() -> None:
    signed = item(merchantAccountCode="Acme", merchantReference="Harbour:7")
    moved = signed | {"merchantAccountCode": "Acme:Harbour", "merchantReference": "7"}

    assert refusal(sent(moved)) == "bad_signature"


def test_another_key_is_refused() -> None:
    assert refusal(sent(item()), "ab" * 32) == "bad_signature"


@pytest.mark.parametrize("secret", ["", "  ", "not hex", "abc", "ü", "\udcff"], ids=ascii)
def test_a_secret_that_is_no_key_refuses_even_what_no_key_signed(secret: str) -> None:
    signature = samples.adyen_signature(b"", item())
    signed = item() | {"additionalData": {"hmacSignature": signature}}

    assert refusal(sent(signed), secret) == "bad_signature"


@pytest.mark.parametrize(
    "payload", [{}, [], 7, {"notificationItems": []}, {"notificationItems": 7}]
)
def test_without_items_nothing_is_proven(payload: object) -> None:
    assert refusal(said(payload)) == "missing_signature"


@pytest.mark.parametrize("body", [b"{", b"NaN", b"\xff{", b"[" * 101 + b"]" * 101, b"9" * 4301])
def test_a_malformed_body_is_refused(body: bytes) -> None:
    assert refusal(Sent({"Content-Type": "application/json"}, body)) == "bad_signature"


def test_a_body_that_is_not_read_as_json_proves_nothing() -> None:
    hidden = replace(sent(item()), headers={"Content-Type": "text/plain"})
    hidden = replace(hidden, body=b"-" + hidden.body)

    assert refusal(hidden) == "missing_signature"


@pytest.mark.parametrize("signature", ["ü", "\ud800", 7, True, None, [], {"a": 1}], ids=ascii)
def test_a_malformed_signature_is_refused_without_an_error(signature: object) -> None:
    odd = item() | {"additionalData": {"hmacSignature": signature}}

    assert refusal(sent(odd)) in {"bad_signature", "missing_signature"}


def test_a_surrogate_in_a_signed_field_is_refused_without_an_error() -> None:
    assert refusal(sent(item() | {"merchantReference": "\ud800"})) == "bad_signature"


def test_the_sample_is_verified_as_it_was_recorded() -> None:
    check(samples.sample("adyen", "authorisation"))


def test_a_sample_is_normalised() -> None:
    request = factories.request(samples.sample("adyen", "authorisation"))
    payload = parse.payload(request)

    (event,) = SOURCE.events(request, payload)

    (wrapped,) = payload["notificationItems"]
    assert event.payload == wrapped["NotificationRequestItem"]
    assert event.normalised == {
        "event_type": "AUTHORISATION",
        "source": "adyen",
        "success": "true",
        "live": "false",
        "data": event.payload,
    }


def test_every_item_is_an_event_with_a_key_of_its_own() -> None:
    items = [item(), item(eventCode="CAPTURE"), item(success="false"), item(originalReference="")]
    request = factories.request(sent(*items))

    events = SOURCE.events(request, parse.payload(request))

    assert [event.payload for event in events] == items
    assert all(event.batched for event in events)
    assert len({SOURCE.provider_key(request, event) for event in events}) == len(items)


def test_the_key_is_what_adyen_tells_duplicates_by() -> None:
    key = ("SMPL7TQ9H4NK2WZ3", "REFUND", "true", "SMPL1111H4NK2WZ3")

    assert key_of(item()) == key_of(item() | {"reason": "another", "success": True}) == key


@pytest.mark.parametrize(
    "payload",
    [{}, [], None, {"pspReference": "x"}, {"eventCode": "REFUND"}, item() | {"pspReference": []}],
)
def test_without_a_reference_there_is_no_key(payload: object) -> None:
    assert key_of(payload) is None


NAMES = (*SIGNED_FIELDS, "amount", "additionalData", "hmacSignature", "NotificationRequestItem")


@given(payload=arbitrary.payloads("notificationItems", "live", *NAMES))
def test_no_shape_of_payload_breaks_it(payload: Any) -> None:
    for said_so in (payload, {"notificationItems": [{"NotificationRequestItem": payload}]}):
        request = factories.request(said(said_so))

        for event in SOURCE.events(request, said_so):
            key = SOURCE.provider_key(request, event)

            assert key is None or all(isinstance(part, str) for part in key)


@given(payload=arbitrary.payloads(*NAMES), body=st.binary(), kind=st.sampled_from(["json", "x"]))
def test_nothing_but_a_refusal_comes_of_anything(payload: Any, body: bytes, kind: str) -> None:
    headers = {"Content-Type": f"application/{kind}"}

    for request in (sent(payload), said(payload), Sent(headers, body)):
        assert refusal(request) in {"missing_signature", "bad_signature"}


REPORT = {"eventCode": "REPORT_AVAILABLE", "pspReference": "batch_1.csv", "success": "true"}


def unsigned_report() -> dict[str, Any]:
    return {"NotificationRequestItem": REPORT}


def test_a_report_without_a_signature_is_acknowledged_and_no_event() -> None:
    payload = {"live": "false", "notificationItems": [unsigned_report()]}
    request = factories.request(said(payload))

    check(said(payload))

    assert SOURCE.handshake(request, payload) == OK
    assert SOURCE.events(request, payload) == []


def test_beside_a_payment_a_report_without_a_signature_is_left_out() -> None:
    payload = json.loads(sent(item()).body)
    payload["notificationItems"].append(unsigned_report())
    request = factories.request(said(payload))

    check(said(payload))

    assert SOURCE.handshake(request, payload) is None
    (event,) = SOURCE.events(request, payload)
    assert event.normalised["event_type"] != "REPORT_AVAILABLE"


def test_a_report_with_a_wrong_signature_is_refused() -> None:
    signed = REPORT | {"additionalData": {"hmacSignature": "AAAA"}}

    assert refusal(said({"notificationItems": [{"NotificationRequestItem": signed}]})) == (
        "bad_signature"
    )


def test_a_payment_without_a_signature_is_refused_beside_a_report() -> None:
    payment = REPORT | {"eventCode": "AUTHORISATION"}
    items = [unsigned_report(), {"NotificationRequestItem": payment}]

    assert refusal(said({"notificationItems": items})) == "missing_signature"
