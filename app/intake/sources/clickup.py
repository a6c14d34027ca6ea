"""ClickUp's webhooks. https://developer.clickup.com/docs/webhooksignature"""

from datetime import datetime

from app.intake.message import Event, Json, Request, Source, SourceFacts
from app.intake.signatures import hmac_sha256_hex, require_match
from app.intake.sources.payload import at, identity

FACTS = SourceFacts(
    documentation="https://developer.clickup.com/docs/webhooksignature",
    signature="X-Signature: <hex>, HMAC-SHA256 over the body",
    provider_key="webhook_id, event and the id of every history_items[] in the body",
    provider_key_signed=True,
    answer="any 2xx within 7 s; never 410, after which ClickUp removes the webhook",
    answer_seconds=7,
    retries="5",
    unverified="webhooks of ClickUp's automations, which may carry no signature",
)


def verify(request: Request, secret: str, _now: datetime, _tolerance: float | None) -> None:
    """Verify X-Signature: `<hex>`; ClickUp returns the secret when a webhook is created."""
    presented = request.headers.get("x-signature", "")
    require_match([presented], hmac_sha256_hex(secret, request.body))


def events(_request: Request, payload: Json) -> list[Event]:
    """Return the one event of the request."""
    event = {
        "event_type": at(payload, "event") or "unknown",
        "source": "clickup",
        "webhook_id": at(payload, "webhook_id"),
        "task_id": at(payload, "task_id"),
        "data": payload,
    }
    return [Event(payload, event)]


def provider_key(_request: Request, event: Event) -> tuple[str, ...] | None:
    """Return webhook, event and history ids; None for a deletion, which has no history."""
    history = at(event.payload, "history_items")
    if not isinstance(history, list) or not history:
        return None
    ids = [at(item, "id") for item in history]
    return identity(at(event.payload, "webhook_id"), at(event.payload, "event"), *ids)


SOURCE = Source(
    "clickup", verify, events, provider_key=provider_key, keyed_by_default=True, facts=FACTS
)
