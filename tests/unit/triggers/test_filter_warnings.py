"""A filter that no event can match is warned of when its trigger is made."""

import json

import pytest

from app.intake import sources
from app.triggers import filter_warnings


@pytest.mark.parametrize(
    ("source", "event_filter", "words"),
    [
        ("github", {"event_type": "Push"}, "it has 'push'"),
        ("github", {"event": "Push"}, "it has 'push'"),
        ("github", {"event_type": "pull-request"}, "it has 'pull_request'"),
        ("github", {"event_type": "issue"}, "it has 'issues'"),
        ("github", {"event_type": "Custom_Thing*"}, "in lower case: 'custom_thing*'"),
        ("gitlab", {"event_type": "MergeRequest"}, "it has 'merge_request'"),
        ("stripe", {"event_type": "Customer.Created"}, "in lower case: 'customer.created'"),
        ("github", {"Event_Type": "push"}, "have 'event_type'"),
        ("github", {"eventtype": "push"}, "have 'event_type'"),
        ("github", {"Branch": "main"}, "have 'branch'"),
        ("slack", {"chanel": "C1"}, "have 'channel'"),
        ("custom", {"Event": "paid"}, "have 'event'"),
    ],
    ids=str,
)
def test_a_slip_is_named_with_what_was_meant(
    source: str, event_filter: dict[str, str], words: str
) -> None:
    (warning,) = filter_warnings.of(source, json.dumps(event_filter))

    assert words in warning


@pytest.mark.parametrize("source", sources.names())
@pytest.mark.parametrize(
    "event_filter",
    [
        None,
        "",
        "no JSON",
        "[]",
        "{}",
        '{"event_type": "push"}',
        '{"event": "push", "action": "opened"}',
        '{"event_type": "pull_request*"}',
        '{"event_type": 7, "anything": null, "data": {}}',
        '{"ref": "refs/heads/*", "repository": "x"}',
        json.dumps({"event_type": "Push" * 200_000, "Event_Type" * 100_000: 1}),
    ],
)
def test_a_filter_that_can_match_is_not_warned_of(source: str, event_filter: str | None) -> None:
    assert filter_warnings.of(source, event_filter) == []


def test_a_source_whose_types_have_capitals_is_not_warned_of() -> None:
    assert filter_warnings.of("linear", '{"event_type": "Issue"}') == []


def test_only_so_many_names_are_compared() -> None:
    names = {f"branch{number}": 1 for number in range(100_000)}

    assert len(filter_warnings.of("github", json.dumps(names))) == filter_warnings.NAMES_AT_MOST
