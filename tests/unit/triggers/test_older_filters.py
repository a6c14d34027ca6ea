"""Conditions of the older system's filters that no event can match here are named, no others."""

import json
from typing import Any

import pytest

from app.triggers import older_filters


@pytest.mark.parametrize(
    ("source", "conditions", "words"),
    [
        ("github", {"event": "pushed"}, "has no event 'pushed'"),
        ("github", {"event_type": "charge.succeeded"}, "has no event"),
        ("github", {"event": "deploy-*"}, "has no event"),
        ("gitlab", {"event_type": "Merge"}, "lower case"),
        ("linear", {"event": "issue_created", "priority": "urgent"}, "a capital letter"),
        ("stripe", {"event": "charge"}, "have a dot"),
        ("github", {"source": "linear"}, "the source of every event is 'github'"),
        ("custom", {"event_type": 5}, "is a text in every event"),
        ("github", {"branch": None}, "is a text in every event"),
        ("custom", {"draft": "True"}, "for the JSON value write true"),
        ("custom", {"owner": "None"}, "for the JSON value write null"),
        ("custom", {"ref": "release-[0-9]*"}, "only * stands for other characters"),
        ("custom", {"evnt": "push"}, "'evnt'"),
    ],
)
def test_a_condition_that_cannot_match_is_named(
    source: str, conditions: dict[str, Any], words: str
) -> None:
    (sentence,) = older_filters.never_matching(source, json.dumps(conditions))

    assert words in sentence


@pytest.mark.parametrize(
    ("source", "conditions"),
    [
        ("github", {"event": "push", "branch": "main", "repo": "acme/*"}),
        ("github", {"event": "pull_request", "action": "review_requested", "source": "github"}),
        ("github", {"event_type": "*"}),
        ("github", {"event": "pull_*"}),
        ("stripe", {"event": "charge.succeeded"}),
        ("stripe", {"event_type": "charge.*"}),
        ("linear", {"event_type": "Issue", "action": "create"}),
        ("telegram", {"chat_id": "42", "event_type": "message"}),
        ("custom", {"source": "shop", "number": 5, "paid": True, "note": "true"}),
        ("of an older system", {"source": "shop", "event": "any"}),
        ("custom", {"ref": "what?", "tag": "[x]"}),
        ("custom", {}),
    ],
)
def test_a_condition_that_can_match_is_not_named(source: str, conditions: dict[str, Any]) -> None:
    assert older_filters.never_matching(source, json.dumps(conditions)) == []


@pytest.mark.parametrize("text", [None, "", "[", "[]", '"a"'])
def test_a_filter_that_cannot_be_read_lets_all_events_pass(text: str | None) -> None:
    assert older_filters.never_matching("github", text) == []
