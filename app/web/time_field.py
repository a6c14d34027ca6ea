"""Moments that a person types."""

from datetime import datetime

from app import clock
from app.errors import InvalidRequest


def moment(name: str, text: str | None) -> datetime | None:
    """The moment that a field holds; InvalidRequest where it holds something else."""
    found = None if text is None else clock.moment(text)
    if text is not None and found is None:
        raise InvalidRequest(f"{name} must be a moment such as 2026-01-31T23:59")
    return found
