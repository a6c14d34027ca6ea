"""Mercado Pago's webhooks.

https://www.mercadopago.com.br/developers/en/docs/your-integrations/notifications

The signature covers the id of a resource in the query, not the body. An action should therefore ask
Mercado Pago's API about the resource and not trust the body.
"""

from datetime import datetime

from app.errors import Unverified
from app.intake.message import Event, Json, Request, Source, SourceFacts
from app.intake.signatures import BAD, MISSING, hmac_sha256_hex, require_fresh, require_match
from app.intake.sources.payload import at, content_digest, text

MILLISECOND_DIGITS = 13
"""Digits of a timestamp in milliseconds.

The documentation shows Unix seconds, but libraries exist that expect milliseconds.
"""

MERCHANT_ORDER = "topic_merchant_order_wh"
"""The `type` of a merchant order's notifications, whose `id` is the order's."""
OF_THE_DELIVERY = frozenset({"_id", "attempts", "received", "sent"})
"""Members that a retry changes: they do not tell two notifications apart."""


def verify(request: Request, secret: str, now: datetime, tolerance: float | None) -> None:
    """Verify x-signature: `ts=<unix>,v1=<hex>` over the query's data.id, x-request-id and ts.

    Both forms of an alphanumeric id are accepted: lower case, as the documentation says, and
    unchanged, as libraries do; both name the same resource. No time limit by default: a retry may
    carry the signature of the first try.
    """
    parts = _parts(request.headers.get("x-signature", ""))
    timestamp, presented = parts.get("ts", ""), parts.get("v1", "")
    if not (timestamp and presented):
        raise Unverified(MISSING)
    resource = request.query.get("data.id", "")
    request_id = request.headers.get("x-request-id", "")
    expected = [
        hmac_sha256_hex(secret, _signed_text(resource_id, request_id, timestamp))
        for resource_id in (resource, resource.lower())
    ]
    require_match(expected, presented)
    in_seconds = timestamp[:-3] if len(timestamp) == MILLISECOND_DIGITS else timestamp
    require_fresh(in_seconds, now, tolerance)


def events(request: Request, payload: Json) -> list[Event]:
    """Return the one event of the request; `resource_id` is the id that was signed."""
    event = {
        "event_type": _type(request, payload) or "unknown",
        "source": "mercadopago",
        "action": at(payload, "action"),
        "resource_id": request.query.get("data.id"),
        "data": payload,
    }
    return [Event(payload, event)]


def provider_key(request: Request, event: Event) -> tuple[str, ...] | None:
    """Return the notification's id and action, or the version of the resource.

    Merchant orders, orders and Point's payment intents carry no id of the notification, but the id
    of the resource, which is the same in each of its notifications.
    """
    payload = event.payload
    notification_id, action = text(at(payload, "id")), text(at(payload, "action"))
    if notification_id and not _names_the_resource(request, payload):
        return (notification_id, action)
    resource_id = notification_id or text(at(payload, "data", "id"))
    if not resource_id:
        return None
    return (_type(request, payload), resource_id, action, *_state(payload))


def _type(request: Request, payload: Json) -> str:
    query = request.query
    return text(at(payload, "type")) or query.get("type", "") or query.get("topic", "")


def _names_the_resource(request: Request, payload: Json) -> bool:
    """Return whether the body's `id` is the id of the resource, not of the notification."""
    data = at(payload, "data")
    if at(payload, "type") == MERCHANT_ORDER or not isinstance(data, dict):
        return True
    return text(payload["id"]) in (text(data.get("id")), request.query.get("data.id"))


def _state(payload: dict[str, Json]) -> tuple[str, ...]:
    """Return version and status of the resource, or the digest of the notification.

    Without a version nothing else is sure to change with each notification.
    """
    data = payload.get("data")
    version = text(payload.get("version")) or text(at(data, "version"))
    if version:
        return (version, text(payload.get("status")) or text(at(data, "status")))
    return (content_digest({name: payload[name] for name in payload.keys() - OF_THE_DELIVERY}),)


def _parts(header: str) -> dict[str, str]:
    pairs = [part.strip().partition("=") for part in header.split(",")]
    return {name: value for name, _, value in pairs}


def _signed_text(resource_id: str, request_id: str, timestamp: str) -> bytes:
    """Return the signed text; a part that was not sent is left out.

    A semicolon inside a part is refused, because it could make one part look like two.
    """
    parts = {"id": resource_id, "request-id": request_id, "ts": timestamp}
    if any(";" in value for value in parts.values()):
        raise Unverified(BAD)
    signed = "".join(f"{name}:{value};" for name, value in parts.items() if value)
    return signed.encode("utf-8", "surrogatepass")


SOURCE = Source(
    "mercadopago",
    verify,
    events,
    provider_key=provider_key,
    keyed_by_default=True,
    facts=SourceFacts(
        documentation="https://www.mercadopago.com.br/developers/en/docs/your-integrations/"
        "notifications/webhooks",
        signature="x-signature: ts and v1, HMAC-SHA256 in hex over the query's data.id, "
        "x-request-id and ts; the body is not signed",
        provider_key="id and action in the body; for an order and a merchant order its type, id, "
        "action, version and status; for any other resource the digest of the body in their place",
        provider_key_signed=False,
        answer="200 or 201 within 22 s",
        answer_seconds=22,
        retries="every 15 minutes",
        unverified="whether a retry has a new signature; whether ts is in seconds or milliseconds, "
        "and whether data.id is signed in lower case (both are accepted); QR code notifications "
        "are not signed, so they are refused",
    ),
)
