"""Standard Webhooks, and Svix, from which the standard developed.

The official library reads the clock itself and has a fixed tolerance, so it is not used.
https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import base64
from datetime import datetime

from app.errors import Unverified
from app.intake.message import Event, Json, Request, Source, SourceFacts
from app.intake.signatures import BAD, MISSING, digest, require_fresh, require_match
from app.intake.sources.payload import at
from app.intake.sources.secret_formats import of_base64

TOLERANCE_SECONDS = 300.0


def verify(request: Request, secret: str, now: datetime, tolerance: float | None) -> None:
    """Verify webhook-signature: `v1,<base64>[ v1,<base64>...]` over id, timestamp and body."""
    message_id, timestamp, signatures = _signature_headers(request)
    if not (message_id and timestamp and signatures):
        raise Unverified(MISSING)
    signed = f"{message_id}.{timestamp}.".encode("utf-8", "surrogatepass") + request.body
    expected = base64.b64encode(digest(_key(secret), signed)).decode()
    require_match(signatures.split(" "), f"v1,{expected}")
    require_fresh(timestamp, now, tolerance)


def events(_request: Request, payload: Json) -> list[Event]:
    """Return the one event of the request."""
    event_type = at(payload, "type") or at(payload, "event_type") or at(payload, "event")
    event = {"event_type": event_type or "unknown", "source": "standard", "data": payload}
    return [Event(payload, event)]


def provider_key(request: Request, _event: Event) -> tuple[str, ...] | None:
    """Return the id of the message, which is the same in every retry."""
    message_id, _, _ = _signature_headers(request)
    return (message_id,) if message_id else None


def _signature_headers(request: Request) -> tuple[str, str, str]:
    """Return id, timestamp and signatures, all from headers with the same prefix.

    Otherwise somebody could add a header with the other prefix, and the key would be an id that
    was not signed.
    """
    svix = "svix-signature" in request.headers and "webhook-signature" not in request.headers
    prefix = "svix-" if svix else "webhook-"
    message_id, timestamp, signatures = (
        request.headers.get(prefix + name, "") for name in ("id", "timestamp", "signature")
    )
    return message_id, timestamp, signatures


def _key(secret: str) -> bytes:
    try:
        return of_base64(secret)
    except ValueError as error:
        raise Unverified(BAD) from error


SOURCE = Source(
    "standard",
    verify,
    events,
    provider_key=provider_key,
    keyed_by_default=True,
    tolerance_seconds=TOLERANCE_SECONDS,
    facts=SourceFacts(
        documentation="https://www.standardwebhooks.com",
        signature="webhook-signature or svix-signature: v1, HMAC-SHA256 in base64 over "
        "{id}.{timestamp}.{body}; the secret is base64 after whsec_",
        provider_key="header webhook-id or svix-id",
        provider_key_signed=True,
        answer="any 2xx; 410 disables the endpoint",
        retries="depend on the sender; the standard proposes intervals from 5 s to 24 h",
        retry_seconds=273_600,
        unverified="each sender's own retries; v1a (Ed25519) signatures are not supported",
    ),
)
