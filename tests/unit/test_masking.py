"""An action's secrets are never shown, and stay the same if they are sent back masked."""

import ast
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

import app
from app.errors import InvalidTrigger
from app.masking import MASK, is_secret_name, masked, masked_options, restored

PAYLOAD = json.dumps(
    {"url": "https://a.example", "secret": "s-1", "headers": {"Authorization": "b", "X-Odd": "c"}}
)


def test_options_by_the_name_of_a_secret_are_masked_at_any_depth() -> None:
    shown = json.loads(str(masked(PAYLOAD)))

    assert shown["secret"] == MASK
    assert shown["headers"] == {"Authorization": MASK, "X-Odd": "c"}
    assert shown["url"] == "https://a.example"


@pytest.mark.parametrize("plain", [None, "", "a-script --token x", "https://a.example", "[1]", "{"])
def test_what_is_no_object_of_options_is_shown_as_it_is(plain: str | None) -> None:
    assert masked(plain) == plain


def test_what_is_sent_back_masked_stays_as_it_was() -> None:
    assert json.loads(restored(str(masked(PAYLOAD)), PAYLOAD)) == json.loads(PAYLOAD)


def test_a_secret_that_is_sent_anew_counts() -> None:
    headers = {"Authorization": MASK, "X-Odd": "d"}
    changed = json.dumps({"url": "https://A.example:443/x", "secret": "s-2", "headers": headers})

    assert json.loads(restored(changed, PAYLOAD)) == {
        "url": "https://A.example:443/x",
        "secret": "s-2",
        "headers": {"Authorization": "b", "X-Odd": "d"},
    }


@pytest.mark.parametrize(
    "changed",
    [
        {"url": "https://b.example"},
        {"url": "http://a.example"},
        {"url": "https://a.example:8443"},
        {"url": "https://a.example.b.example"},
        {"url": "https://b.example\\@a.example"},
        {"url": None},
        {"proxy": "https://b.example"},
        {"smtp": {"host": "b.example"}},
    ],
    ids=str,
)
def test_a_masked_secret_is_not_restored_for_another_target(changed: dict[str, object]) -> None:
    options = json.loads(str(masked(PAYLOAD))) | changed

    with pytest.raises(InvalidTrigger, match=r"give the secret anew: secret, Authorization"):
        restored(json.dumps(options), PAYLOAD)


def test_a_masked_secret_is_not_restored_for_another_action() -> None:
    with pytest.raises(InvalidTrigger, match="give the secret anew"):
        restored(str(masked(PAYLOAD)), PAYLOAD, same_action=False)


def test_a_mask_with_nothing_behind_it_is_named() -> None:
    given = json.dumps({"token": MASK, "text": MASK, "headers": {"Cookie": MASK}})

    assert masked_options(restored(given, None)) == ["token", "Cookie"]
    assert restored(MASK, PAYLOAD) == MASK


def test_options_too_deep_to_look_through_are_masked_whole_and_come_back_whole() -> None:
    deep = '{"a": ' * 700 + '{"secret": "s-1"}' + "}" * 700

    assert masked(deep) == MASK
    assert restored(MASK, deep) == deep
    with pytest.raises(InvalidTrigger, match="give the secret anew"):
        restored(deep.replace("s-1", MASK), PAYLOAD)


@pytest.mark.parametrize(
    "name",
    [
        "authorization",
        "Proxy-Authorization",
        "x-auth-key",
        "cookie",
        "set-cookie",
        "X-GitLab-Token",
        "x-hub-signature-256",
        "x-shopify-hmac-sha256",
        "client_secret",
        "db-password",
        "apikey",
        "api-key",
        "API_KEY",
    ],
)
def test_a_name_with_the_word_of_a_secret_is_secret(name: str) -> None:
    assert is_secret_name(name)


@pytest.mark.parametrize("name", ["content-type", "x-request-id", "url", "timeout_seconds", ""])
def test_other_names_are_not_secret(name: str) -> None:
    assert not is_secret_name(name)


APP = Path(app.__file__).parent
OTHERS = sorted(path for path in APP.rglob("*.py") if path != APP / "masking.py")
SECRET_WORDS = ("password", "cookie", "auth", "signature", "hmac", "secret", "token", "key")
PATTERN_CALLS = {"compile", "search", "match", "fullmatch", "findall", "finditer", "sub", "split"}


def patterns(tree: ast.AST) -> Iterator[str]:
    """Yield the text of each regular expression that the module uses."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args:
            of_re = isinstance(node.func.value, ast.Name) and node.func.value.id == "re"
            if of_re and node.func.attr in PATTERN_CALLS:
                yield ast.unparse(node.args[0])


def test_only_masking_matches_the_names_of_secrets() -> None:
    found = [
        (str(path.relative_to(APP)), text)
        for path in OTHERS
        for text in patterns(ast.parse(path.read_text()))
        if any(word in text for word in SECRET_WORDS)
    ]

    assert found == []
