"""Reading a sender's payload without trusting its shape."""

from app.intake import strict_json
from app.intake.message import FORM, Json, Request


def at(payload: Json, *path: str) -> Json:
    """What stands at the path; None where there is no such place, whatever the payload is."""
    for name in path:
        if not isinstance(payload, dict):
            return None
        payload = payload.get(name)
    return payload


def text(value: Json) -> str:
    """Text or a whole number as its exact text; empty for all else, which identifies nothing."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return ""
    return str(value)


def identity(*values: Json) -> tuple[str, ...] | None:
    """The values as the parts of an id; None where one says nothing: half an id is another's."""
    parts = tuple(text(value) for value in values)
    return parts if parts and all(parts) else None


def unwrapped(request: Request, payload: Json) -> Json:
    """What a form carries as JSON in its field `payload`; all else as it is.

    Raises Unreadable where that field holds no JSON.
    """
    wrapped = at(payload, "payload")
    if request.content_type == FORM and isinstance(wrapped, str):
        return strict_json.loads(wrapped)
    return payload
