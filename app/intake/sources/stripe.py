"""Stripe's webhooks. https://docs.stripe.com/webhooks#verify-manually"""

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
from app.intake.sources.payload import at, identity, present

TOLERANCE_SECONDS = 300.0
FACTS = SourceFacts(
    documentation="https://docs.stripe.com/webhooks#verify-manually",
    signature="Stripe-Signature: t=<unix>,v1=<hex>, HMAC-SHA256 over <t>.<body>; 5 minutes",
    provider_key="id in the body (evt_...)",
    provider_key_signed=True,
    answer="any 2xx, quickly",
    retries="up to 3 days",
    retry_seconds=259_200,
)


def verify(request: Request, secret: str, now: datetime, tolerance: float | None) -> None:
    """Verify Stripe-Signature: `t=<unix>,v1=<hex>[,v1=<hex>...]`; v0 is for Stripe's own tests."""
    header = request.headers.get("stripe-signature", "")
    timestamp, presented = timestamp_and_values(header, separator=",", timestamp="t", value="v1")
    if not timestamp:
        raise Unverified(MISSING)
    signed = f"{timestamp}.".encode("utf-8", "surrogatepass")
    require_match(presented, hmac_sha256_hex(secret, signed, request.body))
    require_fresh(timestamp, now, tolerance)


def events(_request: Request, payload: Json) -> list[Event]:
    """Return the one event; the payload of an event without `data.object` (thin) is the data.

    Beside the object stand the event's id, the account that it belongs to, and what changed.
    """
    event = {
        "event_type": at(payload, "type") or "unknown",
        "source": "stripe",
        "data": at(payload, "data", "object") or payload,
        "api_version": at(payload, "api_version"),
    }
    context = present(
        id=at(payload, "id"),
        created=at(payload, "created"),
        livemode=at(payload, "livemode"),
        account=at(payload, "account"),
        context=at(payload, "context"),
        previous_attributes=at(payload, "data", "previous_attributes"),
    )
    return [Event(payload, event | context)]


def provider_key(_request: Request, event: Event) -> tuple[str, ...] | None:
    """Return the id of the event, which is the same on every retry."""
    return identity(at(event.payload, "id"))


SOURCE = Source(
    "stripe",
    verify,
    events,
    provider_key=provider_key,
    tolerance_seconds=TOLERANCE_SECONDS,
    facts=FACTS,
)
