"""The events of a verified request as they are admitted: with key, digest, and without secrets."""

from collections.abc import Sequence
from dataclasses import replace

from app.errors import KeyMissing
from app.intake import key, limits, parse, payload_digest, redact, sources
from app.intake.message import Admission, Event, Request, Source, WebhookTrigger


def of_events(
    events: Sequence[Event],
    request: Request,
    source: Source,
    trigger: WebhookTrigger,
    *,
    is_batch: bool,
) -> list[Admission]:
    """Return what is admitted for these events of the request.

    Raises KeyMissing if one has no key and the trigger requires one, and TooLarge.
    """
    if len(events) == 1:  # it shares nothing with others, so no limit applies to their sum
        return [_of_event(events[0], request, source, trigger, is_batch=is_batch)]
    return limits.within_size(
        _of_event(event, request, source, trigger, is_batch=is_batch) for event in events
    )


def of_request(request: Request, trigger: WebhookTrigger) -> list[Admission]:
    """Return what is admitted for a request whose sender and filter a person has decided on.

    Raises Unreadable or TooLarge. An event without a key is admitted without one.
    """
    source = sources.named(trigger.source)
    parse.require_parsable(request.body)
    payload = parse.payload(request)
    events = limits.limited(source.events(request, payload))
    lenient = replace(trigger, key_required=False)
    return of_events(events, request, source, lenient, is_batch=len(events) > 1)


def _of_event(
    event: Event, request: Request, source: Source, trigger: WebhookTrigger, *, is_batch: bool
) -> Admission:
    whole_key = key.unlimited(event, request, source, trigger.key_from)
    if whole_key is None and trigger.key_required:
        raise KeyMissing("the event has no idempotency key, and this trigger requires one")
    return Admission(
        event_data=parse.stored(
            redact.event(event, source.redacted, top_only=source.redacted_at_top)
        ),
        key=None if whole_key is None else key.storable(whole_key),
        former_key=None if whole_key is None else key.former(whole_key),
        digest=None if whole_key is None else payload_digest.of(event),
        body=redact.part(event, source.redacted, top_only=source.redacted_at_top)
        if is_batch
        else None,
    )
