"""Explain an idempotency key: its parts, and the fields of the event it was read from. Pure."""

from collections.abc import Iterator
from typing import Any

from app.intake import key as keys
from app.intake import sources
from app.tolerant_json import json_value
from app.web.api.schemas.executions import ExecutionDetail


def explained(execution: ExecutionDetail, source: str) -> dict[str, Any]:
    """Return the parts of a composite key and the places it was read from.

    `key_exact` is False if the place is not known: the places are then those that were searched,
    and the first match was used.
    """
    key, configured = execution["idempotency_key"], execution["duplicate_key"]["found_at"]
    parts = _parts(key)
    if configured:
        return {"key_parts": parts, "key_places": configured, "key_exact": True}
    known = sources.named(source)
    if known.keyed_by_default:
        own = f"{source}'s event id ({known.facts.provider_key})"
        searched = [place for place in keys.PLACES if place not in known.other_places]
        others = [] if parts else [".".join(names) for names in searched]
        return {"key_parts": parts, "key_places": [own, *others], "key_exact": bool(parts)}
    place = next(_places_with(execution["event_data"], key), None)
    places = [place] if place else [".".join(names) for names in keys.PLACES]
    return {"key_parts": parts, "key_places": places, "key_exact": place is not None}


def _parts(key: str | None) -> list[str]:
    """Return the values that a composite key was made of; an empty list for a single value."""
    parts = json_value(key) if key and key.startswith("[") else None
    if isinstance(parts, list) and all(isinstance(part, str) for part in parts):
        return parts
    return []


def _places_with(event: Any, key: str | None) -> Iterator[str]:
    """Yield the default places at which the event has this key, in the order of the search."""
    payload = event.get("data") if isinstance(event, dict) else None
    for place in keys.PLACES:
        for whole in (payload, event):
            value = whole
            for name in place:
                value = value.get(name) if isinstance(value, dict) else None
            if isinstance(value, str | int) and str(value) == key:
                yield ".".join(place)
