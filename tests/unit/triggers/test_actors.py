"""Every call of a changing function passes the actor, so that the audit row names who did it."""

import ast
import inspect
from collections.abc import Iterator
from pathlib import Path

import pytest

import app
from app.executions import bulk_replay, replay
from app.triggers import manage, removal, sealing

APP = Path(app.__file__).parent
MODULES = {
    module.__name__.split(".")[-1]: module
    for module in (manage, removal, replay, bulk_replay, sealing)
}
CHANGING = {
    name: list(inspect.signature(function).parameters).index("actor")
    for module in MODULES.values()
    for name, function in inspect.getmembers(module, inspect.isfunction)
    if function.__module__ == module.__name__ and "actor" in inspect.signature(function).parameters
}
"""Each function that changes something for a person, with the position of its actor."""


def _calls(path: Path) -> Iterator[ast.Call]:
    """Yield the calls in the file; a private name means a function of the file itself."""
    for call in _calls_in(path.read_text()):
        if path.stem in MODULES or not _name(call).startswith("_"):
            yield call


def _calls_in(text: str) -> Iterator[ast.Call]:
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Call) and _name(node) in CHANGING:
            yield node


def _name(call: ast.Call) -> str:
    """Return the name of the called function if it is a module's function, not a method."""
    called = call.func
    if isinstance(called, ast.Attribute) and isinstance(called.value, ast.Name):
        return called.attr if called.value.id in MODULES else ""
    return called.id if isinstance(called, ast.Name) else ""


def _names_who(call: ast.Call) -> bool:
    given = {keyword.arg for keyword in call.keywords}
    return "actor" in given or len(call.args) > CHANGING[_name(call)]


@pytest.mark.parametrize("path", sorted(APP.rglob("*.py")), ids=lambda path: str(path.name))
def test_whoever_changes_something_is_named(path: Path) -> None:
    assert [call.lineno for call in _calls(path) if not _names_who(call)] == []


def test_the_changes_that_people_make_are_known() -> None:
    calls = [call for path in APP.rglob("*.py") for call in _calls(path)]

    assert {_name(call) for call in calls} >= {"add_trigger", "remove_trigger", "rotate_secret"}


@pytest.mark.parametrize(
    ("call", "named"),
    [
        ("manage.rotate_secret(database, 1)", False),
        ("manage.rotate_secret(database, 1, 60.0, None, actor)", True),
        ("manage.rotate_secret(database, 1, actor=actor)", True),
    ],
)
def test_a_call_that_names_nobody_is_seen(call: str, named: bool) -> None:
    (found,) = _calls_in(call)

    assert _names_who(found) is named
