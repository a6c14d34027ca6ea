"""`method: hmac`: published vectors, every part of the template, and every changed byte."""

import hashlib
import hmac
from base64 import b64encode, urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.errors import Unverified
from app.intake import verification
from app.intake.message import Request

NOW = datetime(2026, 3, 5, 9, 30, tzinfo=UTC)
URL = "https://hooks.acme.example/api/triggers/webhook/1?a=b"
VECTORS = {
    "sha1": "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79",
    "sha256": "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
    "sha384": "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e"
    "8e2240ca5e69e2c78b3239ecfab21649",
    "sha512": "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554"
    "9758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737",
}
"""RFC 2202 and RFC 4231, test case 2: key "Jefe"."""
RFC_BODY = b"what do ya want for nothing?"


def check(
    description: dict[str, Any],
    headers: dict[str, str],
    body: bytes = b"{}",
    secret: str = "s3cret",
    tolerance: float | None = 300.0,
) -> None:
    request = Request("1", headers, body, url=URL)
    verification.read({"method": "hmac"} | description).verify(request, secret, NOW, tolerance)


def reason(*arguments: Any, **named: Any) -> str:
    with pytest.raises(Unverified) as refused:
        check(*arguments, **named)
    return refused.value.reason


@pytest.mark.parametrize("algorithm", VECTORS)
def test_the_vectors_of_the_standards_are_verified(algorithm: str) -> None:
    described = {"header": "X-Sig", "algorithm": algorithm}
    check(described, {"x-sig": VECTORS[algorithm]}, RFC_BODY, "Jefe")
    assert reason(described, {"x-sig": VECTORS[algorithm]}, RFC_BODY + b".", "Jefe") == (
        "bad_signature"
    )


def test_the_example_of_github_is_verified() -> None:
    """https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries"""
    signature = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    described = {"header": "X-Hub-Signature-256", "prefix": "sha256="}
    sent = {"x-hub-signature-256": signature}
    check(described, sent, b"Hello, World!", "It's a Secret to Everybody")
    assert reason(described, {"x-hub-signature-256": signature[7:]}, b"Hello, World!") == (
        "bad_signature"
    )


@pytest.mark.parametrize("text", ["{hex}", "{HEX}"])
def test_hex_is_compared_in_any_case(text: str) -> None:
    value = hmac.digest(b"s3cret", b"{}", "sha256").hex()
    check({"header": "S"}, {"s": text.format(hex=value, HEX=value.upper())})


@pytest.mark.parametrize("padding", ["", "="])
def test_base64_is_compared_with_and_without_padding(padding: str) -> None:
    digest = hmac.digest(b"s3cret", b"{}", "sha256")
    for encoding, encode in (("base64", b64encode), ("base64url", urlsafe_b64encode)):
        value = encode(digest).decode().rstrip("=") + padding
        check({"header": "S", "encoding": encoding}, {"s": value})


@pytest.mark.parametrize(
    ("encoding", "secret"),
    [("hex", "00ff10"), ("base64", "AP8Q"), ("base64", "-_8"), ("text", "AP8Q")],
)
def test_the_secret_may_be_encoded(encoding: str, secret: str) -> None:
    key = {"00ff10": b"\x00\xff\x10", "-_8": b"\xfb\xff"}.get(secret, b"\x00\xff\x10")
    key = secret.encode() if encoding == "text" else key
    value = hmac.digest(key, b"{}", "sha256").hex()
    check({"header": "S", "secret_encoding": encoding}, {"s": value}, secret=secret)


def test_a_secret_in_another_encoding_is_a_refusal_and_no_crash() -> None:
    assert reason({"header": "S", "secret_encoding": "hex"}, {"s": "x"}, secret="zz") == (
        "bad_signature"
    )
    verifier = verification.read({"method": "hmac", "header": "S", "secret_encoding": "hex"})
    assert "secret must be hex" in str(verifier.mistake("zz"))


STRIPE_LIKE = {
    "header": "Sig",
    "signed": "{timestamp}.{body}",
    "timestamp_field": "t",
    "signature_field": "v1",
}


def fielded(body: bytes, at: datetime, *, first: str = "") -> dict[str, str]:
    moment = str(int(at.timestamp()))
    value = hmac.digest(b"s3cret", moment.encode() + b"." + body, "sha256").hex()
    return {"sig": f"t={moment},v1={'0' * 64},{first}v1={value}, v0=x"}


def test_one_of_several_signatures_suffices() -> None:
    check(STRIPE_LIKE, fielded(b"{}", NOW))
    listed = {"header": "Sig", "prefix": "v1=", "separator": ","}
    value = hmac.digest(b"s3cret", b"{}", "sha256").hex()
    check(listed, {"sig": f"v1={'0' * 64}, v2={value}, v1={value}"})
    assert reason(listed, {"sig": f"v1={'0' * 64},v2={value}"}) == "bad_signature"


@pytest.mark.parametrize(("seconds", "verdict"), [(299, ""), (301, "stale"), (-301, "stale")])
def test_a_signed_time_is_held_to_the_tolerance(seconds: int, verdict: str) -> None:
    headers = fielded(b"{}", NOW - timedelta(seconds=seconds))
    if verdict:
        assert reason(STRIPE_LIKE, headers) == verdict
    else:
        check(STRIPE_LIKE, headers)
    check(STRIPE_LIKE, headers, tolerance=None)


