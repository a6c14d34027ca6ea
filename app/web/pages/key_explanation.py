"""Why two events are the same one: the key's parts, and where they stood. Pure."""

import json
from collections.abc import Iterator
from typing import Any

from app.intake import key as keys
from app.intake import sources
from app.web.api.schemas.executions import ExecutionDetail


def explained(shown: ExecutionDetail, source: str) -> dict[str, Any]:
    """The key's parts where it has several, the places of its trigger, and whether it stood there.

    `key_exact` is False where the places are all that were looked at, and the first one counted.
    """
    key, configured = shown["idempotency_key"], shown["duplicate_key"]["found_at"]
    parts = _parts(key)
    if configured:
        return {"key_parts": parts, "key_places": configured, "key_exact": True}
    known = sources.named(source)
    if known.keyed_by_default:
        own = f"{source}'s own id ({known.facts.provider_key})"
        others = [] if parts else [".".join(place) for place in keys.PLACES]
        return {"key_parts": parts, "key_places": [own, *others], "key_exact": bool(parts)}
    stood = next(_standing(shown["event_data"], key), None)
    places = [stood] if stood else [".".join(place) for place in keys.PLACES]
    return {"key_parts": parts, "key_places": places, "key_exact": stood is not None}


def _parts(key: str | None) -> list[str]:
    """The values that were joined to the key; none where it is one value."""
    try:
        found = json.loads(key or "") if (key or "").startswith("[") else []
    except (ValueError, RecursionError):
        return []
    return found if all(isinstance(part, str) for part in found) else []


def _standing(event: Any, key: str | None) -> Iterator[str]:
    """The default places at which the event has this key, in the order they are looked at."""
    payload = event.get("data") if isinstance(event, dict) else None
    for place in keys.PLACES:
        for whole in (payload, event):
            value = whole
            for name in place:
                value = value.get(name) if isinstance(value, dict) else None
            if isinstance(value, str | int) and str(value) == key:
                yield ".".join(place)
