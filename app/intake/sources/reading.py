"""Reading a sender's payload without trusting its shape."""

from app.intake.message import Json


def at(payload: Json, *path: str) -> Json:
    """What stands at the path; None where there is no such place, whatever the payload is."""
    for name in path:
        if not isinstance(payload, dict):
            return None
        payload = payload.get(name)
    return payload
