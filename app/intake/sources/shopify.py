"""Shopify's webhooks. https://shopify.dev/docs/apps/build/webhooks/subscribe/https"""

from datetime import datetime

from app.intake.message import Event, Json, Request, Source, SourceFacts
from app.intake.signatures import hmac_sha256_base64, require_match
from app.intake.sources.payload import at, identity, present, text

PREFIXES = ("x-shopify-", "shopify-")
"""Beginnings of the names of Shopify's headers: of webhooks, and of Events, their successor.

https://shopify.dev/docs/apps/build/events/delivery-structure#headers
"""

FACTS = SourceFacts(
    documentation="https://shopify.dev/docs/apps/build/webhooks/subscribe/https",
    signature="X-Shopify-Hmac-Sha256 or Shopify-Hmac-Sha256: <base64>, HMAC-SHA256 over the body",
    provider_key="X-Shopify-Event-Id (otherwise X-Shopify-Webhook-Id) and X-Shopify-Topic",
    provider_key_signed=False,
    answer="200 within 5 s",
    answer_seconds=5,
    retries="8 in 4 h, then the subscription may be removed",
    retry_seconds=14_400,
    unverified="that every delivery has one of the two ids",
)


def verify(request: Request, secret: str, _now: datetime, _tolerance: float | None) -> None:
    """Verify X-Shopify-Hmac-Sha256: `<base64>`; the secret is the app's client secret."""
    presented = [request.headers.get(prefix + "hmac-sha256", "") for prefix in PREFIXES]
    require_match(presented, hmac_sha256_base64(secret, request.body))


def events(request: Request, payload: Json) -> list[Event]:
    """Return the one event of the request; its topic and shop are in the headers."""
    event = {
        "event_type": _header(request, "topic") or "unknown",
        "source": "shopify",
        "shop": _header(request, "shop-domain"),
        "api_version": _header(request, "api-version"),
        "triggered_at": _header(request, "triggered-at"),
        "data": payload,
    }
    action = _header(request, "action") or _of_an_event(request, payload, "action")
    return [Event(payload, event | present(action=action))]


def provider_key(request: Request, event: Event) -> tuple[str, ...] | None:
    """Return event id and topic: Shopify uses one id for the same change under every topic.

    Without an event id it is the id of the delivery, which is the same on every retry. Several
    subscriptions of Shopify's Events to one topic each have a handle.
    """
    event_id = _header(request, "event-id") or _header(request, "webhook-id")
    key = identity(event_id, _header(request, "topic"))
    handle = _header(request, "handle") or _of_an_event(request, event.payload, "handle")
    return key and (*key, *filter(None, (text(handle),)))


def _header(request: Request, name: str) -> str | None:
    """Return the header under either of its names; None if it was not sent."""
    headers = request.headers
    return headers.get(PREFIXES[0] + name) or headers.get(PREFIXES[1] + name) or None


def _of_an_event(request: Request, payload: Json, name: str) -> Json:
    """Return a member of the body of Shopify's Events, which repeats the topic of the header."""
    topic = request.headers.get("shopify-topic")
    return at(payload, name) if topic and at(payload, "topic") == topic else None


SOURCE = Source(
    "shopify",
    verify,
    events,
    provider_key=provider_key,
    keyed_by_default=True,
    event_headers=(
        "X-Shopify-Topic",
        "X-Shopify-Shop-Domain",
        "X-Shopify-API-Version",
        "X-Shopify-Event-Id",
        "X-Shopify-Triggered-At",
        "Shopify-Topic",
        "Shopify-Shop-Domain",
        "Shopify-API-Version",
        "Shopify-Event-Id",
        "Shopify-Triggered-At",
    ),
    facts=FACTS,
)
