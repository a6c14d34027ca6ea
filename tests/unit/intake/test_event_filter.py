"""A filter lets an event pass when every name has its value, in the event or in its data."""

import pytest

from app.intake import parse
from app.intake.message import Event

PUSH = {
    "event_type": "push",
    "branch": "main",
    "repo": "acme-example/harbour",
    "action": None,
    "data": {"action": "opened", "number": 57, "draft": False, "ratio": 1.5, "labels": ["a"]},
}
ODD = [None, True, False, 0, 1, 1.5, "", "*", "[", "**?", [], ["a"], {}, {"a": 1}, "x" * 10_000]


def passes(event_filter: dict[str, object], normalised: dict[str, object] = PUSH) -> bool:
    return parse.passes_filter(Event({}, normalised), event_filter)


@pytest.mark.parametrize(
    "event_filter",
    [
        {},
        {"branch": "main"},
        {"branch": "main", "event_type": "push"},
        {"branch": "ma*"},
        {"branch": "*"},
        {"repo": "acme-example/*"},
        {"repo": "*/harbour"},
        {"repo": "*-example/har*"},
        {"action": "opened"},
        {"action": None},
        {"number": 57},
        {"number": "57"},
        {"number": "5*"},
        {"draft": False},
        {"ratio": 1.5},
        {"labels": ["a"]},
    ],
    ids=str,
)
def test_an_event_that_matches_passes(event_filter: dict[str, object]) -> None:
    assert passes(event_filter)


@pytest.mark.parametrize(
    "event_filter",
    [
        {"branch": "Main"},
        {"branch": "mai"},
        {"branch": "main", "event_type": "pull_request"},
        {"branch": "x*"},
        {"branch": "m?in*"},
        {"branch": "[m]ain*"},
        {"missing": "x"},
        {"missing": "*"},
        {"missing": None},
        {"draft": 0},
        {"draft": "False"},
        {"number": 57.0},
        {"number": True},
        {"labels": "a"},
        {"labels": "*"},
    ],
    ids=str,
)
def test_an_event_that_differs_in_one_name_does_not_pass(event_filter: dict[str, object]) -> None:
    assert not passes(event_filter)


@pytest.mark.parametrize("wanted", ODD, ids=lambda value: repr(value)[:12])
@pytest.mark.parametrize("data", [*ODD, {"k": []}], ids=lambda value: repr(value)[:12])
def test_no_shape_of_filter_and_data_raises(wanted: object, data: object) -> None:
    passed = passes({"k": wanted}, {"k": data, "data": data})

    assert passed in (True, False)


def test_a_glob_spans_lines() -> None:
    assert passes({"text": "/status*"}, {"text": "/status\nplease", "data": {}})


def test_a_glob_of_many_stars_is_answered_at_once() -> None:
    assert not passes({"k": "*a" * 30 + "b"}, {"k": "a" * 5_000, "data": {}})


@pytest.mark.parametrize(
    ("event_filter", "expected"),
    [
        ({"event": "push"}, True),
        ({"event": "pu*"}, True),
        ({"event": "push", "branch": "main"}, True),
        ({"event": "Push"}, False),
        ({"event": "star"}, False),
    ],
    ids=str,
)
def test_event_also_means_the_type_of_the_event(
    event_filter: dict[str, object], expected: bool
) -> None:
    assert passes(event_filter) is expected


def test_a_member_of_the_data_that_is_called_event_still_counts() -> None:
    normalised = {"event_type": "unknown", "data": {"event": "paid"}}

    assert passes({"event": "paid"}, normalised)
    assert passes({"event": "unknown"}, normalised)
    assert not passes({"event": None}, normalised)
