"""Any sender that signs a POST with the HMAC-SHA256 of the body in hex, as in the older system."""

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
    retries="depend on the sender",
)


def verify(request: Request, secret: str, _now: datetime, _tolerance: float | None) -> None:
    """Verify X-Webhook-Signature or X-Signature: `<hex>` or `sha256=<hex>`."""
    presented = [
        request.headers.get(name, "").removeprefix("sha256=") for name in SIGNATURE_HEADERS
    ]
    require_match(presented, hmac_sha256_hex(secret, request.body))


def like(name: str) -> Source:
    """Return a source that verifies like `custom` and names itself as the source of its events."""

    def events(_request: Request, payload: Json) -> list[Event]:
        return [Event(payload, normalised(name, payload))]

    return Source(name, verify, events, facts=FACTS)


def normalised(source: str, payload: Json) -> dict[str, Json]:
    """Return the normalised event of a sender whose payload has no known shape."""
    members = payload if isinstance(payload, dict) else {}
    event_type = members.get("event") or members.get("type") or "unknown"
    return {"event_type": event_type, "source": source, "data": payload}


SOURCE = like("custom")
