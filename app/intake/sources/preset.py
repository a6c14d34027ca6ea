"""Sources that are declared as data: a description of their proof, and places in their requests."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from app.intake import verification
from app.intake.message import Event, Json, Request, Source, SourceFacts, WebhookResponse
from app.intake.sources import custom
from app.intake.sources.payload import at, content_digest, identity, text

HEADER = "header:"
BODY = "body:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """A sender whose requests a description verifies, and whose places are written as in a key.

    A place is `header:<Name>` or `body:<a.b.c>`; of several for one value the first counts that
    has one.
    """

    name: str
    verification: Mapping[str, Any]
    event_type: tuple[str, ...]
    """Places of the type of an event."""
    key: tuple[tuple[str, ...], ...]
    """Parts of the event's own id, each with its places."""
    key_has_content: bool = False
    """True if a digest of the payload is a part of the id: the sender has no id of an event."""
    batched: bool = False
    """True if the body is a list with an event in each item."""
    counters: frozenset[str] = frozenset()
    """Members of an event that differ between its deliveries; they are left out."""
    challenge: Callable[[Request, Json, str], WebhookResponse | None] | None = None
    event_headers: tuple[str, ...] = ()
    facts: SourceFacts = field(default_factory=SourceFacts)


def source(preset: Preset) -> Source:
    """Return the source that the preset declares."""
    verifier = verification.read(preset.verification)

    def verify(request: Request, secret: str, *rest: Any) -> None:
        if _is_older(preset, request):
            return custom.verify(request, secret, *rest)
        return verifier.verify(request, secret, *rest)

    def events(request: Request, payload: Json) -> list[Event]:
        batched = preset.batched and isinstance(payload, list) and len(payload) > 0
        items = payload if batched else [payload]
        return [_event(preset, request, item, batched=batched) for item in items]

    def provider_key(request: Request, event: Event) -> tuple[str, ...] | None:
        return _key(preset, request, event)

    return Source(
        preset.name,
        verify,
        events,
        provider_key=provider_key,
        keyed_by_default=True,
        tolerance_seconds=verifier.tolerance_seconds,
        event_headers=preset.event_headers,
        challenge=preset.challenge,
        verifier=verifier,
        facts=preset.facts,
    )


def _is_older(preset: Preset, request: Request) -> bool:
    """Return whether the request has the proof of `custom` and not the sender's own.

    Rows of the older system may have the name of a preset: they were verified like `custom`.
    """
    own = str(preset.verification.get("header", "")).lower()
    sent = request.headers
    return own not in sent and any(name in sent for name in custom.SIGNATURE_HEADERS)


def _event(preset: Preset, request: Request, item: Json, *, batched: bool) -> Event:
    if isinstance(item, dict) and preset.counters & item.keys():
        item = {name: value for name, value in item.items() if name not in preset.counters}
    normalised = custom.normalised(preset.name, item)
    event_type = _first(preset.event_type, request, item)
    return Event(item, normalised | ({"event_type": event_type} if event_type else {}), batched)


def _key(preset: Preset, request: Request, event: Event) -> tuple[str, ...] | None:
    parts = [_first(places, request, event.payload) for places in preset.key]
    if preset.key_has_content:
        parts.append(content_digest(event.payload))
    return identity(*parts)


def _first(places: tuple[str, ...], request: Request, payload: Json) -> str:
    """Return the first value of these places as text; empty if none has one."""
    for place in places:
        if place.startswith(HEADER):
            value = request.headers.get(place.removeprefix(HEADER).lower(), "")
        else:
            value = text(at(payload, *place.removeprefix(BODY).split(".")))
        if value:
            return value
    return ""
