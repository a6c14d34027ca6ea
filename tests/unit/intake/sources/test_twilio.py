"""Twilio: the signature covers the address and a form's parameters or another body's hash."""

from dataclasses import replace
from urllib.parse import urlencode

import pytest

from app.errors import Unverified
from app.intake import parse
from app.intake.message import FORM, Event
from app.intake.sources.twilio import SOURCE
from tests.support import factories, samples
from tests.support.samples import NOW, SECRET, Sent

MESSAGE = samples.sample("twilio", "message_received")
SID = "SM0123456789abcdef0123456789abcdef"
# https://github.com/twilio/twilio-python/blob/main/tests/unit/test_request_validator.py
URL = "https://mycompany.com/myapp.php?foo=1&bar=2"
CALL = (
    b"CallSid=CA1234567890ABCDE&Digits=1234&From=%2B14158675309&To=%2B18005551212"
    b"&Caller=%2B14158675309"
)
JSON = b'{"property": "value", "boolean": true}'
JSON_HASH = "0a1ff7634d9ab3b95db5c9a2dfe9416e41502b283a80c7cf19632632f96e6620"
JSON_SIGNATURE = "a9nBmqA0ju/hNViExpshrM61xv4="


def published(signature: str, url: str = URL, body: bytes = CALL) -> Sent:
    return Sent({"Content-Type": FORM, "X-Twilio-Signature": signature}, body, url=url)


def published_json(body: bytes = JSON, named: str = JSON_HASH) -> Sent:
    headers = {"Content-Type": "application/json", "X-Twilio-Signature": JSON_SIGNATURE}
    url = f"{URL}&bodySHA256={JSON_HASH}"
    return Sent(headers, body, query={"bodySHA256": named}, url=url)


def check(sent: Sent, secret: str = SECRET) -> None:
    SOURCE.verify(factories.request(sent), secret, NOW, None)


def refusal(sent: Sent, secret: str = SECRET) -> str:
    with pytest.raises(Unverified) as caught:
        check(sent, secret)
    return caught.value.reason


def key_of(sent: Sent) -> tuple[str, ...] | None:
    request = factories.request(sent)
    (event,) = SOURCE.events(request, parse.payload(request))
    return SOURCE.provider_key(request, event)


def test_twilios_own_example_is_verified() -> None:
    check(published("RSOYDt4T1cUTdK1PDd93/VVr8B8="), "12345")


def test_a_parameter_that_comes_twice_is_signed_as_twilio_signs_it() -> None:
    body = b"Sid=CA123&SidAccount=AC123&Digits=5678&Digits=1234&Digits=1234"

    check(published("IK+Dwps556ElfBT0I3Rgjkr1wJU=", body=body), "12345")


@pytest.mark.parametrize(
    ("url", "signature"),
    [
        (URL.replace(".com", ".com:1234"), "RSOYDt4T1cUTdK1PDd93/VVr8B8="),
        (URL, "kvajT1Ptam85bY51eRf/AJRuM3w="),
        (URL.replace("https", "http"), "0ZXoZLH/DfblKGATFgpif+LLRf4="),
        (URL.replace("https", "http").replace(".com", ".com:1234"), "Zmvh+3yNM1Phv2jhDCwEM3q5ebU="),
    ],
    ids=["signed without its port", "signed with 443", "signed with 80", "signed as it is"],
)
def test_twilio_may_sign_the_port_or_not(url: str, signature: str) -> None:
    check(published(signature, url), "12345")


def test_twilios_own_example_of_json_is_verified() -> None:
    check(published_json(), "12345")


def test_the_hash_of_a_body_may_be_in_capitals() -> None:
    check(published_json(named=JSON_HASH.upper()), "12345")


@pytest.mark.parametrize("body", [JSON + b" ", b"", b"{}"], ids=["more", "none", "another"])
def test_a_body_of_another_hash_is_refused(body: bytes) -> None:
    assert refusal(published_json(body=body), "12345") == "bad_signature"


def test_json_that_is_called_a_form_is_refused() -> None:
    sent = published_json(body=b"MessageSid=SM1")
    headers = sent.headers | {"Content-Type": FORM}

    assert refusal(replace(sent, headers=headers), "12345") == "bad_signature"


def test_json_whose_hash_nobody_signed_is_refused() -> None:
    signature = samples.twilio_signature(SECRET, URL, [])
    headers = {"Content-Type": "application/json", "X-Twilio-Signature": signature}

    assert refusal(Sent(headers, JSON, url=URL)) == "bad_signature"


