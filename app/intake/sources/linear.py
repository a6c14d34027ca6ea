"""Linear's webhooks. https://linear.app/developers/webhooks"""

from datetime import datetime

from app.errors import Unreadable, Unverified
from app.intake import strict_json
from app.intake.message import Event, Json, Request, Source, SourceFacts
from app.intake.signatures import BAD, hmac_sha256_hex, require_fresh, require_match
from app.intake.sources.payload import at, identity, present, text

# The older system read the name with X-, and proxies were configured for that.
SIGNATURE_HEADERS = ("linear-signature", "x-linear-signature")
FACTS = SourceFacts(
    documentation="https://linear.app/developers/webhooks",
    signature="Linear-Signature: <hex>, HMAC-SHA256 over the body; webhookTimestamp in the body "
    "is checked if the trigger has a tolerance",
    provider_key="Linear-Delivery",
    provider_key_signed=False,
    answer="200 within 5 s",
    answer_seconds=5,
    retries="after 1 min, 1 h and 6 h",
    retry_seconds=28_800,
    unverified="the 5 s and the retries; that webhookTimestamp is renewed on each retry",
)


def verify(request: Request, secret: str, now: datetime, tolerance: float | None) -> None:
    """Verify Linear-Signature: `<hex>`. No time limit by default: Linear retries for six hours."""
    presented = [request.headers.get(name, "") for name in SIGNATURE_HEADERS]
    require_match(presented, hmac_sha256_hex(secret, request.body))
    if tolerance is not None:
        require_fresh(_timestamp(request.body), now, tolerance)


def events(request: Request, payload: Json) -> list[Event]:
    """Return the one event; the payload of a kind without `data` (AgentSessionEvent) is the data.

    Beside the data stand the values before an update, the address, the actor and the organization.
    """
    event = {
        "event_type": at(payload, "type") or request.headers.get("linear-event") or "unknown",
        "source": "linear",
        "action": at(payload, "action"),
        "data": at(payload, "data") or payload,
    }
    context = present(
        updatedFrom=at(payload, "updatedFrom"),
        url=at(payload, "url"),
        actor=at(payload, "actor"),
        organizationId=at(payload, "organizationId"),
    )
    return [Event(payload, event | context)]


def provider_key(request: Request, _event: Event) -> tuple[str, ...] | None:
    """Return the id of the delivery, which is the same on every retry."""
    return identity(request.headers.get("linear-delivery"))


def _timestamp(body: bytes) -> str:
    """Return the time of sending in Unix seconds; call it with a verified body only."""
    try:
        return text(at(strict_json.loads(body), "webhookTimestamp"))[:-3]
    except Unreadable as error:
        raise Unverified(BAD) from error


SOURCE = Source(
    "linear",
    verify,
    events,
    provider_key=provider_key,
    event_headers=("Linear-Event", "Linear-Delivery"),
    facts=FACTS,
)
