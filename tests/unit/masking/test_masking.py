"""An action's secrets are never shown, and stay the same if they are sent back masked."""

import ast
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

import app
from app.errors import InvalidTrigger
from app.masking import (
    MASK,
    is_harmless_name,
    is_secret_name,
    masked,
    masked_options,
    public,
    restored,
    shown_headers,
)

PAYLOAD = json.dumps(
    {"url": "https://a.example", "secret": "s-1", "headers": {"Authorization": "b", "Accept": "c"}}
)


def test_options_by_the_name_of_a_secret_are_masked_at_any_depth() -> None:
    shown = json.loads(str(masked(PAYLOAD)))

    assert shown["secret"] == MASK
    assert shown["headers"] == {"Authorization": MASK, "Accept": "c"}
    assert shown["url"] == "https://a.example"


@pytest.mark.parametrize("plain", [None, "", "a-script --daily x", "https://a.example", "[1]", "{"])
def test_a_text_without_a_secret_is_shown_as_it_is(plain: str | None) -> None:
    assert masked(plain) == plain


def test_what_is_sent_back_masked_stays_as_it_was() -> None:
    assert json.loads(restored(str(masked(PAYLOAD)), PAYLOAD)) == json.loads(PAYLOAD)


def test_a_secret_that_is_sent_anew_counts() -> None:
    headers = {"Authorization": MASK, "Accept": "d"}
    changed = json.dumps({"url": "https://A.example:443/x", "secret": "s-2", "headers": headers})

    assert json.loads(restored(changed, PAYLOAD)) == {
        "url": "https://A.example:443/x",
        "secret": "s-2",
        "headers": {"Authorization": "b", "Accept": "d"},
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
    ("payload", "shown"),
    [
        ({"headers": {"X-Functions-Key": "s-1", "passwd": "s-2"}}, {"X-Functions-Key", "passwd"}),
        ({"headers": {"X-Home": "s-1", "User-Agent": "seen", "Content-Type": "seen"}}, {"X-Home"}),
        ({"headers": [["X-Home", "s-1"], ["Accept", "seen"]]}, {"X-Home"}),
        (
            {"headers": [{"name": "X-Home", "value": "s-1"}, {"name": "Accept", "value": "seen"}]},
            {"X-Home"},
        ),
        ({"headers": ["X-Home: s-1", "X-Away: s-2", "Accept: seen"]}, {"X-Home", "X-Away"}),
        ({"headers": {"common": {"X-Home": "s-1", "Accept": "seen"}}}, {"X-Home"}),
        ({"headers": "X-Home: s-1\r\nAccept: seen"}, {"X-Home"}),
        ({"params": {"code": "s-1", "pin": 12345678, "format": "seen"}}, {"code", "pin"}),
        ({"query": "code=s-1&format=seen"}, {"code"}),
        ({"env": {"DB": "s-1"}}, {"DB"}),
        ({"name": "X-Functions-Key", "value": "s-1"}, {"X-Functions-Key"}),
        ({"parts": [{"header": "X-Home", "value": "s-1"}]}, {"X-Home"}),
        ({"auth": {"user": "s-1", "keys": ["s-2", {"a": "s-3"}]}}, {"user", "keys", "a"}),
        ({"secret": ["s-1", "s-2"]}, {"secret"}),
        ({"command": ["r.sh", "--token", "s-1", "-H", "X-Home: s-2", "seen"]}, {"token", "X-Home"}),
        ({"url": "https://s-1:s-2@a.example/?code=s-3&format=seen"}, {"user of the URL", "code"}),
        ({"url": "https://a.example/?s-1#s-2"}, {"query of the URL"}),
        ({"url": "https://a.example/services/T00/s-1bcdefghijklmnopqrstuvwx"}, {"path of the URL"}),
        ({"brokers": ["amqp://u:s-1/x@a.example/seen"]}, {"user of the URL"}),
        ("https://a.example/in?code=s-1&format=seen", {"code"}),
        ("r.sh --token 's-1 s-1' DB_PASSWORD=s-2 --daily seen", {"token", "DB_PASSWORD"}),
        ("r.sh -H 'X-Home: s-1' https://a.example?x=s-2 -u a:s-3 seen", {"X-Home", "x", "u"}),
        ([{"headers": {"X-Home": "s-1"}}], {"X-Home"}),
    ],
)
def test_only_harmless_values_are_shown_and_masked_ones_come_back(
    payload: object, shown: set[str]
) -> None:
    stored = payload if isinstance(payload, str) else json.dumps(payload)

    hidden = str(masked(stored))

    assert not any(secret in hidden for secret in ("s-1", "s-2", "s-3"))
    assert "12345678" not in hidden
    assert ("seen" in hidden) == ("seen" in stored)
    assert set(masked_options(hidden)) == shown
    assert masked(hidden) == hidden
    assert restored(hidden, stored) == stored


