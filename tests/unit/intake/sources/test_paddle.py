"""Paddle: the signature with a timestamp, and the event id as key."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import Unverified
from app.intake import parse
from app.intake.message import Event
from app.intake.sources.paddle import SOURCE
from tests.support import arbitrary, factories, samples
from tests.support.samples import NOW, SECRET, Sent

SAMPLE = samples.sample("paddle", "transaction_completed")
AT = str(int(NOW.timestamp()))
GOOD = samples.sha256_hex(SECRET, AT.encode() + b":" + SAMPLE.body)


def with_header(value: str) -> Sent:
    return replace(SAMPLE, headers=SAMPLE.headers | {"Paddle-Signature": value})


def check(sent: Sent) -> None:
    SOURCE.verify(factories.request(sent), SECRET, NOW, SOURCE.tolerance_seconds)


def refusal(sent: Sent) -> str:
    with pytest.raises(Unverified) as caught:
        check(sent)
    return caught.value.reason


@pytest.mark.parametrize(
    "header",
    [
        f"ts={AT};h1={GOOD}",
        f"h1={GOOD};ts={AT}",
        f"ts={AT}; h1={GOOD}",
        f"ts={AT};h1={'0' * 64};h1={GOOD}",
        f"ts={AT};h1={GOOD};h1={'0' * 64}",
    ],
    ids=["one", "the other way round", "with a space", "the new secret's", "the old secret's"],
)
def test_what_paddle_signed_is_verified(header: str) -> None:
    check(with_header(header))


@pytest.mark.parametrize("body", [SAMPLE.body + b"\n", SAMPLE.body[:-1], b""])
def test_an_altered_body_is_refused(body: bytes) -> None:
    assert refusal(replace(samples.signed("paddle", SAMPLE), body=body)) == "bad_signature"


def test_another_secret_is_refused() -> None:
    assert refusal(samples.signed("paddle", SAMPLE, secret="another")) == "bad_signature"


def test_a_replaced_timestamp_is_refused() -> None:
    assert refusal(with_header(f"ts={int(AT) + 1};h1={GOOD}")) == "bad_signature"


@pytest.mark.parametrize("header", ["", f"h1={GOOD}", f"ts={AT}", f"ts={AT};h1=", f"ts=;h1={GOOD}"])
def test_an_incomplete_proof_is_missing(header: str) -> None:
    assert refusal(with_header(header)) == "missing_signature"


def test_a_request_without_proof_is_refused() -> None:
    assert refusal(SAMPLE) == "missing_signature"


@pytest.mark.parametrize(
    "header",
    [f"ts={AT};h1=ü", f"ts={AT};h1=\udcff", f"ts=\udcff;h1={GOOD}", f"ts={AT};h1={GOOD[:-1]}"],
    ids=ascii,
)
def test_a_malformed_proof_is_refused_without_an_error(header: str) -> None:
    assert refusal(with_header(header)) == "bad_signature"


@pytest.mark.parametrize("timestamp", ["abc", "-1", "1e9", "٣", "9" * 400], ids=ascii)
def test_a_timestamp_that_is_no_time_is_refused(timestamp: str) -> None:
    h1 = samples.sha256_hex(SECRET, f"{timestamp}:".encode() + SAMPLE.body)

    assert refusal(with_header(f"ts={timestamp};h1={h1}")) == "bad_signature"


@pytest.mark.parametrize("seconds", [-301, 301], ids=["old", "from the future"])
def test_a_signature_beyond_five_minutes_is_stale(seconds: int) -> None:
    sent = samples.signed("paddle", SAMPLE, at=NOW + timedelta(seconds=seconds))

    assert refusal(sent) == "stale"


@pytest.mark.parametrize("seconds", [-300, 0, 300])
def test_a_signature_outlives_the_seconds_that_paddles_own_library_gives_it(seconds: int) -> None:
    check(samples.signed("paddle", SAMPLE, at=NOW + timedelta(seconds=seconds)))


def test_a_sample_is_normalised() -> None:
    request = factories.request(SAMPLE)
    payload = parse.payload(request)

    (event,) = SOURCE.events(request, payload)

    assert event.payload == payload
    assert event.normalised == {
        "event_type": "transaction.completed",
        "source": "paddle",
        "occurred_at": "2026-03-05T09:29:56.512Z",
        "data": payload,
    }


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        ({"event_id": "evt_1", "notification_id": "ntf_1"}, ("evt_1",)),
        ({"event_id": 7}, ("7",)),
        ({"event_id": ""}, None),
        ({"event_id": True}, None),
        ({"event_id": ["evt_1"]}, None),
        ({"notification_id": "ntf_1"}, None),
        ([], None),
    ],
)
def test_the_key_is_the_events_id(payload: object, expected: tuple[str, ...] | None) -> None:
    assert SOURCE.provider_key(factories.request(SAMPLE), Event(payload, {})) == expected


@given(payload=arbitrary.payloads("event_id", "event_type", "occurred_at", "data"))
def test_no_shape_of_payload_breaks_it(payload: Any) -> None:
    request = factories.request(SAMPLE)

    (event,) = SOURCE.events(request, payload)

    key = SOURCE.provider_key(request, event)
    assert key is None or all(isinstance(part, str) for part in key)


@given(st.text(), st.text(), st.text())
def test_nothing_but_a_refusal_comes_of_anything(header: str, timestamp: str, h1: str) -> None:
    for value in (header, f"ts={timestamp};h1={h1}"):
        assert refusal(with_header(value)) in {"missing_signature", "bad_signature"}
