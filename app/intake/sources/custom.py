"""Anything that signs a POST: HMAC-SHA256 of the body in hex, as the older system expected it."""

from datetime import datetime

from app.intake.message import Event, Json, Request, Source, SourceFacts
from app.intake.signatures import hmac_sha256_hex, require_match

SIGNATURE_HEADERS = ("x-webhook-signature", "x-signature")
FACTS = SourceFacts(
    documentation="docs/sources/custom.md",
    signature="X-Webhook-Signature or X-Signature: <hex> or sha256=<hex>, "
    "HMAC-SHA256 over the body",
    provider_key="none; the default places: idempotency_key, messageId, data.messageId in the body",
    provider_key_signed=True,
    retries="the sender's own",
)


def verify(request: Request, secret: str, _now: datetime, _tolerance: float | None) -> None:
    """X-Webhook-Signature or X-Signature: `<hex>` or `sha256=<hex>`."""
    presented = [
        request.headers.get(name, "").removeprefix("sha256=") for name in SIGNATURE_HEADERS
    ]
    require_match(presented, hmac_sha256_hex(secret, request.body))


def like(name: str) -> Source:
    """A source that verifies as `custom` does and calls its events after itself."""

    def events(_request: Request, payload: Json) -> list[Event]:
        return [Event(payload, normalised(name, payload))]

    return Source(name, verify, events, facts=FACTS)


def normalised(source: str, payload: Json) -> dict[str, Json]:
    """The shape of a sender about which nothing is known."""
    named = payload if isinstance(payload, dict) else {}
    event_type = named.get("event") or named.get("type") or "unknown"
    return {"event_type": event_type, "source": source, "data": payload}


SOURCE = like("custom")
