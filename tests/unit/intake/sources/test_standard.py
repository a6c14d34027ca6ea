"""Standard Webhooks and Svix: signatures, events, and the id that becomes the key."""

import base64
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import Unverified
from app.intake import parse
from app.intake.message import Event
from app.intake.sources.standard import SOURCE
from tests.support import arbitrary, factories, samples
from tests.support.samples import NOW, SECRET, Sent

WHSEC = samples.trigger_secret("standard")
ID = "msg_2KWPBgLlAfxdpx2AI54pPJ85f4W"
BODY = b'{"type":"berth.freed","data":{"berth":7}}'


def sent(at: datetime = NOW, key: bytes = SECRET.encode(), prefix: str = "webhook") -> Sent:
    timestamp = str(int(at.timestamp()))
    signature = samples.standard_signature(key, ID, timestamp, BODY)
    headers = {"id": ID, "timestamp": timestamp, "signature": signature}
    return Sent({f"{prefix}-{name}": value for name, value in headers.items()}, BODY)


def check(request: Sent, secret: str = WHSEC, now: datetime = NOW) -> None:
    SOURCE.verify(factories.request(request), secret, now, SOURCE.tolerance_seconds)


def refusal(request: Sent, secret: str = WHSEC) -> str:
    with pytest.raises(Unverified) as caught:
        check(request, secret)
    return caught.value.reason


def with_headers(request: Sent, **headers: str) -> Sent:
    changed = {name.replace("_", "-"): value for name, value in headers.items()}
    return replace(request, headers=request.headers | changed)


def test_the_vector_of_the_standard_is_verified() -> None:
    headers = {
        "webhook-id": "msg_loFOjxBNrRLzqYUf",
        "webhook-timestamp": "1731705121",
        "webhook-signature": "v1,rAvfW3dJ/X/qxhsaXPOyyCGmRKsaKWcsNccKXlIktD0=",
    }
    vector = Sent(headers, b'{"event_type":"ping","data":{"success":true}}')

    check(vector, "whsec_plJ3nmyCDGBKInavdOK15jsl", datetime.fromtimestamp(1731705121, UTC))


@pytest.mark.parametrize("prefix", ["webhook", "svix"])
def test_both_names_of_the_headers_are_verified(prefix: str) -> None:
    check(sent(prefix=prefix))


@pytest.mark.parametrize("secret", [WHSEC, WHSEC.removeprefix("whsec_"), WHSEC.rstrip("=")])
def test_a_secret_may_come_without_prefix_or_padding(secret: str) -> None:
    check(sent(), secret)


@pytest.mark.parametrize("place", [0, 1, 2])
def test_one_good_signature_among_several_is_enough(place: int) -> None:
    request = sent()
    signatures = ["v1," + base64.b64encode(bytes(32)).decode(), "v1a,c29tZXRoaW5n"]
    signatures.insert(place, request.headers["webhook-signature"])

    check(with_headers(request, webhook_signature=" ".join(signatures)))


@pytest.mark.parametrize(
    "altered",
    [
        replace(sent(), body=BODY + b"\n"),
        replace(sent(), body=b""),
        with_headers(sent(), webhook_id="msg_another"),
        with_headers(sent(), webhook_timestamp=str(int(NOW.timestamp()) + 1)),
    ],
    ids=["a newline more", "no body", "another id", "another time"],
)
def test_whatever_is_altered_is_refused(altered: Sent) -> None:
    assert refusal(altered) == "bad_signature"


def test_another_secret_is_refused() -> None:
    assert refusal(sent(key=b"another secret")) == "bad_signature"


@pytest.mark.parametrize(
    "secret", ["", "whsec_", "whsec_====", "not base64!", "whsec_ü", "whsec_a"]
)
def test_a_secret_that_decodes_to_nothing_refuses_even_what_nothing_signed(secret: str) -> None:
    assert refusal(sent(key=b""), secret) == "bad_signature"


