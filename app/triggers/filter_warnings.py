"""Warn of event filters that no event of their source can match. Pure.

A slip in a filter looks like a quiet sender: every event is answered 200 and none is stored.
"""

from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from itertools import islice
from typing import Any

from app.intake import sources
from app.intake.message import Request
from app.intake.parse import ALIASES
from app.tolerant_json import json_object

GITHUB_EVENTS = (
    "branch_protection_rule check_run check_suite code_scanning_alert commit_comment create "
    "delete dependabot_alert deploy_key deployment deployment_status discussion "
    "discussion_comment fork gollum installation installation_repositories issue_comment issues "
    "label member membership merge_group meta milestone org_block organization package page_build "
    "project public pull_request pull_request_review pull_request_review_comment "
    "pull_request_review_thread push registry_package release repository repository_dispatch "
    "repository_vulnerability_alert secret_scanning_alert security_advisory sponsorship star "
    "status sub_issues team team_add watch workflow_dispatch workflow_job workflow_run"
)
"""https://docs.github.com/en/webhooks/webhook-events-and-payloads"""
GITLAB_EVENTS = (
    "access_token build deployment emoji feature_flag issue member merge_request milestone note "
    "pipeline project push release subgroup tag_push vulnerability wiki_page work_item"
)
"""https://docs.gitlab.com/user/project/integrations/webhook_events/"""
KNOWN_EVENTS = {"github": tuple(GITHUB_EVENTS.split()), "gitlab": tuple(GITLAB_EVENTS.split())}
"""Types of events by source, where the sender lists them all and they are few."""
LOWER_CASE = frozenset({"github", "gitlab", "paddle", "stripe"})
"""Sources whose types of events are all in lower case."""
EVENT_TYPE = "event_type"
LONGEST = 64
"""Characters of the longest name that is compared: comparing takes time, and no name is longer."""
NAMES_AT_MOST = 50
"""Names of a filter that are compared."""
SIMILAR = 0.8
"""Ratio from which on two names are taken for one with a slip."""


def of(source: str, event_filter: str | None) -> list[str]:
    """Return a sentence for each condition of the filter that can hardly match an event."""
    conditions = json_object(event_filter) or {}
    return [*_name_warnings(source, conditions), *_type_warnings(source, conditions)]


def _name_warnings(source: str, conditions: Mapping[str, Any]) -> Iterator[str]:
    """Yield a warning for each name that is spelt almost like a member of the source's events."""
    names = [*_members(source), *ALIASES]
    by_lower = {name.lower(): name for name in names}
    for name in islice(conditions, NAMES_AT_MOST):
        if name in names:
            continue
        similar = _similar(name, list(by_lower))
        if similar:
            yield (
                f"the event filter names {name!r}, which matches only if the sender's data has it; "
                f"events of {source} have {by_lower[similar]!r}"
            )


def _type_warnings(source: str, conditions: Mapping[str, Any]) -> Iterator[str]:
    """Yield a warning for each type of event that the source does not have in this spelling."""
    for name in (EVENT_TYPE, *(alias for alias, real in ALIASES.items() if real == EVENT_TYPE)):
        value = conditions.get(name)
        if not isinstance(value, str):
            continue
        known = KNOWN_EVENTS.get(source, ())
        similar = _similar(value, known)
        if similar and "*" not in value and value not in known:
            yield f"{source} has no event {value!r}; it has {similar!r}"
        elif len(value) <= LONGEST and source in LOWER_CASE and value != value.lower():
            yield f"the events of {source} are in lower case: {value.lower()!r}, not {value!r}"


def _similar(text: str, known: Sequence[str]) -> str | None:
    """Return the known name that the text is spelt almost like, if there is one."""
    if len(text) > LONGEST:
        return None
    return next(iter(get_close_matches(text.lower(), known, n=1, cutoff=SIMILAR)), None)


def _members(source: str) -> list[str]:
    """Return the names of a normalised event of this source."""
    if source not in sources.built_in():
        return []  # a source of another package need not cope with an empty event
    return list(sources.named(source).events(Request("0", {}, b""), {})[0].normalised)
