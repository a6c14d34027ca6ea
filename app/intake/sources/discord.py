"""Discord's interactions and webhook events.

https://docs.discord.com/developers/interactions/overview#setting-up-an-endpoint
"""

from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from app.errors import Unverified
from app.intake.message import Event, Json, Request, Source, SourceFacts, WebhookResponse
from app.intake.signatures import BAD, MISSING, curve_signed, require_fresh
from app.intake.sources.payload import at, identity
from app.intake.sources.secret_formats import of_public_key

TOLERANCE_SECONDS = 300.0
PING = 1
"""The `type` of an interaction that is a ping."""
WEBHOOK_PING = 0
"""The `type` of a webhook event that is a ping; 1 is a real event there."""
FACTS = SourceFacts(
    documentation="https://docs.discord.com/developers/interactions/overview",
    signature="X-Signature-Ed25519: <hex>, Ed25519 over X-Signature-Timestamp and body; 5 minutes",
    handshake='ping, type 1 in the body: answered {"type": 1}; webhook event, type 0: answered 204',
    provider_key="id in the body of an interaction; webhook events have none",
    provider_key_signed=True,
    answer="any 2xx within 3 s, 204 to a webhook event; 401 to a bad signature",
    answer_seconds=3,
    retries="interactions: none; webhook events: for 10 min",
    retry_seconds=600,
    unverified="the 5 minutes; the retries; that Discord accepts 200, which Hookonce answers to a "
    "webhook event, instead of 204; an interaction expects a reply that Hookonce cannot give",
)


def verify(request: Request, secret: str, now: datetime, tolerance: float | None) -> None:
    """Verify the Ed25519 signature over timestamp and body; the secret is the public key in hex."""
    signature = request.headers.get("x-signature-ed25519", "")
    timestamp = request.headers.get("x-signature-timestamp", "")
    if not signature or not timestamp:
        raise Unverified(MISSING)
    try:
        key = Ed25519PublicKey.from_public_bytes(of_public_key(secret))
        signed = timestamp.encode("utf-8", "surrogatepass") + request.body
        valid = curve_signed(key, bytes.fromhex(signature), signed)
    except ValueError as error:
        raise Unverified(BAD) from error
    if not valid:
        raise Unverified(BAD)
    require_fresh(timestamp, now, tolerance)


def events(_request: Request, payload: Json) -> list[Event]:
    """Return the one event of the request."""
    event = {
        "event_type": at(payload, "t") or at(payload, "event", "type") or "unknown",
        "source": "discord",
        "channel_id": at(payload, "d", "channel_id"),
        "data": payload,
    }
    return [Event(payload, event)]


def handshake(_request: Request, payload: Json) -> WebhookResponse | None:
    """Return the answer to a ping, which Discord sends to check the address.

    Discord also sends pings with bad signatures and expects them to be refused.
    """
    kind = at(payload, "type")
    if isinstance(kind, bool) or at(payload, "event") is not None:
        return None
    if kind == WEBHOOK_PING and at(payload, "application_id"):
        return WebhookResponse(204, "")
    return WebhookResponse(200, {"type": PING}) if kind == PING else None


def provider_key(_request: Request, event: Event) -> tuple[str, ...] | None:
    """Return the id of the interaction."""
    return identity(at(event.payload, "id"))


SOURCE = Source(
    "discord",
    verify,
    events,
    handshake,
    provider_key=provider_key,
    tolerance_seconds=TOLERANCE_SECONDS,
    refusal_status=401,
    facts=FACTS,
)
