"""Descriptions: each mistake is one sentence that names the member."""

import json
from typing import Any

import pytest

from app.errors import InvalidTrigger
from app.intake import verification

MISTAKES: list[tuple[dict[str, Any], str]] = [
    ({}, "method must be one of hmac, token, bearer, basic, jwt, none"),
    ({"method": "HMAC"}, "method must be one of"),
    ({"method": 1}, "method must be printable text"),
    ({"method": "hmac"}, "header is missing"),
    ({"method": "hmac", "header": "a b"}, "header must be the name of a header, not 'a b'"),
    ({"method": "hmac", "header": "S", "headr": "x"}, "headr is not a member of the method hmac"),
    ({"method": "hmac", "header": "S", "user": "x"}, "user is not a member of the method hmac"),
    ({"method": "hmac", "header": "S", "algorithm": "md5"}, "algorithm must be one of sha1"),
    ({"method": "hmac", "header": "S", "encoding": "base32"}, "encoding must be one of hex"),
    ({"method": "hmac", "header": "S", "secret_encoding": "x"}, "secret_encoding must be one of"),
    ({"method": "hmac", "header": "S", "prefix": "a\nb"}, "prefix must be printable text"),
    ({"method": "hmac", "header": "S", "signed": "{boddy}"}, "not {boddy"),
    ({"method": "hmac", "header": "S", "signed": "{body"}, "not {"),
    ({"method": "hmac", "header": "S", "signed": "{body}}"}, "not }"),
    ({"method": "hmac", "header": "S", "signed": "{}{body}"}, "not {"),
    ({"method": "hmac", "header": "S", "signed": "fixed"}, "signed must have {body}"),
    ({"method": "hmac", "header": "S", "signed": "{url}"}, "signed must have {body}"),
    (
        {"method": "hmac", "header": "S", "signed": "{timestamp}.{body}"},
        "say in timestamp_header or timestamp_field where it is",
    ),
    ({"method": "hmac", "header": "S", "signed": "{id}.{body}"}, "say in id_header where it is"),
    ({"method": "hmac", "header": "S", "timestamp_header": "T"}, "signed must have {timestamp}"),
    ({"method": "hmac", "header": "S", "id_header": "T"}, "signed must have {id}"),
    ({"method": "hmac", "header": "S", "timestamp_unit": "ms"}, "timestamp_unit has no meaning"),
    (
        {"method": "hmac", "header": "S", "signed": "{timestamp}{body}", "timestamp_field": "t"},
        "signature_field is missing",
    ),
    (
        {
            "method": "hmac",
            "header": "S",
            "signed": "{timestamp}{body}",
            "timestamp_field": "t",
            "timestamp_header": "T",
        },
        "timestamp_field and timestamp_header exclude each other",
    ),
    (
        {
            "method": "hmac",
            "header": "S",
            "signed": "{timestamp}{body}",
            "timestamp_header": "T",
            "timestamp_unit": "min",
        },
        "timestamp_unit must be one of s, ms, iso8601",
    ),
    ({"method": "token"}, "header or query must say where the token is"),
    ({"method": "token", "header": "A", "query": "b"}, "one of them and not both"),
    ({"method": "bearer", "header": "A"}, "header is not a member of the method bearer"),
    ({"method": "basic"}, "user is missing"),
    ({"method": "basic", "user": "a:b"}, "user must not have a colon"),
    ({"method": "none"}, "allow is missing"),
    ({"method": "none", "allow": []}, "allow must not be an empty list"),
    ({"method": "none", "allow": [1]}, "allow must be text or a list of texts"),
    ({"method": "none", "allow": "0.0.0.0/0"}, "most of the Internet"),
    ({"method": "none", "allow": ["10.0.0.0/8", "::/0"]}, "allow must not list ::/0"),
    ({"method": "none", "allow": "acme.example"}, "not 'acme.example'"),
    ({"method": "none", "allow": "192.0.2.1/24"}, "not '192.0.2.1/24'"),
    ({"method": "none", "allow": "192.0.2.1", "header": "X"}, "header is not a member"),
]


@pytest.mark.parametrize(("description", "sentence"), MISTAKES)
def test_a_mistake_is_one_sentence_that_names_the_member(
    description: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(InvalidTrigger, match=r"^verification: [a-z]") as refused:
        verification.read(description)
    assert sentence in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("text", ["[]", "x", "null", '"x"', "[" * 100_000, " " * 200_000])
def test_a_text_that_is_no_description_is_refused(text: str) -> None:
    with pytest.raises(InvalidTrigger, match=r"^verification "):
        verification.compiled(text)


def test_a_description_is_compiled_once() -> None:
    text = json.dumps({"method": "bearer", "allow": "192.0.2.99"})
    assert verification.compiled(text) is verification.compiled(text)


def test_a_signature_without_the_body_is_warned_of() -> None:
    described = {
        "method": "hmac",
        "header": "S",
        "signed": "{timestamp}",
        "timestamp_header": "T",
    }
    assert "the body is not signed" in verification.read(described).warnings[0]
