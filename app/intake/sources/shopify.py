"""Shopify's webhooks. https://shopify.dev/docs/apps/build/webhooks/subscribe/https"""

from datetime import datetime

from app.intake.message import Event, Json, Request, Source, SourceFacts
from app.intake.signatures import hmac_sha256_base64, require_match
from app.intake.sources.payload import identity

FACTS = SourceFacts(
    documentation="https://shopify.dev/docs/apps/build/webhooks/subscribe/https",
    signature="X-Shopify-Hmac-Sha256: <base64>, HMAC-SHA256 over the body",
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
    presented = request.headers.get("x-shopify-hmac-sha256", "")
    require_match([presented], hmac_sha256_base64(secret, request.body))


def events(request: Request, payload: Json) -> list[Event]:
    """Return the one event of the request; its topic and shop are in the headers."""
    event = {
        "event_type": request.headers.get("x-shopify-topic") or "unknown",
        "source": "shopify",
        "shop": request.headers.get("x-shopify-shop-domain"),
        "api_version": request.headers.get("x-shopify-api-version"),
        "triggered_at": request.headers.get("x-shopify-triggered-at"),
        "data": payload,
    }
    return [Event(payload, event)]


def provider_key(request: Request, _event: Event) -> tuple[str, ...] | None:
    """Return event id and topic: Shopify uses one id for the same change under every topic.

    Without an event id it is the id of the delivery, which is the same on every retry.
    """
    headers = request.headers
    event_id = headers.get("x-shopify-event-id") or headers.get("x-shopify-webhook-id")
    return identity(event_id, headers.get("x-shopify-topic"))


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
    ),
    facts=FACTS,
)
