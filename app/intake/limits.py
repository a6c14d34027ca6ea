"""Limit what one request may bring: the size of its body, its events, and what is stored of it."""

from collections.abc import Iterable

from app.errors import TooLarge
from app.intake.message import Admission, Event, Request, WebhookTrigger

EVENTS_AT_MOST = 1_000
"""Most events of one request: as many as WhatsApp, the largest known, sends."""
STORED_BYTES_AT_MOST = 16 * 1_048_576
"""Most bytes stored for the events of one request; each is stored with what they all share."""


def require_small(request: Request, trigger: WebhookTrigger) -> None:
    """Raise TooLarge above the trigger's own limit, which no stranger may find out."""
    limit = trigger.max_body_bytes
    if limit is not None and len(request.body) > limit:
        raise TooLarge(f"the body must not exceed {limit} bytes")


def limited(events: list[Event]) -> list[Event]:
    """Return the events; raise TooLarge if they are too many."""
    if len(events) > EVENTS_AT_MOST:
        raise TooLarge(f"a request may carry at most {EVENTS_AT_MOST} events")
    return events


def within_size(admissions: Iterable[Admission]) -> list[Admission]:
    """Return all admissions; raise TooLarge as soon as they take too many bytes together."""
    kept: list[Admission] = []
    size = 0
    for admission in admissions:
        kept.append(admission)
        size += admission.size if len(kept) > 1 else 0
        if size > STORED_BYTES_AT_MOST:
            raise TooLarge(f"the events of a request may take at most {STORED_BYTES_AT_MOST} bytes")
    return kept