def test_a_request_without_a_body_is_verified_by_its_address() -> None:
    check(Sent({"X-Twilio-Signature": samples.twilio_signature(SECRET, URL, [])}, url=URL))


def test_what_twilio_signed_is_verified() -> None:
    check(samples.signed("twilio", MESSAGE))


def test_an_altered_body_is_refused() -> None:
    altered = replace(samples.signed("twilio", MESSAGE), body=MESSAGE.body.replace(b"7", b"8"))

    assert refusal(altered) == "bad_signature"


def test_another_address_is_refused() -> None:
    moved = replace(samples.signed("twilio", MESSAGE), url="https://hooks.acme.example/other")

    assert refusal(moved) == "bad_signature"


def test_another_secret_is_refused() -> None:
    assert refusal(samples.signed("twilio", MESSAGE), "another") == "bad_signature"


@pytest.mark.parametrize("headers", [{}, {"X-Twilio-Signature": ""}])
def test_without_a_signature_it_is_refused(headers: dict[str, str]) -> None:
    assert refusal(Sent(headers, MESSAGE.body, url=URL)) == "missing_signature"


@pytest.mark.parametrize("value", ["=", "0" * 40, "schlüssel", "\udcff"], ids=ascii)
def test_a_malformed_signature_is_refused(value: str) -> None:
    assert refusal(published(value)) == "bad_signature"


@pytest.mark.parametrize("url", ["", "no address", "http://[::1/", "https://a:b:c/", "\udcff"])
def test_an_address_that_is_none_is_refused_without_an_error(url: str) -> None:
    assert refusal(published("RSOYDt4T1cUTdK1PDd93/VVr8B8=", url), "12345") == "bad_signature"


@pytest.mark.parametrize("body", [b"\xff\xfe=%ff", b"%", b"&&==&", b"\x00"])
def test_a_form_that_is_none_is_refused_without_an_error(body: bytes) -> None:
    assert refusal(published("RSOYDt4T1cUTdK1PDd93/VVr8B8=", body=body), "12345") == "bad_signature"


def test_a_message_is_normalised() -> None:
    request = factories.request(MESSAGE)

    (event,) = SOURCE.events(request, parse.payload(request))

    said = dict(event.normalised)
    assert said.pop("data")["Body"] == "Is berth 7 free? ⚓ & thanks"
    assert said == {
        "event_type": "message",
        "source": "twilio",
        "status": "received",
        "from": "+4915555000200",
        "to": "+4930555000100",
    }


@pytest.mark.parametrize(
    ("payload", "event_type", "status"),
    [
        ({"CallSid": "CA1", "CallStatus": "ringing"}, "call", "ringing"),
        ({"EventType": "onMessageAdded", "MessageSid": "IM1"}, "onMessageAdded", None),
        ({}, "unknown", None),
    ],
    ids=["a call", "a conversation", "nothing"],
)
def test_what_a_request_is_about_names_its_event(
    payload: object, event_type: str, status: str | None
) -> None:
    (event,) = SOURCE.events(factories.request(Sent()), payload)

    assert (event.normalised["event_type"], event.normalised["status"]) == (event_type, status)


def test_the_token_identifies_a_request() -> None:
    assert key_of(MESSAGE) == ("5f0f3a52-7a0d-4b1a-8c1e-4d2b7f9e6c10",)


def test_without_a_token_the_message_and_its_status_identify_it() -> None:
    callback = samples.sample("twilio", "status_callback")

    assert key_of(callback) == ("SMabcdefabcdefabcdefabcdefabcdefab", "delivered")


@pytest.mark.parametrize(
    "said", [{"MessageSid": SID}, {"MessageStatus": "sent"}, {"CallSid": "CA1"}, {"a": "b"}]
)
def test_half_an_id_is_none(said: dict[str, str]) -> None:
    assert key_of(Sent({"Content-Type": FORM}, urlencode(said).encode())) is None


def test_each_item_of_a_list_is_an_event_with_its_own_key() -> None:
    request = factories.request(Sent({"I-Twilio-Idempotency-Token": "one for all"}))
    items = [{"id": "EZ1", "type": "com.twilio.messaging.message.sent"}, {"id": "EZ2"}, {}]

    events = SOURCE.events(request, items)

    keys = [SOURCE.provider_key(request, event) for event in events]
    assert keys == [("EZ1",), ("EZ2",), None]
    assert events[0].normalised["event_type"] == "com.twilio.messaging.message.sent"


def test_twilio_is_keyed_by_its_own_id() -> None:
    assert SOURCE.keyed_by_default
    assert SOURCE.provider_key(factories.request(Sent()), Event({}, {})) is None
