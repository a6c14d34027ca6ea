"""The one place that asks what time it is, so that everything else can be told."""

from datetime import UTC, date, datetime

API_FORMAT = "%Y-%m-%dT%H:%M:%S.%fZ"


def now() -> datetime:
    """The present moment, aware, in UTC."""
    return datetime.now(UTC)


def text(moment: datetime | None) -> str | None:
    """The moment as the API writes it, `2026-01-31T23:59:59.000000Z`; None stays None."""
    return None if moment is None else moment.astimezone(UTC).strftime(API_FORMAT)


def moment(found: object) -> datetime | None:
    """The moment that a database holds, aware, in UTC; None for what is no moment.

    Without an offset it is UTC. Older systems left ISO 8601 in any of its forms, and worse.
    """
    try:
        if isinstance(found, date) and not isinstance(found, datetime):
            found = found.isoformat()
        read = datetime.fromisoformat(found.strip()) if isinstance(found, str) else found
        if not isinstance(read, datetime):
            return None
        return read.replace(tzinfo=UTC) if read.tzinfo is None else read.astimezone(UTC)
    except (ValueError, OverflowError):  # the first and the last year end where offsets begin
        return None