@pytest.mark.parametrize("name", ["webhook-id", "webhook-timestamp", "webhook-signature"])
@pytest.mark.parametrize("value", [None, ""])
def test_a_missing_part_of_the_proof_is_missing(name: str, value: str | None) -> None:
    headers = sent().headers | {name: value}

    incomplete = Sent({name: found for name, found in headers.items() if found is not None}, BODY)

    assert refusal(incomplete) == "missing_signature"


def test_the_parts_of_the_proof_are_not_gathered_from_both_prefixes() -> None:
    whole = sent(prefix="svix")
    mixed = replace(whole, headers=whole.headers | {"webhook-signature": "v1,AAAA"})

    assert refusal(mixed) == "missing_signature"


@pytest.mark.parametrize(
    "value", ["schlüssel", "\udcff", "v1", "v1,", "v2,AAAA", ",,,", "🔑"], ids=ascii
)
def test_a_malformed_signature_is_refused_without_an_error(value: str) -> None:
    assert refusal(with_headers(sent(), webhook_signature=value)) == "bad_signature"


@pytest.mark.parametrize("seconds", [-301, 301], ids=["old", "from the future"])
def test_a_signature_beyond_five_minutes_is_stale(seconds: int) -> None:
    assert refusal(sent(at=NOW + timedelta(seconds=seconds))) == "stale"


@pytest.mark.parametrize("seconds", [-300, 0, 300])
def test_a_signature_counts_for_five_minutes_either_way(seconds: int) -> None:
    check(sent(at=NOW + timedelta(seconds=seconds)))


@pytest.mark.parametrize("timestamp", ["abc", "-1", "1e9", "٣", "9" * 400], ids=ascii)
def test_a_timestamp_that_is_no_time_is_refused(timestamp: str) -> None:
    signature = samples.standard_signature(SECRET.encode(), ID, timestamp, BODY)
    odd = with_headers(sent(), webhook_timestamp=timestamp, webhook_signature=signature)

    assert refusal(odd) == "bad_signature"


@pytest.mark.parametrize("name", ["type", "event_type", "event"])
def test_the_type_of_an_event_is_found_where_senders_put_it(name: str) -> None:
    (event,) = SOURCE.events(factories.request(Sent()), {name: "berth.freed"})

    assert event.normalised["event_type"] == "berth.freed"


def test_a_sample_is_normalised() -> None:
    request = factories.request(samples.sample("standard", "invoice_paid"))
    payload = parse.payload(request)

    (event,) = SOURCE.events(request, payload)

    expected = {"event_type": "invoice.paid", "source": "standard", "data": payload}
    assert event == Event(payload, expected)


@pytest.mark.parametrize("prefix", ["webhook", "svix"])
def test_the_key_is_the_messages_id(prefix: str) -> None:
    assert SOURCE.provider_key(factories.request(sent(prefix=prefix)), Event({}, {})) == (ID,)


def test_the_key_is_the_id_that_was_signed_whatever_stands_beside_it() -> None:
    both = sent()
    both = replace(both, headers={"svix-id": "msg_other", "svix-signature": "v1,A"} | both.headers)

    check(both)

    assert SOURCE.provider_key(factories.request(both), Event({}, {})) == (ID,)


@pytest.mark.parametrize("headers", [{}, {"webhook-id": ""}, {"id": "7"}])
def test_without_an_id_there_is_no_key(headers: dict[str, str]) -> None:
    assert SOURCE.provider_key(factories.request(Sent(headers)), Event({}, {})) is None


@given(payload=arbitrary.payloads("type", "event_type", "event", "data"))
def test_no_shape_of_payload_breaks_it(payload: Any) -> None:
    request = factories.request(sent())

    (event,) = SOURCE.events(request, payload)

    assert SOURCE.provider_key(request, event) == (ID,)


@given(st.text(), st.text(), st.text(), st.text(), st.binary())
def test_nothing_but_a_refusal_comes_of_anything(
    message_id: str, timestamp: str, signature: str, secret: str, body: bytes
) -> None:
    headers = {
        "webhook-id": message_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": signature,
    }

    assert refusal(Sent(headers, body), secret) in {"missing_signature", "bad_signature"}
