"""Decide if the body of a refused or filtered request may be kept, and in which form. Pure."""

from dataclasses import replace

from app.errors import KeyMissing, TooLarge, Unreadable
from app.intake import admissions, parse, redact, sources
from app.intake.journal.entries import Entry
from app.intake.message import WebhookTrigger
from app.intake.stored_headers import stored_headers
from app.masking.redaction import hidden
from app.stats import outcomes
from app.tolerant_json import json_object

KEPT_BYTES = 65_536
"""Bytes of the largest body that the journal keeps: the newest thousand must not fill a disk."""

WHOLE = "whole"
"""Byte for byte as it was sent; the delivery can be accepted."""
REDACTED = "redacted"
"""Without the secrets that this sender puts in; the delivery can be accepted."""
PARTIAL = "partial"
"""Without a secret, or without a header that its key needs: a person can read it only."""
LARGE = "too_large"
NONE = "none"
ACCEPTABLE = (WHOLE, REDACTED)


def kept(entry: Entry) -> tuple[bytes | None, str]:
    """Return the body as it may be stored, and one of the words above."""
    request, trigger = entry.request, entry.trigger
    if trigger is None or not entry.size or entry.execution_id is not None:
        return None, NONE
    if entry.size > KEPT_BYTES or not request.body:
        return None, LARGE
    source = sources.named(trigger.source)
    try:
        payload = parse.payload(request)
        stored = redact.request(
            request, payload, source.redacted, top_only=source.redacted_at_top
        ).body
    except Unreadable:
        if source.redacted:  # the secrets in a body that cannot be parsed cannot be found
            return None, NONE
        stored = request.body
    masked = _masked(stored, trigger)
    if masked != stored or not _same_when_stored(entry, stored, trigger):
        return masked, PARTIAL
    return stored, WHOLE if stored == request.body else REDACTED


def _masked(body: bytes, trigger: WebhookTrigger) -> bytes:
    """Return the body without the trigger's secrets: some senders write them anywhere."""
    secrets = list(filter(None, (trigger.secret, trigger.previous_secret)))
    text = body.decode("utf-8", "surrogateescape")
    return hidden(secrets, text).encode("utf-8", "surrogateescape")


def _same_when_stored(entry: Entry, body: bytes, trigger: WebhookTrigger) -> bool:
    """Return whether the stored request becomes the same executions as the one that was sent.

    Its key may come from a header that is not stored. Accepted under another key it would be
    admitted a second time when its sender repeats it. The same holds for the events without a key
    in a request of which others were filtered.
    """
    request = entry.request
    stored = replace(
        request, body=body, headers=json_object(stored_headers(request)) or {}, query={}
    )
    try:
        sent, kept_events = (
            [(each.key, each.event_data) for each in admissions.of_request(one, trigger)]
            for one in (request, stored)
        )
    except (Unreadable, TooLarge, KeyMissing):
        return False
    partly_admitted = entry.outcome == outcomes.FILTERED and entry.events < len(sent)
    return sent == kept_events and not (partly_admitted and any(key is None for key, _ in sent))
