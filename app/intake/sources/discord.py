"""Discord. https://docs.discord.com/developers/interactions/overview#setting-up-an-endpoint"""

from datetime import datetime

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from app.errors import Unverified
from app.intake.message import Answer, Event, Json, Request, Source
from app.intake.signatures import BAD, MISSING, require_fresh
from app.intake.sources.reading import at

TOLERANCE_SECONDS = 300.0
PING = 1


def verify(request: Request, secret: str, now: datetime, tolerance: float | None) -> None:
    """Ed25519 over timestamp and body; the secret is the public key in hex."""
    signature = request.headers.get("x-signature-ed25519", "")
    timestamp = request.headers.get("x-signature-timestamp", "")
    if not signature or not timestamp:
        raise Unverified(MISSING)
    try:
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(secret))
        signed = timestamp.encode("utf-8", "surrogatepass") + request.body
        key.verify(bytes.fromhex(signature), signed)
    except (InvalidSignature, ValueError) as error:
        raise Unverified(BAD) from error
    require_fresh(timestamp, now, tolerance)


def events(_request: Request, payload: Json) -> list[Event]:
    """One event a request."""
    event = {
        "event_type": at(payload, "t") or "unknown",
        "source": "discord",
        "channel_id": at(payload, "d", "channel_id"),
        "data": payload,
    }
    return [Event(payload, event)]


def handshake(_request: Request, payload: Json) -> Answer | None:
    """Discord asks whether someone is there, and checks that a bad signature is refused."""
    kind = at(payload, "type")
    is_ping = kind == PING and not isinstance(kind, bool)
    return Answer(200, {"type": PING}) if is_ping else None


SOURCE = Source(
    "discord",
    verify,
    events,
    handshake,
    tolerance_seconds=TOLERANCE_SECONDS,
    refusal_status=401,
)
