"""The one place that asks what time it is, so that everything else can be told."""

from datetime import UTC, datetime

API_FORMAT = "%Y-%m-%dT%H:%M:%S.%fZ"


def now() -> datetime:
    """The present moment, aware, in UTC."""
    return datetime.now(UTC)


def text(moment: datetime | None) -> str | None:
    """The moment as the API writes it, `2026-01-31T23:59:59.000000Z`; None stays None."""
    return None if moment is None else moment.astimezone(UTC).strftime(API_FORMAT)
