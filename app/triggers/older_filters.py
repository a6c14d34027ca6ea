"""Find conditions of an older system's filter that no event can match here. Pure.

That system compared texts: `True` matched a JSON true, and `[` was special beside a `*`.
"""

import json
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any

from app.intake import sources
from app.intake.parse import ALIASES
from app.tolerant_json import json_object
from app.triggers import filter_warnings
from app.triggers.filter_warnings import EVENT_TYPE, KNOWN_EVENTS

TYPE_NAMES = (EVENT_TYPE, *(alias for alias, real in ALIASES.items() if real == EVENT_TYPE))
"""Names by which a filter asks for the type of an event."""
TEXTS = frozenset({*TYPE_NAMES, "source", "repo", "branch", "sender"})
"""Names whose values are texts in every event that has them."""
OF_PYTHON = {"True": "true", "False": "false", "None": "null"}
"""Python's text of a JSON value, which the older system compared, and the JSON value."""


def never_matching(source: str, event_filter: str | None) -> list[str]:
    """Return a sentence for each condition that no event of the source can match."""
    conditions = json_object(event_filter) or {}
    found = [*_by_type(source, conditions), *_by_value(source, conditions)]
    return list(dict.fromkeys([*filter_warnings.of(source, event_filter), *found]))


def _by_type(source: str, conditions: Mapping[str, Any]) -> Iterator[str]:
    """Yield a sentence for each type of event that the source cannot have."""
    for name in TYPE_NAMES:
        wanted = conditions.get(name)
        if not isinstance(wanted, str) or filter_warnings.of(source, _alone(name, wanted)):
            continue
        known = KNOWN_EVENTS.get(source)
        if known and not any(fnmatchcase(each, wanted) for each in known):
            yield f"{source} has no event {wanted!r}"
        elif source == "linear" and wanted[:1].islower():
            yield f"the events of linear begin with a capital letter, such as 'Issue': {wanted!r}"
        elif source == "stripe" and "." not in wanted and "*" not in wanted:
            yield f"the events of stripe have a dot, such as 'charge.succeeded': {wanted!r}"


def _by_value(source: str, conditions: Mapping[str, Any]) -> Iterator[str]:
    """Yield a sentence for each value that is compared otherwise than in the older system."""
    for name, wanted in conditions.items():
        if name in TEXTS and not isinstance(wanted, str):
            yield f"{name!r} is a text in every event, and the event filter wants {wanted!r}"
        elif name == "source" and _is_another(source, wanted):
            yield f"the source of every event is {source!r}, and the event filter wants {wanted!r}"
        elif isinstance(wanted, str) and wanted in OF_PYTHON:
            value = OF_PYTHON[wanted]
            yield f"the event filter wants the text {wanted!r}: for the JSON value write {value}"
        elif isinstance(wanted, str) and "*" in wanted and set(wanted) & set("?["):
            yield f"only * stands for other characters, and the event filter wants {wanted!r}"


def _is_another(source: str, wanted: str) -> bool:
    """Return whether an event can have no such source: an own format may have it in its data."""
    closed = source != "custom" and source in sources.built_in()
    return closed and not fnmatchcase(source, wanted)


def _alone(name: str, wanted: str) -> str:
    return json.dumps({name: wanted})