@pytest.mark.parametrize(
    ("changed", "whole"),
    [
        (
            "https://A.example:443/y?format=xml&code=********",
            "https://A.example:443/y?format=xml&code=s-1",
        ),
        (
            {"url": "https://a.example/?code=********&code=new", "timeout_seconds": 3},
            {"url": "https://a.example/?code=********&code=new", "timeout_seconds": 3},
        ),
        (
            {"url": "https://a.example/?code=********", "headers": {"Accept": "text/plain"}},
            {"url": "https://a.example/?code=s-1", "headers": {"Accept": "text/plain"}},
        ),
    ],
    ids=["another path", "another number of values", "another form"],
)
def test_a_masked_query_value_comes_back_by_its_name(changed: object, whole: object) -> None:
    given = changed if isinstance(changed, str) else json.dumps(changed)

    result = restored(given, "https://a.example/in?code=s-1")

    assert (result if isinstance(whole, str) else json.loads(result)) == whole


def test_a_masked_header_of_a_list_comes_back_by_its_name() -> None:
    stored = json.dumps({"headers": [["X-Home", "s-1"], ["X-Away", "s-2"]]})
    given = json.dumps({"headers": [["X-Away", MASK], ["Accept", "*/*"]]})

    assert json.loads(restored(given, stored)) == {
        "headers": [["X-Away", "s-2"], ["Accept", "*/*"]]
    }


@pytest.mark.parametrize(
    "given",
    [
        "https://b.example/in?code=********",
        "https://a.example@b.example/in?code=********",
        "http://a.example/in?code=********",
        '{"url": "https://b.example/?code=********"}',
    ],
)
def test_a_masked_query_value_is_not_restored_for_another_target(given: str) -> None:
    with pytest.raises(InvalidTrigger, match=r"give the secret anew: .*code"):
        restored(given, "https://a.example/in?code=s-1")


def test_a_masked_word_of_a_command_is_not_restored_for_another_command() -> None:
    with pytest.raises(InvalidTrigger, match="give the secret anew: token"):
        restored("leak.sh --token ********", "r.sh --token s-1")


def test_headers_and_audited_changes_of_an_earlier_version_are_masked_where_they_are_shown() -> (
    None
):
    row = json.dumps({"id": 1, "action_payload": '{"headers": {"X-Home": "s-1"}}'})

    assert shown_headers('{"x-home": "s-1", "x-github-event": "push"}') == {
        "x-home": MASK,
        "x-github-event": "push",
    }
    assert "s-1" not in str(public({"id": 1, "before": row, "after": row}))


@pytest.mark.parametrize(
    "name", ["X-GitHub-Delivery", "content-type", "linear-event", "svix-id", "Content_Type"]
)
def test_ids_and_types_of_deliveries_are_harmless(name: str) -> None:
    assert is_harmless_name(name)


@pytest.mark.parametrize(
    "name",
    [
        *("X-Functions-Key", "Ocp-Apim-Subscription-Key", "X-Auth", "passwd", "X-Jwt", "x-hub-sig"),
        *(
            "X-Original-URI",
            "Referer",
            "Forwarded-Uri",
            "x-hub-signature-256",
            "svix-signature",
            "",
        ),
    ],
)
def test_any_other_header_is_not_harmless(name: str) -> None:
    assert not is_harmless_name(name)


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
OTHERS = sorted(path for path in APP.rglob("*.py") if APP / "masking" not in path.parents)
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
