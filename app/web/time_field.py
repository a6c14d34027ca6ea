"""Read a date and time that a user or a client sent as text."""

from datetime import datetime

from app import clock
from app.errors import InvalidRequest


def moment(name: str, text: str | None) -> datetime | None:
    """Return the field's date and time, None if it is absent; InvalidRequest if it is neither."""
    value = None if text is None else clock.moment(text)
    if text is not None and value is None:
        raise InvalidRequest(f"{name} must be a date and time such as 2026-01-31T23:59")
    return value
