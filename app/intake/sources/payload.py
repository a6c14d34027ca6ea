"""Read values from a payload of any shape without an error."""

import hashlib
import json

from app.intake import strict_json
from app.intake.message import FORM, Json, Request

_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"))


def at(payload: Json, *path: str) -> Json:
    """Return the value at the path, or None if the payload has no such path."""
    for name in path:
        if not isinstance(payload, dict):
            return None
        payload = payload.get(name)
    return payload


def text(value: Json) -> str:
    """Return text or a whole number as text; empty for any other value, which is no id."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return ""
    return str(value)


def identity(*values: Json) -> tuple[str, ...] | None:
    """Return the values as parts of an id; None if one is empty: another event could have it."""
    parts = tuple(text(value) for value in values)
    return parts if parts and all(parts) else None


def content_digest(value: Json) -> str:
    """Return the SHA-256 of the value in hex: a part of an id where the sender has no better one.

    Values that parse alike have the same, and a sender repeats a request with the same values.
    """
    return hashlib.sha256(_ENCODER.encode(value).encode()).hexdigest()


def present(**members: Json) -> dict[str, Json]:
    """Return the members that the sender sent: without those that are None."""
    return {name: value for name, value in members.items() if value is not None}


def unwrapped(request: Request, payload: Json) -> Json:
    """Return the JSON in a form's field `payload`, or raise Unreadable; return others unchanged."""
    wrapped = at(payload, "payload")
    if request.content_type == FORM and isinstance(wrapped, str):
        return strict_json.loads(wrapped)
    return payload
