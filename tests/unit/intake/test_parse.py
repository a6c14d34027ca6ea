"""A body is parsed in one way or refused in one way, whatever it holds; nothing crashes."""

import json

import pytest

from app.errors import Unreadable
from app.intake import parse
from app.intake.message import Event
from app.intake.sources import custom
from tests.support import factories
from tests.support.samples import Sent

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"


def payload(body: bytes, content_type: str = JSON) -> object:
    headers = {"Content-Type": content_type} if content_type else {}
    return parse.payload(factories.request(Sent(headers, body)))


def stored(body: bytes, content_type: str = JSON) -> str:
    read = payload(body, content_type)
    return parse.stored(Event(read, custom.normalised("custom", read)))


def nested(depth: int) -> bytes:
    return b'{"a":' * (depth - 1) + b"{}" + b"}" * (depth - 1)


@pytest.mark.parametrize(
    ("body", "content_type", "read"),
    [
        (b'{"a": 1}', JSON, {"a": 1}),
        (b'{"a": 1}', "application/json; charset=utf-8", {"a": 1}),
        (b'{"a": 1}', "APPLICATION/JSON", {"a": 1}),
        (b'{"a": 1}', "application/vnd.github+json", {"a": 1}),
        (b'{"a": 1}', FORM, {"a": 1}),
        (b'{"a": 1}', "text/plain", {"a": 1}),
        (b'{"a": 1}', "", {"a": 1}),
        (b'\r\n\t {"a": 1}\n', "", {"a": 1}),
        (b'\xef\xbb\xbf{"a": 1}', JSON, {"a": 1}),
        (b'\xef\xbb\xbf{"a": 1}', "", {"a": 1}),
        (b'{"a": 1, "a": 2}', JSON, {"a": 2}),
        (b"[1, 2]", JSON, [1, 2]),
        (b'"text"', JSON, "text"),
        (b"7", JSON, 7),
        (b"null", JSON, None),
        (b"", JSON, {}),
        (b" \n", JSON, {}),
        (b"", "", {}),
        (b"", FORM, {}),
        (b"a=1&b=x+y%C3%BC&a=2&c=", FORM, {"a": "2", "b": "x yü", "c": ""}),
        (b"{not json}=1", FORM, {"{not json}": "1"}),
        (b"%ff=1", FORM, {"\N{REPLACEMENT CHARACTER}": "1"}),
        (b"plain words", "text/plain", {"text": "plain words"}),
        (b"plain words", "", {"text": "plain words"}),
        (b"{unfinished", "text/plain", {"text": "{unfinished"}),
        (b'{"a": 1}\n{"a": 2}\n', "application/x-ndjson", {"text": '{"a": 1}\n{"a": 2}\n'}),
        (b"\x89PNG\xff", "image/png", {"base64": "iVBOR/8="}),
        (b"\x89PNG\xff", "", {"base64": "iVBOR/8="}),
        (b'{"a": "\\u0000"}', JSON, {"a": "\0"}),
        (b'{"a": "\\ud800"}', JSON, {"a": "\ud800"}),
        ('{"a": "é"}'.encode("utf-16"), JSON, {"a": "é"}),
    ],
    ids=ascii,
)
def test_a_body_is_parsed_by_its_type(body: bytes, content_type: str, read: object) -> None:
    assert payload(body, content_type) == read


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b'{"a": 1} {"b": 2}',
        b"{'a': 1}",
        b"plain words",
        b'{"a": NaN}',
        b"[Infinity]",
        b"[-Infinity]",
        b'{"a": "\xff"}',
        b"\xef\xbb\xbf",
        b"1" * 4301,
        b'{"a": ' + b"1" * 4301 + b"}",
        nested(101),
        b"[" * 101 + b"]" * 101,
        b"[" * 1_000_000,
        b"[" * 1_000_000 + b"]" * 1_000_000,
        b'{"a":' * 1_000_000,
    ],
    ids=lambda body: repr(body[:12]) + str(len(body)),
)
def test_a_body_labelled_as_json_that_is_none_is_unreadable(body: bytes) -> None:
    with pytest.raises(Unreadable):
        payload(body)


@pytest.mark.parametrize("body", [b"[1e400]", b'{"a": -1e400}', b'{"a": {"b": 1E+999}}'])
def test_an_infinite_number_cannot_be_stored(body: bytes) -> None:
    with pytest.raises(Unreadable):
        stored(body)


@pytest.mark.parametrize(
    "body",
    [
        nested(100),
        b"[" * 100 + b"]" * 100,
        b'"' + b"[" * 500 + b'"',
        b"[[]," * 99 + b"[]" + b"]" * 99,
    ],
)
def test_a_hundred_levels_are_read(body: bytes) -> None:
    assert json.loads(stored(body))["data"] == json.loads(body)


def test_an_integer_of_4300_digits_is_kept_exactly() -> None:
    assert json.loads(stored(b"1" * 4300))["data"] == int("1" * 4300)


@pytest.mark.parametrize(
    "body",
    [b'{"a": "\\u0000"}', b'{"a": "\\ud800"}', b'{"\\ud800\\u0000": 1}', '{"a": "ü🚢"}'.encode()],
)
def test_an_event_is_stored_as_ascii(body: bytes) -> None:
    text = stored(body)

    assert text.isascii()
    assert text.isprintable()
