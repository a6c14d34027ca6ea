"""A diagnosis finds the sender's mistake by trying, and repeats no secret."""

import base64
import hashlib
import hmac
import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from app.intake import signatures
from app.intake.diagnosis import Refused, diagnose
from app.intake.diagnosis.findings import OtherTrigger
from app.intake.message import Request, WebhookTrigger
from tests.support import factories, samples
from tests.support.samples import NOW, SECRET, Sent

BODY = b'{"b": 1, "a": "\xc3\xa9/\xc3\xa9"}'
OTHER = "the-secret-of-another-trigger"
HUB = "X-Hub-Signature-256"
BYTES = bytes(range(128, 160))
STANDARD = f"whsec_{base64.b64encode(BYTES).decode()}"


def found(
    sent: Sent, source: str = "github", others: Sequence[OtherTrigger] = (), **given: Any
) -> list[tuple[str, str]]:
    trigger = WebhookTrigger(1, source, given.pop("secret", SECRET), True, **given)
    refused = Refused(factories.request(sent), trigger, NOW, others)
    return [tuple(each) for each in diagnose(refused, signatures.BAD)]  # type: ignore[misc]


def hub(value: str) -> Sent:
    return Sent({HUB: value}, BODY)


def of_body(body: bytes, secret: str = SECRET) -> str:
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


RIGHT = of_body(BODY)
COMPACT = json.dumps(json.loads(BODY), separators=(",", ":")).encode()
BODIES = {
    "compact": (COMPACT, "reserialised_json"),
    "sorted": (json.dumps(json.loads(BODY), sort_keys=True).encode(), "reserialised_json"),
    "php": (COMPACT.replace(b"/", b"\\/"), "reserialised_json"),
    "indented": (
        json.dumps(json.loads(BODY), indent=2, ensure_ascii=False).encode(),
        "reserialised_json",
    ),
    "with a line break": (BODY + b"\n", "newline_added"),
    "with CRLF": (BODY + b"\r\n", "newline_added"),
    "latin-1": (BODY.decode().encode("latin-1"), "character_encoding"),
    "nothing": (b"", "empty_body"),
}


@pytest.mark.parametrize("name", BODIES)
def test_another_form_of_the_body_is_found(name: str) -> None:
    body, code = BODIES[name]

    assert [each for each, _ in found(hub(f"sha256={of_body(body)}"))] == [code]


@pytest.mark.parametrize(
    ("sent_body", "code"),
    [
        (BODY + b"\n", "newline_removed"),
        (b"\xef\xbb\xbf" + BODY, "byte_order_mark"),
        (b" " + BODY, "newline_removed"),
    ],
)
def test_what_was_added_to_the_body_is_found(sent_body: bytes, code: str) -> None:
    sent = Sent({HUB: f"sha256={RIGHT}"}, sent_body)

    assert [each for each, _ in found(sent)] == [code]


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (RIGHT, "prefix"),
        (f"sha1={RIGHT}", "prefix"),
        (f"sha256={RIGHT.upper()}", "encoding"),
        (f'"sha256={RIGHT}"', "spelling"),
        (f"sha256={base64.b64encode(bytes.fromhex(RIGHT)).decode()}", "encoding"),
        (base64.b64encode(bytes.fromhex(RIGHT)).decode(), "encoding"),
    ],
)
def test_another_writing_of_the_signature_is_found(value: str, code: str) -> None:
    assert [each for each, _ in found(hub(value))] == [code]


def test_another_secret_is_found_by_the_name_of_its_trigger() -> None:
    others = [OtherTrigger("shop", "x"), OtherTrigger("orders", OTHER)]
    sent = hub(f"sha256={of_body(BODY, OTHER)}")

    ((code, sentence),) = found(sent, others=others)
    ((previous, _),) = found(sent, previous_secret=OTHER)

    assert (code, previous) == ("other_trigger", "previous_secret")
    assert "orders" in sentence
    assert OTHER not in sentence


