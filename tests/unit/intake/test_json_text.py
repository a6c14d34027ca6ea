"""JSON is written as the standard library writes it, and read as it reads it."""

import json
from typing import Any

import pytest

from app.errors import Unreadable
from app.intake import json_text, strict_json
from app.intake.strict_json import DEPTH_LIMIT

VALUES = (
    {"b": [1, 2.5, None, True, {"a": "é\u2028\udc80"}], "a": {}},
    ["x", -0.0, 10**30, 1e300],
    "text alone",
    {1: "a number as a name", None: False},
    [],
)
COMPACT = (",", ":")
OPTIONS: tuple[dict[str, Any], ...] = (
    {},
    {"separators": COMPACT},
    {"allow_nan": False, "separators": COMPACT},
    {"sort_keys": True, "separators": COMPACT},
)


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("c_code", [True, False])
def test_a_value_is_written_as_by_the_standard_library(
    monkeypatch: pytest.MonkeyPatch, options: dict[str, Any], c_code: bool
) -> None:
    if not c_code:
        monkeypatch.setattr(json.encoder, "c_make_encoder", None)
    encode = json_text.encoding(**options)
    sortable = VALUES if not options.get("sort_keys") else VALUES[:3]

    assert [encode(each) for each in sortable] == [json.dumps(each, **options) for each in sortable]


def test_what_json_cannot_represent_is_refused() -> None:
    itself: list[Any] = []
    itself.append(itself)
    encode = json_text.encoding(allow_nan=False)

    for value, error in (
        (float("inf"), ValueError),
        (object(), TypeError),
        (itself, RecursionError),
    ):
        with pytest.raises(error):
            encode({"a": value})


@pytest.mark.parametrize(
    "text",
    ['{"a": [1, {}]}', ' {"a": 1}', '{"a": 1}\n', "{ }", "[[]]", '[{"a": "["}]', '"text"', "1.5"],
)
def test_a_text_is_read_as_by_the_standard_library(text: str) -> None:
    assert strict_json.loads(text.encode()) == json.loads(text)


@pytest.mark.parametrize(
    "text", ["", " ", "{", "[1,", '{"a": }', '{"a": 1} 2', '{"a": 1,}', "[1]]", '{"a" 1}', "nul"]
)
def test_a_mistake_is_named_with_its_place(text: str) -> None:
    with pytest.raises(ValueError, match="char") as expected:
        json.loads(text)

    with pytest.raises(Unreadable) as refused:
        strict_json.loads(text.encode())

    assert str(refused.value) == f"the body is not JSON: {expected.value}"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32-be"])
@pytest.mark.parametrize("text", ['{"a": "é"}', '[{"a": "é"}]', "{ }", '{\n"a": 1}', "[1]"])
def test_bytes_are_read_in_their_encoding(text: str, encoding: str) -> None:
    assert strict_json.loads(text.encode(encoding)) == json.loads(text)


@pytest.mark.parametrize("inner", ["[]", '{"a": 1}'])
@pytest.mark.parametrize("beside", [0, DEPTH_LIMIT * 2])
def test_only_nesting_is_limited_not_the_number_of_brackets(inner: str, beside: int) -> None:
    brackets = "[" * (DEPTH_LIMIT - 1) + inner + ", {}" * beside + "]" * (DEPTH_LIMIT - 1)
    mixed = '[{"a":' * (DEPTH_LIMIT // 2) + inner + "}]" * (DEPTH_LIMIT // 2)

    strict_json.loads(brackets)
    for too_deep in (f"[{brackets}]", mixed):
        with pytest.raises(Unreadable, match="nests deeper"):
            strict_json.loads(too_deep)


@pytest.mark.parametrize("number", ["1" * 5_000, f'{{"a": -{"1" * 5_000}}}', "[1e400]"])
def test_a_number_that_is_too_large_is_called_that(number: str) -> None:
    with pytest.raises(Unreadable, match=r"^the body is not JSON: a number is too large$"):
        strict_json.loads(number.encode())
