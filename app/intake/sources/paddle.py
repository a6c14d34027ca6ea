"""Paddle Billing's notifications.

https://developer.paddle.com/webhooks/signature-verification
"""

from datetime import datetime

from app.errors import Unverified
from app.intake.message import Event, Json, Request, Source, SourceFacts
from app.intake.signatures import (
    MISSING,
    hmac_sha256_hex,
    require_fresh,
    require_match,
    timestamp_and_values,
)
from app.intake.sources.payload import at, identity

TOLERANCE_SECONDS = 300.0
"""Allowed age of a signature in seconds.

Paddle's own libraries allow 5 s, but a queue in a proxy or a slightly wrong clock takes that long,
and a genuine notification would be refused. The key turns a copy within five minutes into a
duplicate.
"""


def verify(request: Request, secret: str, now: datetime, tolerance: float | None) -> None:
    """Verify Paddle-Signature: `ts=<unix>;h1=<hex>[;h1=<hex>...]`, several while secrets rotate."""
    header = request.headers.get("paddle-signature", "")
    timestamp, presented = timestamp_and_values(header, separator=";", timestamp="ts", value="h1")
    if not timestamp:
        raise Unverified(MISSING)
    signed = f"{timestamp}:".encode("utf-8", "surrogatepass")
    require_match(presented, hmac_sha256_hex(secret, signed, request.body))
    require_fresh(timestamp, now, tolerance)


def events(_request: Request, payload: Json) -> list[Event]:
    """Return the one event of the request."""
    event = {
        "event_type": at(payload, "event_type") or "unknown",
        "source": "paddle",
        "occurred_at": at(payload, "occurred_at"),
        "data": payload,
    }
    return [Event(payload, event)]


def provider_key(_request: Request, event: Event) -> tuple[str, ...] | None:
    """Return the event's id; the notification_id is different for each destination."""
    return identity(at(event.payload, "event_id"))


SOURCE = Source(
    "paddle",
    verify,
    events,
    provider_key=provider_key,
    keyed_by_default=True,
    tolerance_seconds=TOLERANCE_SECONDS,
    facts=SourceFacts(
        documentation="https://developer.paddle.com/webhooks/signature-verification",
        signature="Paddle-Signature: ts and h1, HMAC-SHA256 in hex over {ts}:{body}",
        provider_key="event_id in the body",
        provider_key_signed=True,
        answer="200 within 5 s",
        answer_seconds=5,
        retries="60 within 3 days",
        retry_seconds=259_200,
        unverified="that every retry has a new signature; Paddle Classic is not supported",
    ),
)
