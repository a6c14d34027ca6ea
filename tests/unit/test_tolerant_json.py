"""Text that may be no JSON is read without an error, by one function for the whole product."""

import ast
from pathlib import Path
from typing import Any

import pytest

import app
from app.tolerant_json import json_object, json_value, portable_json

APP = Path(app.__file__).parent
MODULES = sorted(APP.rglob("*.py"))
NO_JSON = [
    None,
    "",
    "{",
    "text",
    "1" * 4301,
    "[" * 100_000,
    '{"a":' * 100_000,
    "\0",
    "\ud800",
    "{'a': 1}",
]


@pytest.mark.parametrize("text", NO_JSON, ids=lambda text: repr(text)[:12])
def test_no_json_becomes_the_default(text: str | None) -> None:
    assert json_value(text) is None
    assert json_value(text, default="stored") == "stored"
    assert json_object(text) is None


@pytest.mark.parametrize(
    ("text", "value"), [("null", None), ("1", 1), ('["a"]', ["a"]), ('"a"', "a"), ("{}", {})]
)
def test_json_becomes_its_value(text: str, value: Any) -> None:
    assert json_value(text, default="stored") == value


@pytest.mark.parametrize("text", ["null", "1", '["a"]', '"{}"', "NaN"])
def test_a_value_that_is_no_object_is_none(text: str) -> None:
    assert json_object(text) is None


def test_an_object_with_a_number_beyond_json_is_still_an_object() -> None:
    value = json_object('{"secret": "s-1", "rate": NaN, "limit": 1e400}')

    assert value is not None
    assert value["secret"] == "s-1"


@pytest.mark.parametrize("text", [*NO_JSON, "NaN", '{"a": [-Infinity]}', "[1e400]"])
def test_what_only_python_reads_is_shown_as_it_is_stored(text: str | None) -> None:
    assert portable_json(text) == text


def test_what_every_program_reads_is_shown_as_its_value() -> None:
    assert portable_json('{"a": [1.5, 2, null]}') == {"a": [1.5, 2, None]}


STRICT = {
    "actions/options.py",
    "cli/listen.py",
    "db/encryption.py",
    "db/moving/state.py",
    "executions/retry_policy.py",
    "intake/key.py",
    "intake/store/sqlite.py",
    "intake/trigger_cache.py",
    "intake/verification/__init__.py",
    "intake/verification/jwt_proof.py",
    "notifications/channels.py",
    "notifications/outbox.py",
    "notifications/states.py",
    "tolerant_json.py",
    "triggers/checks.py",
}
"""Modules that read JSON where it must be JSON: they say what is wrong with it, or wrote it."""


def test_no_other_module_reads_json_by_itself() -> None:
    readers = {
        str(path.relative_to(APP))
        for path in MODULES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "json.loads"
    }

    assert readers <= set(STRICT)
