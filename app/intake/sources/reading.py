"""Reading a sender's payload without trusting its shape."""

from app.intake.message import Json


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