@pytest.mark.parametrize(
    ("stored", "used"),
    [
        (f"{SECRET}\n", SECRET),
        (SECRET, f"{SECRET}\n"),
        (f"whsec_{SECRET}", SECRET),
        (SECRET, base64.b64encode(SECRET.encode()).decode()),
        (SECRET.encode().hex(), SECRET),
        (SECRET, f" {SECRET}"),
        (SECRET, f"{SECRET}\t"),
        (SECRET, f" {SECRET} "),
        (SECRET, f'"{SECRET}"'),
        (SECRET, SECRET.encode().hex()),
    ],
)
def test_another_spelling_of_the_secret_is_found(stored: str, used: str) -> None:
    ((code, sentence),) = found(hub(f"sha256={of_body(BODY, used)}"), secret=stored)

    assert code == "secret_spelling"
    assert SECRET not in sentence


@pytest.mark.parametrize("text", [STANDARD, STANDARD.removeprefix("whsec_")])
def test_a_sender_that_does_not_decode_the_secret_of_standard_webhooks_is_found(text: str) -> None:
    at = str(int(NOW.timestamp()))
    signature = samples.standard_signature(text.encode(), "msg_1", at, BODY)
    headers = {"Webhook-Id": "msg_1", "Webhook-Timestamp": at, "Webhook-Signature": signature}

    ((code, sentence),) = found(Sent(headers, BODY), "standard", secret=STANDARD)

    assert (code, "without decoding it" in sentence) == ("secret_spelling", True)


@pytest.mark.parametrize("stored", [base64.b64encode(BYTES).decode(), BYTES.hex()])
def test_a_sender_that_decodes_a_secret_to_bytes_that_are_no_text_is_found(stored: str) -> None:
    signature = hmac.new(BYTES, BODY, hashlib.sha256).hexdigest()

    causes = found(hub(f"sha256={signature}"), secret=stored)

    assert causes[0] == ("secret_spelling", "the sender signs with the decoded secret")


@pytest.mark.parametrize("source", ["gitlab", "evolution"])
def test_an_expired_token_has_no_time_that_a_clock_could_be_blamed_for(source: str) -> None:
    sent = samples.signed(source, Sent({"X-Request-Id": "1234567890"}, BODY))

    causes = found(sent, source, secret="the new one", previous_secret=SECRET)

    assert [code for code, _ in causes] == ["previous_secret"]


@pytest.mark.parametrize("source", ["stripe", "slack", "standard", "paddle"])
@pytest.mark.parametrize("seconds", [-4_000, 4_000])
def test_a_clock_that_is_off_is_found_to_the_second(source: str, seconds: int) -> None:
    sent = samples.signed(source, Sent({}, BODY), at=NOW - timedelta(seconds=seconds))

    ((code, sentence),) = found(sent, source, secret=samples.trigger_secret(source))

    side = "before" if seconds > 0 else "after"
    assert (code, f"is 4000 s {side} ours" in sentence) == ("clock", True)


@pytest.mark.parametrize("source", ["stripe", "slack"])
def test_an_expired_secret_and_a_wrong_clock_are_both_found(source: str) -> None:
    late = samples.signed(source, Sent({}, BODY), at=NOW - timedelta(seconds=4_000))
    fresh = samples.signed(source, Sent({}, BODY), at=NOW)
    rotated = {"secret": "the new one", "previous_secret": SECRET}

    both = found(late, source, previous_secret_expires_at=NOW - timedelta(1), **rotated)
    one = found(fresh, source, previous_secret_expires_at=NOW - timedelta(1), **rotated)

    assert [code for code, _ in both] == ["clock", "previous_secret"]
    assert "4000 s before ours" in both[0][1]
    assert [code for code, _ in one] == ["previous_secret"]


def hashed(algorithm: str, body: bytes = BODY, secret: str = SECRET) -> bytes:
    return hmac.digest(secret.encode(), body, algorithm)


@pytest.mark.parametrize("algorithm", ["sha1", "sha384", "sha512", "md5"])
@pytest.mark.parametrize("prefix", ["sha256=", "", "sha1=", "v1,"])
def test_another_algorithm_is_found_and_named(algorithm: str, prefix: str) -> None:
    digest = hashed(algorithm)
    for written in (digest.hex(), digest.hex().upper(), base64.b64encode(digest).decode()):
        ((code, sentence),) = found(hub(f"{prefix}{written}"))

        assert (code, f"HMAC-{algorithm.upper()} over the body" in sentence) == ("algorithm", True)


