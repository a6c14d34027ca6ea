"""Discord's interactions and webhook events.

https://docs.discord.com/developers/interactions/overview#setting-up-an-endpoint
"""

from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from app.errors import Unverified
from app.intake.message import (
    NO_CONTENT,
    OK,
    Event,
    Json,
    Request,
    Source,
    SourceFacts,
    WebhookResponse,
)
from app.intake.signatures import BAD, MISSING, curve_signed, require_fresh
from app.intake.sources.payload import at, content_digest, identity
from app.intake.sources.secret_formats import of_public_key

TOLERANCE_SECONDS = 300.0
PING = 1
"""The `type` of an interaction that is a ping."""
WEBHOOK_PING = 0
"""The `type` of a webhook event that is a ping; 1 is a real event there."""
CHANNEL_IDS = (
    ("d", "channel_id"),
    ("channel_id",),
    ("channel", "id"),
    ("event", "data", "channel_id"),
)
"""Places of the channel: in a gateway event, an interaction and a webhook event."""
INTERACTIONS = {
    2: "APPLICATION_COMMAND",
    3: "MESSAGE_COMPONENT",
    4: "APPLICATION_COMMAND_AUTOCOMPLETE",
    5: "MODAL_SUBMIT",
}
"""The `type` of an interaction and its name in Discord's documentation."""
DEFERRED_MESSAGE = WebhookResponse(200, {"type": 5})
"""Response to an interaction: the app writes or edits its message within 15 minutes."""
INTERACTION_RESPONSES = {
    3: WebhookResponse(200, {"type": 6}),
    4: WebhookResponse(200, {"type": 8, "data": {"choices": []}}),
}
"""Responses by the `type` of the interaction where they differ: a component's message stays as it
is, and the list of choices is empty."""
FACTS = SourceFacts(
    documentation="https://docs.discord.com/developers/interactions/overview",
    signature="X-Signature-Ed25519: <hex>, Ed25519 over X-Signature-Timestamp and body; 5 minutes",
    handshake='ping, type 1 in the body: answered {"type": 1}; webhook event, type 0: answered 204',
    provider_key="id in the body of an interaction; of a webhook event application_id, event.type, "
    "event.timestamp and the digest of event.data",
    provider_key_signed=True,
    answer="within 3 s 204 to a webhook event, to an interaction its response; 401 to a bad "
    "signature",
    answer_seconds=3,
    retries="interactions: none; webhook events: for 10 min",
    retry_seconds=600,
    unverified="the 5 minutes; the retries of webhook events",
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
    event_type = at(payload, "t") or at(payload, "event", "type") or _interaction(payload)
    event = {
        "event_type": event_type or "unknown",
        "source": "discord",
        "channel_id": next(filter(None, (at(payload, *path) for path in CHANNEL_IDS)), None),
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
        return NO_CONTENT
    return WebhookResponse(200, {"type": PING}) if kind == PING else None


def provider_key(_request: Request, event: Event) -> tuple[str, ...] | None:
    """Return the id of the interaction; of a webhook event, which has none, type, time and content.

    Discord repeats a webhook event unchanged, with the time at which it happened.
    """
    payload = event.payload
    inner = at(payload, "event")
    if inner is None:
        return identity(at(payload, "id"))
    key = identity(at(payload, "application_id"), at(inner, "type"), at(inner, "timestamp"))
    return key and (*key, content_digest(at(inner, "data")))


def response(_request: Request, payload: Json) -> WebhookResponse:
    """Return the response that Discord expects: without one it shows an interaction as failed."""
    if at(payload, "event") is not None:
        return NO_CONTENT
    if _interaction(payload) is None:
        return OK
    return INTERACTION_RESPONSES.get(payload["type"], DEFERRED_MESSAGE)


def _interaction(payload: Json) -> str | None:
    """Return the name of the interaction's type; None if the payload is no interaction."""
    kind = at(payload, "type")
    if isinstance(kind, bool) or not isinstance(kind, int) or not at(payload, "application_id"):
        return None
    return INTERACTIONS.get(kind)


SOURCE = Source(
    "discord",
    verify,
    events,
    handshake,
    response=response,
    provider_key=provider_key,
    tolerance_seconds=TOLERANCE_SECONDS,
    checks_curve=True,
    refusal_status=401,
    facts=FACTS,
)
