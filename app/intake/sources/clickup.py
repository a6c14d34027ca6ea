"""ClickUp. https://developer.clickup.com/docs/webhooksignature"""

from datetime import datetime

from app.intake.message import Event, Json, Request, Source, SourceFacts
from app.intake.signatures import hmac_sha256_hex, require_match
from app.intake.sources.payload import at, identity

FACTS = SourceFacts(
    documentation="https://developer.clickup.com/docs/webhooksignature",
    signature="X-Signature: <hex>, HMAC-SHA256 over the body",
    provider_key="webhook_id, event and the id of every history_items[] in the body",
    provider_key_signed=True,
    answer="any 2xx within 7 s, never 410: ClickUp then drops the webhook",
    answer_seconds=7,
    retries="5",
    unverified="webhooks of ClickUp's automations, which may sign nothing",
)


def verify(request: Request, secret: str, _now: datetime, _tolerance: float | None) -> None:
    """X-Signature: `<hex>`; the secret is what ClickUp answered when the webhook was made."""
    presented = request.headers.get("x-signature", "")
    require_match([presented], hmac_sha256_hex(secret, request.body))


def events(_request: Request, payload: Json) -> list[Event]:
    """One event a request."""
    event = {
        "event_type": at(payload, "event") or "unknown",
        "source": "clickup",
        "webhook_id": at(payload, "webhook_id"),
        "task_id": at(payload, "task_id"),
        "data": payload,
    }
    return [Event(payload, event)]


def provider_key(_request: Request, event: Event) -> tuple[str, ...] | None:
    """None without history: ClickUp says of a deletion only that it happened."""
    history = at(event.payload, "history_items")
    if not isinstance(history, list) or not history:
        return None
    ids = [at(item, "id") for item in history]
    return identity(at(event.payload, "webhook_id"), at(event.payload, "event"), *ids)


SOURCE = Source(
    "clickup", verify, events, provider_key=provider_key, keyed_by_default=True, facts=FACTS
)