def test_a_hash_that_is_no_hmac_and_a_body_signed_without_its_timestamp_are_found() -> None:
    plain = hashlib.sha256(SECRET.encode() + BODY).hexdigest()
    no_time = Sent({"Stripe-Signature": f"v1={hashed('sha256').hex()}"}, BODY)

    ((code, sentence),) = found(hub(f"sha256={plain}"))
    ((other, other_sentence),) = found(no_time, "stripe")

    assert (code, other) == ("algorithm", "algorithm")
    assert "no HMAC" in sentence
    assert "HMAC-SHA256 over the body; this source expects Stripe-Signature" in other_sentence


@pytest.mark.parametrize(
    ("digest", "codes"),
    [
        (hashed("sha1", COMPACT), ["reserialised_json", "algorithm"]),
        (hashed("sha256", COMPACT, OTHER), ["previous_secret", "reserialised_json", "algorithm"]),
        (hashed("sha512", BODY, OTHER), ["previous_secret", "algorithm"]),
    ],
)
def test_several_mistakes_at_once_are_all_named(digest: bytes, codes: list[str]) -> None:
    written = base64.b64encode(digest).decode()

    causes = found(hub(written), previous_secret=OTHER)

    assert [code for code, _ in causes] == codes
    assert SECRET not in str(causes)
    assert OTHER not in str(causes)


def test_the_secret_in_the_wrong_place_is_found() -> None:
    for sent in (
        Sent({"Authorization": f"Bearer {SECRET}"}, BODY),
        Sent({"X-Shared": SECRET}, BODY),
        Sent({}, BODY, query={"token": SECRET}),
        Sent({}, BODY, path_secret=SECRET),
    ):
        ((code, sentence),) = found(sent)

        assert code == "secret_elsewhere"
        assert SECRET not in sentence


def test_another_kind_of_sender_is_found() -> None:
    ((code, sentence),) = found(samples.signed("linear", Sent({}, BODY)))

    assert (code, "as linear signs" in sentence) == ("other_sender", True)


def test_another_address_is_found() -> None:
    sent = Sent(
        {"Content-Type": "application/x-www-form-urlencoded", "Host": "hooks.example"},
        b"a=1",
        url="https://hooks.example/api/triggers/webhook/1",
    )
    request = factories.request(samples.signed("twilio", sent))
    trigger = WebhookTrigger(1, "twilio", SECRET, True)
    internal = replace(request, url="http://127.0.0.1:8000/api/triggers/webhook/1")

    (cause,) = diagnose(Refused(internal, trigger, NOW), signatures.BAD)

    assert (cause.code, "https://hooks.example" in cause.detail) == ("other_address", True)


def test_a_missing_signature_names_what_is_expected() -> None:
    ((code, sentence),) = found(Sent({}, BODY))

    assert (code, HUB in sentence) == ("header_missing", True)


def test_a_disabled_trigger_says_if_the_signature_is_right() -> None:
    request = factories.request(hub(f"sha256={RIGHT}"))
    trigger = WebhookTrigger(1, "github", SECRET, enabled=False)

    causes = diagnose(Refused(request, trigger, NOW), "disabled_trigger")

    assert [each.code for each in causes] == ["disabled", "signature_right"]


def test_a_forgery_is_unexplained_after_bounded_work() -> None:
    large = Refused(Request("1", {HUB.lower(): "sha256=00"}, b"x" * 1_000_000), TRIGGER, NOW)
    small = Refused(Request("1", {HUB.lower(): "sha256=00"}, BODY), TRIGGER, NOW)

    assert [each.code for each in diagnose(small, "x")] == ["unexplained"]
    assert [each.code for each in diagnose(large, "x")] == ["not_all_tried", "unexplained"]
    assert large.bytes_left > -3_000_000
    assert small.verifications_left > 0


TRIGGER = WebhookTrigger(1, "github", SECRET, True)
