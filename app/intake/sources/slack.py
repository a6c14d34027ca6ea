"""Requests to Slack apps. https://docs.slack.dev/authentication/verifying-requests-from-slack"""

from datetime import datetime

from app.errors import Unverified
from app.intake.message import Event, Json, Request, Source, SourceFacts, WebhookResponse
from app.intake.signatures import MISSING, hmac_sha256_hex, require_fresh, require_match
from app.intake.sources.payload import at, identity, unwrapped

TOLERANCE_SECONDS = 300.0
FACTS = SourceFacts(
    documentation="https://docs.slack.dev/authentication/verifying-requests-from-slack",
    signature="X-Slack-Signature: v0=<hex>, HMAC-SHA256 over v0:<timestamp>:<body>; 5 minutes",
    handshake="type url_verification in the body: answered 200 with its challenge",
    provider_key="event_id in the body, only in deliveries of the Events API",
    provider_key_signed=True,
    answer="any 2xx within 3 s",
    answer_seconds=3,
    retries="3: immediately, after 1 min, after 5 min",
    retry_seconds=420,
    unverified="the times of the retries; that interactions and slash commands are sent only once",
)


def verify(request: Request, secret: str, now: datetime, tolerance: float | None) -> None:
    """Verify X-Slack-Signature: `v0=<hex>` over the timestamp and the body."""
    timestamp = request.headers.get("x-slack-request-timestamp", "")
    if not timestamp:
        raise Unverified(MISSING)
    signed = f"v0:{timestamp}:".encode("utf-8", "surrogatepass")
    expected = "v0=" + hmac_sha256_hex(secret, signed, request.body)
    require_match([request.headers.get("x-slack-signature", "")], expected)
    require_fresh(timestamp, now, tolerance)


def events(request: Request, payload: Json) -> list[Event]:
    """Return the one event; interactions come as JSON in a form field named `payload`."""
    payload = unwrapped(request, payload)
    inner = at(payload, "event")
    event = {
        "event_type": at(inner, "type") or at(payload, "command") or at(payload, "type"),
        "source": "slack",
        "team_id": at(payload, "team_id") or at(payload, "team", "id"),
        "channel": at(inner, "channel") or at(payload, "channel_id"),
        "user": at(inner, "user") or at(payload, "user_id") or at(payload, "user", "id"),
        "data": payload,
    }
    return [Event(payload, event | {"event_type": event["event_type"] or "unknown"})]


def handshake(_request: Request, payload: Json) -> WebhookResponse | None:
    """Return the challenge that Slack sends when somebody enters the address in its settings."""
    if at(payload, "type") != "url_verification":
        return None
    return WebhookResponse(200, {"challenge": at(payload, "challenge")})


def provider_key(_request: Request, event: Event) -> tuple[str, ...] | None:
    """Return event_id, which is the same on every retry and unique across all workspaces."""
    return identity(at(event.payload, "event_id"))


SOURCE = Source(
    "slack",
    verify,
    events,
    handshake,
    provider_key=provider_key,
    keyed_by_default=True,
    tolerance_seconds=TOLERANCE_SECONDS,
    redacted=frozenset({"token"}),  # Slack's deprecated verification token, still sent
    facts=FACTS,
)
