"""Mercado Pago: the signature covers an id in the query, never the body."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import Unverified
from app.intake import parse
from app.intake.message import Event
from app.intake.sources.mercadopago import SOURCE
from tests.support import arbitrary, factories, samples
from tests.support.samples import NOW, SECRET, Sent

REQUEST_ID = "bb56a2f1-6aae-46ac-982e-9dcd3581d08e"
AT = str(int(NOW.timestamp()))
QUERY = {"data.id": "123456789012", "type": "payment"}
SAMPLE = replace(samples.sample("mercadopago", "payment_updated"), query=QUERY)


def signing(manifest: str, timestamp: str = AT, **headers: str) -> Sent:
    """Return the sample with a signature over exactly these values."""
    v1 = samples.sha256_hex(SECRET, manifest.encode())
    proof = {"X-Signature": f"ts={timestamp},v1={v1}", "X-Request-Id": REQUEST_ID}
    added = {name.replace("_", "-"): value for name, value in headers.items()}
    return replace(SAMPLE, headers=SAMPLE.headers | proof | added)


def check(sent: Sent, tolerance: float | None = SOURCE.tolerance_seconds) -> None:
    SOURCE.verify(factories.request(sent), SECRET, NOW, tolerance)


def refusal(sent: Sent, tolerance: float | None = SOURCE.tolerance_seconds) -> str:
    with pytest.raises(Unverified) as caught:
        check(sent, tolerance)
    return caught.value.reason


def event_of(case: str, query: dict[str, str]) -> Event:
    request = factories.request(replace(samples.sample("mercadopago", case), query=query))
    (event,) = SOURCE.events(request, parse.payload(request))
    return event


def key_of(payload: object) -> tuple[str, ...] | None:
    return SOURCE.provider_key(factories.request(SAMPLE), Event(payload, {}))


def test_what_mercado_pago_signed_is_verified() -> None:
    check(signing(f"id:123456789012;request-id:{REQUEST_ID};ts:{AT};"))


@pytest.mark.parametrize("as_signed", ["ORD01JNK3", "ord01jnk3"], ids=["as it came", "lower case"])
def test_an_alphanumeric_id_is_verified_in_either_case(as_signed: str) -> None:
    signed = signing(f"id:{as_signed};request-id:{REQUEST_ID};ts:{AT};")

    check(replace(signed, query={"data.id": "ORD01JNK3"}))


@pytest.mark.parametrize(
    ("manifest", "query", "request_id"),
    [
        (f"request-id:{REQUEST_ID};ts:{AT};", {}, REQUEST_ID),
        (f"id:1;ts:{AT};", {"data.id": "1"}, ""),
        (f"ts:{AT};", {"data.id": ""}, ""),
    ],
    ids=["no id", "no request id", "neither"],
)
def test_a_part_that_was_not_sent_is_not_signed(
    manifest: str, query: dict[str, str], request_id: str
) -> None:
    check(replace(signing(manifest, X_Request_Id=request_id), query=query))


@pytest.mark.parametrize(
    "altered",
    [
        replace(samples.signed("mercadopago", SAMPLE), query={"data.id": "999"}),
        replace(samples.signed("mercadopago", SAMPLE), query={}),
        signing(f"id:123456789012;request-id:another;ts:{AT};"),
        signing(f"id:123456789012;request-id:{REQUEST_ID};ts:{AT};", str(int(AT) + 1)),
        signing(f"id:123456789012;request-id:{REQUEST_ID};ts:{AT}"),
    ],
    ids=["another id", "no id", "another request", "another time", "no last semicolon"],
)
def test_whatever_is_altered_is_refused(altered: Sent) -> None:
    assert refusal(altered) == "bad_signature"


def test_an_altered_body_is_not_noticed_so_the_signed_id_is_what_counts() -> None:
    altered = replace(samples.signed("mercadopago", SAMPLE), body=b'{"data":{"id":"999"}}')
    request = factories.request(altered)

    check(altered)

    (event,) = SOURCE.events(request, parse.payload(request))
    assert event.normalised["resource_id"] == "123456789012"


def test_one_part_cannot_pass_for_two() -> None:
    signed = signing(f"id:1;request-id:{REQUEST_ID};ts:{AT};", X_Request_Id="")

    assert refusal(replace(signed, query={"data.id": f"1;request-id:{REQUEST_ID}"})) == (
        "bad_signature"
    )


def test_another_secret_is_refused() -> None:
    assert refusal(samples.signed("mercadopago", SAMPLE, secret="another")) == "bad_signature"


@pytest.mark.parametrize("header", ["", f"ts={AT}", f"ts={AT},v1=", "v1=00", "ts=,v1=00", "v2=00"])
def test_an_incomplete_proof_is_missing(header: str) -> None:
    assert refusal(signing("", X_Signature=header)) == "missing_signature"


@pytest.mark.parametrize("v1", ["ü", "\udcff", "0" * 64, "=", "🔑"], ids=ascii)
def test_a_malformed_proof_is_refused_without_an_error(v1: str) -> None:
    assert refusal(signing("", X_Signature=f"ts={AT},v1={v1}")) == "bad_signature"


@pytest.mark.parametrize("timestamp", ["abc", "-1", "1e9", "٣", "9" * 400], ids=ascii)
def test_a_timestamp_that_is_no_time_is_refused(timestamp: str) -> None:
    sent = signing(f"id:123456789012;request-id:{REQUEST_ID};ts:{timestamp};", timestamp)

    assert refusal(sent) == "bad_signature"


def test_a_signature_of_yesterday_is_good_since_a_retry_may_be_that_old() -> None:
    check(samples.signed("mercadopago", SAMPLE, at=NOW - timedelta(days=1)))


@pytest.mark.parametrize("unit", ["", "000"], ids=["seconds", "milliseconds"])
def test_an_operator_may_set_a_limit_in_whatever_unit_mercado_pago_counts(unit: str) -> None:
    old = str(int(AT) - 301) + unit
    fresh = str(int(AT) - 300) + unit

    check(signing(f"id:123456789012;request-id:{REQUEST_ID};ts:{fresh};", fresh), 300)

    stale = signing(f"id:123456789012;request-id:{REQUEST_ID};ts:{old};", old)
    assert refusal(stale, 300) == "stale"


def test_a_payment_is_normalised() -> None:
    event = event_of("payment_updated", QUERY)

    assert event.normalised == {
        "event_type": "payment",
        "source": "mercadopago",
        "action": "payment.updated",
        "resource_id": "123456789012",
        "data": event.payload,
    }


def test_the_key_of_a_payment_is_the_notifications_id_and_what_happened() -> None:
    event = event_of("payment_updated", QUERY)

    key = SOURCE.provider_key(factories.request(SAMPLE), event)

    assert key == ("112233445566", "payment.updated")


def test_an_order_has_no_id_of_its_notification_so_the_key_is_its_version() -> None:
    event = event_of("order_processed", {})

    key = SOURCE.provider_key(factories.request(SAMPLE), event)

    assert key == ("order", "ORD01JNK3SAMPLE0000000000001", "order.processed", "2", "processed")


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        ({"id": "1", "action": "created", "data": {"id": "7"}}, ("1", "created")),
        ({"id": 1, "action": "updated", "data": {}}, ("1", "updated")),
        ({"id": 1, "data": {"id": 7}}, ("1", "")),
        ({"id": 1, "data": {"id": "1"}, "version": 0}, ("payment", "1", "", "0", "")),
        ({"id": 1, "type": "t", "state": "OPEN", "version": 3}, ("t", "1", "", "3", "")),
        ({"id": True, "action": "updated"}, None),
        ({"action": "updated"}, None),
        ([], None),
    ],
)
def test_the_parts_of_a_key(payload: object, expected: tuple[str, ...] | None) -> None:
    assert key_of(payload) == expected


@given(payload=arbitrary.payloads("id", "action", "type", "data"))
def test_no_shape_of_payload_breaks_it(payload: Any) -> None:
    request = factories.request(SAMPLE)

    (event,) = SOURCE.events(request, payload)

    key = SOURCE.provider_key(request, event)
    assert key is None or all(isinstance(part, str) for part in key)


@given(st.text(), st.text(), st.text(), st.text())
def test_nothing_but_a_refusal_comes_of_anything(
    timestamp: str, v1: str, request_id: str, resource: str
) -> None:
    sent = signing("", X_Signature=f"ts={timestamp},v1={v1}", X_Request_Id=request_id)

    reason = refusal(replace(sent, query={"data.id": resource}))

    assert reason in {"missing_signature", "bad_signature"}
