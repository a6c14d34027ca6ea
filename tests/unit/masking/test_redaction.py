"""No word of a secret is kept that a target or a script repeats, in whatever form."""

import base64
import html
import json
from urllib.parse import quote, quote_plus

import pytest

from app.masking import redaction
from app.masking.redaction import hidden, words

SECRET = "tök/en+abc=&1<"
FORMS = {
    "as it is": SECRET,
    "in capitals": SECRET.upper(),
    "in a URL": quote(SECRET, safe=""),
    "in a URL, in small letters": quote(SECRET, safe="").lower(),
    "in a path": quote(SECRET),
    "in a form": quote_plus(SECRET),
    "in JSON": json.dumps(SECRET)[1:-1],
    "in JSON, not in ASCII": json.dumps(SECRET, ensure_ascii=False)[1:-1],
    "in JSON with escaped slashes": json.dumps(SECRET)[1:-1].replace("/", "\\/"),
    "in HTML": html.escape(SECRET),
    "in base64": base64.b64encode(SECRET.encode()).decode().rstrip("=")[:-1],
    "in base64 for URLs": base64.urlsafe_b64encode(SECRET.encode()).decode().rstrip("=")[:-1],
    "in hex": SECRET.encode().hex(),
    "in hex, in capitals": SECRET.encode().hex().upper(),
}


@pytest.mark.parametrize("form", FORMS)
def test_a_word_of_a_secret_is_hidden_in_every_form(form: str) -> None:
    text = hidden([f"Bearer {SECRET}"], f"before {FORMS[form]} after")

    assert FORMS[form] not in text
    assert text.startswith("before ***")
    assert text.endswith(" after")


@pytest.mark.parametrize("user", ["", "u", "us", "use"])
def test_a_secret_within_other_base64_is_hidden(user: str) -> None:
    encoded = base64.b64encode(f"{user}:{SECRET}:more".encode()).decode()

    text = hidden([SECRET], f"got {encoded}")

    kept = text.removeprefix("got ").replace("***", "")
    assert len(kept) < len(encoded) - len(SECRET)


@pytest.mark.parametrize(
    ("secret", "expected"),
    [
        ("Bearer abc-123", {"Bearer abc-123", "abc-123"}),
        ("abc-123", {"abc-123"}),
        ("short", set()),
        ("ApiKey abc", {"ApiKey abc"}),
        ("u1:secret-pw", {"u1:secret-pw", "secret-pw"}),
        ("sid=abc-123; lang=de", {"sid=abc-123; lang=de", "sid=abc-123", "abc-123", "lang=de"}),
        (
            'Digest username="somebody", qop=auth',
            {'Digest username="somebody", qop=auth', 'username="somebody"', "somebody", "qop=auth"},
        ),
    ],
)
def test_the_words_of_a_secret_are_those_after_its_scheme(secret: str, expected: set[str]) -> None:
    assert words(secret) == expected


def test_user_and_password_of_basic_are_hidden() -> None:
    basic = "Basic " + base64.b64encode(b"somebody:open:sesame 1").decode()

    text = hidden([basic], "no user somebody with open:sesame 1 nor open%3Asesame+1; Basic is bad")

    assert text == "no user *** with *** nor ***; Basic is bad"


def test_words_too_short_to_be_secrets_stay() -> None:
    assert hidden(["Bearer abc", "", "x" * (redaction.SHORTEST_HIDDEN - 1)], "abc xxxxx") == (
        "abc xxxxx"
    )
