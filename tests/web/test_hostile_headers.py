"""Hostile signatures, headers and URLs are refused and cause no error."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from app import clock
from tests.support import samples
from tests.support.in_process_receiver import Receiver
from tests.support.in_process_sender import message, post, signed
from tests.support.samples import Sent

SAMPLES = {
    "clickup": "task_deleted",
    "custom": "idempotency_key",
    "discord": "interaction",
    "github": "push",
    "gitlab": "merge_request",
    "linear": "issue_created",
    "mercadopago": "order_processed",
    "paddle": "transaction_completed",
    "shopify": "orders_create",
    "slack": "app_mention",
    "standard": "invoice_paid",
    "stripe": "payment_intent_succeeded",
    "telegram": "message",
    "twilio": "status_callback",
    "whatsapp": "messages_and_statuses",
}
"""Return the sources that are verified by headers alone, with a sample request of each."""
SPOILED: dict[str, Callable[[str], str]] = {
    "empty": lambda _value: "",
    "one letter": lambda _value: "a",
    "zeros": lambda value: "0" * len(value),
    "backwards": lambda value: value[::-1],
    "cut in half": lambda value: value[: len(value) // 2],
    "10,000 letters": lambda _value: "a" * 10_000,
    "10,000 commas": lambda _value: "," * 10_000,
    "no hex and no base64": lambda _value: "sha256=" + "z!" * 32,
    "outside ASCII": lambda value: "\xff" * len(value),
    "digits of another script in Latin-1": lambda _value: "t=\xb2,v1=\xb3,ts=\xb9;h1=\xb2",
    "separators": lambda _value: "=,;=v1=,t=:v0=,v1,",
}
TIMED = ["discord", "paddle", "slack", "standard", "stripe"]
BODY_SIGNED = sorted(set(SAMPLES) - {"gitlab", "mercadopago", "telegram"})
SIGNATURE = "X-Webhook-Signature"


def _spoil(sent: Sent, proven: Sent, spoil: Callable[[str], str]) -> Sent:
    """Return the request with only its signature spoiled."""
    proof = {
        name: spoil(value) for name, value in proven.headers.items() if name not in sent.headers
    }
    return replace(proven, headers=sent.headers | proof)


@pytest.mark.parametrize("spoil", SPOILED.values(), ids=SPOILED)
@pytest.mark.parametrize("source", SAMPLES)
def test_a_spoiled_proof_is_none(
    receiver: Receiver, source: str, spoil: Callable[[str], str]
) -> None:
    trigger_id = receiver.trigger(source)
    sample = samples.sample(source, SAMPLES[source])

    status = receiver.post(trigger_id, _spoil(sample, signed(source, sample), spoil))

    assert (status, receiver.keys(trigger_id)) == (401, [])


@pytest.mark.parametrize("source", SAMPLES)
def test_no_proof_at_all_is_none(receiver: Receiver, source: str) -> None:
    trigger_id = receiver.trigger(source)

    status = receiver.post(trigger_id, samples.sample(source, SAMPLES[source]))

    assert (status, receiver.keys(trigger_id)) == (401, [])


@pytest.mark.parametrize("away", [-86_400, 86_400, -(10**9), 10**10], ids=lambda away: f"{away} s")
@pytest.mark.parametrize("source", TIMED)
def test_a_proof_of_another_time_is_none(receiver: Receiver, source: str, away: int) -> None:
    trigger_id = receiver.trigger(source)
    sample = samples.sample(source, SAMPLES[source])
    proven = samples.signed(source, sample, at=clock.now() + timedelta(seconds=away))

    status = receiver.post(trigger_id, proven)

    assert (status, receiver.keys(trigger_id)) == (401, [])


@pytest.mark.parametrize("source", BODY_SIGNED)
@pytest.mark.parametrize(
    "alter",
    [lambda body: body + b" ", lambda body: body[:-1], lambda _body: b"", lambda body: b" " + body],
    ids=["a space behind", "a byte less", "empty", "a space in front"],
)
def test_an_altered_body_is_not_what_was_signed(
    receiver: Receiver, source: str, alter: Callable[[bytes], bytes]
) -> None:
    trigger_id = receiver.trigger(source)
    proven = signed(source, samples.sample(source, SAMPLES[source]))

    status = receiver.post(trigger_id, replace(proven, body=alter(proven.body)))

    assert (status, receiver.keys(trigger_id)) == (401, [])


@pytest.mark.parametrize("source", ["evolution", "evolution_go"])
@pytest.mark.parametrize("secret", ["", "x", "%00", "%FF", "x" * 10_000, "%D9%A1", "..", "a%2Fb"])
def test_a_wrong_secret_in_the_address_is_none(
    receiver: Receiver, source: str, secret: str
) -> None:
    trigger_id = receiver.trigger(source)

    status = receiver.post(trigger_id, Sent({}, b"{}", path_secret=secret))

    assert status in (401, 404)
    assert receiver.keys(trigger_id) == []


@pytest.mark.parametrize(
    ("headers", "status", "keys"),
    [
        ([(SIGNATURE, "{right}")], 200, ["m-1"]),
        ([("X-Signature", "{right}")], 200, ["m-1"]),
        ([(SIGNATURE, "wrong"), ("X-Signature", "{right}")], 200, ["m-1"]),
        ([(SIGNATURE, "{right}"), (SIGNATURE, "{right}")], 401, []),
        ([(SIGNATURE, "{right}"), (SIGNATURE, "wrong")], 401, []),
        ([(SIGNATURE, "wrong"), (SIGNATURE, "{right}")], 401, []),
        ([("x-webhook-signature", "{right}")], 200, ["m-1"]),
        ([("X-WEBHOOK-SIGNATURE", "sha256={right}")], 200, ["m-1"]),
        ([(SIGNATURE, "sha256=sha256={right}")], 401, []),
        ([(SIGNATURE, "sha1={right}")], 401, []),
        ([(SIGNATURE, "0x{right}")], 401, []),
        ([(SIGNATURE, "{right}\xff")], 401, []),
        ([(SIGNATURE, '"{right}"')], 401, []),
        ([("Authorization", "{right}")], 401, []),
        ([(SIGNATURE, "{right}"), ("Cookie", "\xff=\xfe; a")], 200, ["m-1"]),
        ([(SIGNATURE, "{right}"), ("Host", "\xff")], 200, ["m-1"]),
        ([(SIGNATURE, "{right}"), ("X-Forwarded-For", "'; --")], 200, ["m-1"]),
        ([(SIGNATURE, "{right}"), ("Forwarded", "for=\xff;;by=,,")], 200, ["m-1"]),
        ([(SIGNATURE, "{right}"), ("Accept", "nonsense/;q=\xff")], 200, ["m-1"]),
        ([(SIGNATURE, "{right}"), ("Range", "bytes=9-1")], 200, ["m-1"]),
        ([(SIGNATURE, "{right}"), ("If-Match", "*")], 200, ["m-1"]),
        ([(SIGNATURE, "{right}"), ("Expect", "100-continue")], 200, ["m-1"]),
        ([(SIGNATURE, "{right}"), ("X-Http-Method-Override", "DELETE")], 200, ["m-1"]),
        ([(SIGNATURE, "{right}"), ("X-Letter", "\x80\xff\x01")], 200, ["m-1"]),
        ([(SIGNATURE, "{right}"), ("X-Long", "a" * 100_000)], 200, ["m-1"]),
        ([(SIGNATURE, "{right}"), *((f"X-{n}", "a") for n in range(200))], 200, ["m-1"]),
        ([(SIGNATURE, "{right}"), *(("X-Same", "a") for _ in range(200))], 200, ["m-1"]),
    ],
    ids=lambda value: str(value)[:60] if isinstance(value, list) else None,
)
def test_headers_prove_or_change_nothing(
    receiver: Receiver, headers: list[tuple[str, str]], status: int, keys: list[str]
) -> None:
    trigger_id = receiver.trigger()
    right = message().headers[SIGNATURE]
    named = [(name, value.replace("{right}", right)) for name, value in headers]

    answer = receiver.client.simulate_post(
        f"/api/triggers/webhook/{trigger_id}", headers=named, body=message().body
    )

    assert (answer.status_code, receiver.keys(trigger_id)) == (status, keys)


@pytest.mark.parametrize(
    "shape",
    [
        "0",
        "-{id}",
        "+{id}",
        "{id}.0",
        "{id}e0",
        "1e3",
        "0x{id}",
        "{id}_0",
        "%20{id}",
        "{id}%20",
        "{id}%0A",
        "{id}%00",
        "%00",
        "%00{id}",
        "{id};a",
        "{id}%3F",
        "{id},{id}",
        "١",
        "%D9%A1",
        "%C2%B2",
        "%FF",
        "%ED%A0%80",
        "🚢",
        "",
        "..",
        "%2E%2E",
        "null",
        "NaN",
        "true",
        "*",
        "%25",
        "'%20OR%201=1",
        "2147483647",
        "2147483648",
        "9223372036854775808",
        "9999999999999999999",
        "9" * 5_000,
        "0" * 5_000 + "{id}",
        "a" * 10_000,
        "%F0%9F%9A%A2" * 500,
    ],
    ids=lambda shape: shape[:30],
)
def test_an_address_that_names_no_trigger_is_refused(receiver: Receiver, shape: str) -> None:
    trigger_id = receiver.trigger()

    answer = post(receiver.client, shape.format(id=trigger_id), message())

    assert (answer.status_code, answer.json) == (401, {"error": "unauthorized"})
    assert receiver.keys(trigger_id) == []


@pytest.mark.parametrize(
    ("shape", "status"),
    [
        ("{id}", 200),
        ("0{id}", 200),
        ("{id}/", 200),
        ("{id}%2F", 200),
        ("{id}/not-asked-for", 200),
        ("{id}?a=%FF&&=", 200),
        ("{id}//", 200),
        ("{id}/a/b", 200),
    ],
)
def test_an_address_that_names_a_trigger_in_another_way_is_defined(
    receiver: Receiver, shape: str, status: int
) -> None:
    trigger_id = receiver.trigger()

    answer = post(receiver.client, shape.format(id=trigger_id), message())

    assert (answer.status_code, len(receiver.keys(trigger_id))) == (status, status == 200)


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE", "TRACE"])
def test_only_a_post_brings_an_event(receiver: Receiver, method: str) -> None:
    trigger_id = receiver.trigger()
    sent = message()

    answer = receiver.client.simulate_request(
        method, f"/api/triggers/webhook/{trigger_id}", headers=sent.headers, body=sent.body
    )

    assert (answer.status_code, receiver.keys(trigger_id)) == (405, [])
    assert "POST" in answer.headers["Allow"]


@pytest.mark.parametrize(
    "query", ["hub.mode", "hub.mode=subscribe", "hub.mode=%00&hub.verify_token=%FF", "hub.mode=&=&"]
)
def test_a_question_that_proves_nothing_is_forbidden(receiver: Receiver, query: str) -> None:
    trigger_id = receiver.trigger("whatsapp")
    path = f"/api/triggers/webhook/{trigger_id}"

    answer = receiver.client.simulate_get(path, query_string=query)

    assert answer.status_code in (403, 405)
    assert receiver.keys(trigger_id) == []