def test_a_signed_time_has_a_tolerance_by_default() -> None:
    assert verification.read({"method": "hmac"} | STRIPE_LIKE).tolerance_seconds == 300
    assert verification.read({"method": "hmac", "header": "S"}).tolerance_seconds is None


@pytest.mark.parametrize(
    ("unit", "sent"),
    [
        ("s", "1772703000"),
        ("ms", "1772703000123"),
        ("iso8601", "2026-03-05T09:30:00Z"),
        ("iso8601", "2026-03-05T10:30:00.5+01:00"),
        ("iso8601", "2026-03-05T09:30:00"),
    ],
)
def test_the_time_is_read_in_its_unit(unit: str, sent: str) -> None:
    described = {
        "header": "S",
        "signed": "{timestamp}{body}",
        "timestamp_header": "T",
        "timestamp_unit": unit,
    }
    value = hmac.digest(b"s3cret", sent.encode() + b"{}", "sha256").hex()
    check(described, {"s": value, "t": sent})
    other = {"s": "ms", "ms": "s", "iso8601": "s"}[unit]
    assert reason(described | {"timestamp_unit": other}, {"s": value, "t": sent}) in (
        "stale",
        "bad_signature",
    )


@pytest.mark.parametrize("missing", ["s", "t", "i"])
def test_a_part_that_is_not_sent_is_missing(missing: str) -> None:
    described = {
        "header": "S",
        "signed": "{id}.{timestamp}.{body}",
        "timestamp_header": "T",
        "id_header": "I",
    }
    sent = {"s": "x", "t": "1772703000", "i": "x"}
    del sent[missing]
    assert reason(described, sent) == "missing_signature"


@pytest.mark.parametrize("sent", ["", "x", "-1", "1e9", "9" * 40, "١٧٧٢٧٠٣٠٠٠", "nan"])
def test_a_time_that_is_none_is_refused_also_if_it_is_signed(sent: str) -> None:
    described = {"header": "S", "signed": "{timestamp}{body}", "timestamp_header": "T"}
    value = hmac.digest(b"s3cret", sent.encode() + b"{}", "sha256").hex()
    assert reason(described, {"s": value, "t": sent}, tolerance=None) in (
        "bad_signature",
        "missing_signature",
    )


TEMPLATES = [
    "{body}",
    "{timestamp}.{body}",
    "v0:{timestamp}:{body}",
    "{id}.{timestamp}.{body}",
    "{url}{body}",
    "{method}{url}{body}{timestamp}",
]


@st.composite
def described(draw: st.DrawFn) -> dict[str, Any]:
    template = draw(st.sampled_from(TEMPLATES))
    members: dict[str, Any] = {
        "method": "hmac",
        "header": "Sig",
        "signed": template,
        "algorithm": draw(st.sampled_from(["sha1", "sha256", "sha384", "sha512"])),
        "encoding": draw(st.sampled_from(["hex", "base64", "base64url"])),
        "prefix": draw(st.sampled_from(["", "sha256=", "v0="])),
    }
    if "{timestamp}" in template:
        members["timestamp_unit"] = draw(st.sampled_from(["s", "ms", "iso8601"]))
        if draw(st.booleans()):
            members |= {"timestamp_field": "t", "signature_field": "v1"}
        else:
            members["timestamp_header"] = "Time"
    if "{id}" in template:
        members["id_header"] = "Id"
    return members


@settings(max_examples=60, deadline=None)
@given(members=described(), body=st.binary(min_size=1, max_size=200), data=st.data())
def test_a_signature_by_the_description_verifies_and_any_changed_byte_does_not(
    members: dict[str, Any], body: bytes, data: st.DataObject
) -> None:
    verifier = verification.read(members)
    headers = verifier.sign("s3cret", body, NOW.timestamp(), URL)
    sent = {name.lower(): value for name, value in headers.items()}
    verifier.verify(Request("1", sent, body, url=URL), "s3cret", NOW, 300.0)

    place = data.draw(st.integers(0, len(body) - 1))
    changed = body[:place] + bytes([body[place] ^ 1]) + body[place + 1 :]
    others = [Request("1", sent, changed, url=URL), Request("1", sent, body[:-1], url=URL)]
    if "{url}" in members["signed"]:
        others.append(Request("1", sent, body, url=URL + "&c=d"))
    others += [
        Request("1", sent | {name: sent[name].replace(old, new, 1)}, body, url=URL)
        for name in sent.keys() & {"time", "id"}
        for old, new in [(sent[name][-2], "#")]
    ]
    for other in others:
        with pytest.raises(Unverified):
            verifier.verify(other, "s3cret", NOW, None)
    with pytest.raises(Unverified):
        verifier.verify(Request("1", sent, body, url=URL), "s3creT", NOW, None)


def test_the_explanation_names_what_is_compared_and_not_the_secret() -> None:
    verifier = verification.read({"method": "hmac"} | STRIPE_LIKE)
    right = verifier.explain(Request("1", fielded(b"{}", NOW), b"{}"), "s3cret")
    wrong = verifier.explain(Request("1", {"sig": "t=1,v2=x"}, b"{}"), "s3cret")
    absent = verifier.explain(Request("1", {}, b"{}"), "s3cret")

    assert "signed: {timestamp}.{body}, 13 bytes" in right[0]
    assert hashlib.sha256(b"1772703000.{}").hexdigest() in right[0]
    assert wrong[-1] == "Sig has no signature in the field 'v1'"
    assert absent == ["the request has no Sig"]
    assert "s3cret" not in " ".join(right + wrong + absent)
