"""`method: token`, `bearer`, `basic` and `none`, and the list of allowed addresses."""

from base64 import b64encode
from typing import Any

import pytest

from app.errors import InvalidTrigger, Unverified
from app.intake import verification
from app.intake.message import Request
from tests.support.samples import NOW


def verdict(description: dict[str, Any], request: Request, secret: str = "s3cret") -> str:
    try:
        verification.read(description).verify(request, secret, NOW, None)
    except Unverified as refused:
        return refused.reason
    return ""


def sent(query: dict[str, str] | None = None, address: str = "", **headers: str) -> Request:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Request("1", named, b"{}", query=query or {}, address=address)


def basic(text: str) -> str:
    return "Basic " + b64encode(text.encode()).decode()


HEADER = {"method": "token", "header": "X-Token"}
PREFIXED = HEADER | {"prefix": "Key "}
QUERY = {"method": "token", "query": "token"}
BEARER = {"method": "bearer"}
BASIC = {"method": "basic", "user": "hook"}


@pytest.mark.parametrize(
    ("description", "request_", "expected"),
    [
        (HEADER, sent(x_token="s3cret"), ""),
        (HEADER, sent(x_token="s3creT"), "bad_signature"),
        (HEADER, sent(x_token=""), "missing_signature"),
        (HEADER, sent({"token": "s3cret"}), "missing_signature"),
        (PREFIXED, sent(x_token="Key s3cret"), ""),
        (PREFIXED, sent(x_token="s3cret"), "bad_signature"),
        (PREFIXED, sent(x_token="Key "), "bad_signature"),
        (QUERY, sent({"token": "s3cret"}), ""),
        (QUERY, sent({"token": "s3creT"}), "bad_signature"),
        (QUERY, sent({"other": "s3cret"}), "missing_signature"),
        (BEARER, sent(authorization="Bearer s3cret"), ""),
        (BEARER, sent(authorization="bearer s3cret"), ""),
        (BEARER, sent(authorization="Basic s3cret"), "bad_signature"),
        (BASIC, sent(authorization=basic("hook:s3cret")), ""),
        (BASIC, sent(authorization=basic("hook:s3cret").replace("Basic", "basic")), ""),
        (BASIC, sent(authorization=basic("hooks:s3cret")), "bad_signature"),
        (BASIC, sent(authorization=basic("hook:s3creT")), "bad_signature"),
        (BASIC, sent(authorization="Basic %%%"), "bad_signature"),
        (BASIC, sent(authorization="Bearer s3cret"), "bad_signature"),
        (BASIC, sent(), "missing_signature"),
    ],
)
def test_a_token_is_compared_where_it_is_described(
    description: dict[str, Any], request_: Request, expected: str
) -> None:
    assert verdict(description, request_) == expected


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
def test_a_secret_beyond_ascii_is_compared_as_utf_8_and_as_latin_1(encoding: str) -> None:
    as_header = "größe".encode(encoding).decode("latin-1")
    credentials = b64encode("hook:größe".encode(encoding)).decode()

    assert verdict(HEADER, sent(x_token=as_header), "größe") == ""
    assert verdict(BASIC, sent(authorization=f"Basic {credentials}"), "größe") == ""


ALLOW = {"method": "none", "allow": ["192.0.2.0/24", "2001:db8::7"]}


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("192.0.2.255", ""),
        ("192.0.3.0", "bad_signature"),
        ("2001:db8::7", ""),
        ("2001:db8::8", "bad_signature"),
        ("::ffff:192.0.2.1", ""),
        ("", "bad_signature"),
        ("unix:", "bad_signature"),
    ],
)
def test_none_accepts_the_listed_addresses_alone(address: str, expected: str) -> None:
    assert verdict(ALLOW, sent(address=address)) == expected


def test_an_address_list_restricts_any_other_method() -> None:
    described = HEADER | {"allow": "192.0.2.1"}

    assert verdict(described, sent(address="192.0.2.1", x_token="s3cret")) == ""
    assert verdict(described, sent(address="192.0.2.2", x_token="s3cret")) == "bad_signature"
    assert verdict(described, sent(address="192.0.2.1")) == "missing_signature"


@pytest.mark.parametrize("description", [HEADER, PREFIXED, BEARER, BASIC, ALLOW])
def test_what_is_signed_is_verified(description: dict[str, Any]) -> None:
    headers = verification.read(description).sign("s3cret", b"{}", 0.0, "")
    request = Request(
        "1", {name.lower(): each for name, each in headers.items()}, b"{}", address="192.0.2.1"
    )
    assert verdict(description, request) == ""


def test_a_token_in_the_query_cannot_be_sent_as_a_header() -> None:
    with pytest.raises(InvalidTrigger, match="query parameter token"):
        verification.read(QUERY).sign("s3cret", b"{}", 0.0, "")


def test_weak_methods_are_warned_of() -> None:
    assert "NOTHING IS VERIFIED" in verification.read(ALLOW).warnings[0]
    for weak in (HEADER, QUERY, BEARER, BASIC):
        assert "carries the secret itself" in verification.read(weak).warnings[0]
    assert verification.read({"method": "hmac", "header": "S"}).warnings == ()


@pytest.mark.parametrize("description", [HEADER, PREFIXED, QUERY, BEARER, BASIC, ALLOW])
@pytest.mark.parametrize(
    "request_",
    [
        sent(),
        sent({"token": "s3cret"}, x_token="s3cret", authorization="Bearer s3cret"),
        sent({"token": "x s3cret"}, x_token="Key xs3cret", authorization=basic("hook:s3cret")),
        sent(authorization=basic("other:s3cret")),
    ],
)
def test_no_explanation_has_the_secret(description: dict[str, Any], request_: Request) -> None:
    lines = verification.read(description).explain(request_, "s3cret")

    assert lines
    assert "s3cret" not in " ".join(lines)
    assert basic("hook:s3cret")[6:] not in " ".join(lines)


def test_a_secret_among_other_text_is_recognised() -> None:
    lines = verification.read(HEADER).explain(sent(x_token="Token s3cret"), "s3cret")

    assert "prefix is wrong" in lines[-1]
