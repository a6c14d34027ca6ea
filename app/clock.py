"""Current time, and times as text; other modules get the time from here or as an argument."""

from collections.abc import Callable
from datetime import UTC, date, datetime

Clock = Callable[[], float]
"""Function such as `time.monotonic`."""
API_FORMAT = "%Y-%m-%dT%H:%M:%S.%fZ"
_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"))


def now() -> datetime:
    """Return the current time, aware, in UTC."""
    return datetime.now(UTC)


def text(moment: datetime | None) -> str | None:
    """Return the time as the API writes it, `2026-01-31T23:59:59.000000Z`; None stays None."""
    return None if moment is None else moment.astimezone(UTC).strftime(API_FORMAT)


def moment(value: object) -> datetime | None:
    """Return a database's value as a time, aware, in UTC; None if it is no time.

    A time without an offset is UTC. Older systems stored ISO 8601 in any of its forms, and values
    that are no time.
    """
    try:
        if isinstance(value, date) and not isinstance(value, datetime):
            value = value.isoformat()
        parsed = datetime.fromisoformat(value.strip()) if isinstance(value, str) else value
        if not isinstance(parsed, datetime):
            return None
        return parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)
    except (ValueError, OverflowError):  # an offset leads before the first year or beyond the last
        return None


def ago(text: str | None, at: datetime | None = None) -> str:
    """Return the distance of a time from now, or from `at`, in one unit: `5 min ago`, `in 3 h`."""
    then = moment(text)
    if then is None:
        return ""
    seconds = ((at or now()) - then).total_seconds()
    return f"{duration(seconds)} ago" if seconds >= 0 else f"in {duration(-seconds)}"


def duration(seconds: float | None) -> str:
    """Return a duration as `340 ms`, `12 s`, `5 min`, `3 h` or `2 d`."""
    if seconds is None:
        return ""
    for size, unit in _UNITS:
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
