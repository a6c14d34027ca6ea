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
    ],
)
def test_another_spelling_of_the_secret_is_found(stored: str, used: str) -> None:
    ((code, sentence),) = found(hub(f"sha256={of_body(BODY, used)}"), secret=stored)

    assert code == "secret_spelling"
    assert SECRET not in sentence


@pytest.mark.parametrize("source", ["stripe", "slack", "standard", "paddle"])
@pytest.mark.parametrize("seconds", [-4_000, 4_000])
def test_a_clock_that_is_off_is_found_to_the_second(source: str, seconds: int) -> None:
    sent = samples.signed(source, Sent({}, BODY), at=NOW - timedelta(seconds=seconds))

    ((code, sentence),) = found(sent, source, secret=samples.trigger_secret(source))

    side = "before" if seconds > 0 else "after"
    assert (code, f"is 4000 s {side} ours" in sentence) == ("clock", True)


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
