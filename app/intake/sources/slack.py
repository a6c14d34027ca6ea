"""Requests to Slack apps. https://docs.slack.dev/authentication/verifying-requests-from-slack"""

from datetime import datetime

from app.errors import Unverified
from app.intake.message import (
    EMPTY,
    FORM,
    OK,
    Event,
    Json,
    Request,
    Source,
    SourceFacts,
    WebhookResponse,
)
from app.intake.signatures import MISSING, hmac_sha256_hex, require_fresh, require_match
from app.intake.sources.payload import at, identity, unwrapped

TOLERANCE_SECONDS = 300.0
FACTS = SourceFacts(
    documentation="https://docs.slack.dev/authentication/verifying-requests-from-slack",
    signature="X-Slack-Signature: v0=<hex>, HMAC-SHA256 over v0:<timestamp>:<body>; 5 minutes",
    handshake="type url_verification in the body: answered 200 with its challenge; the form "
    "ssl_check=1, signed or not: answered 200",
    provider_key="event_id in the body, only in deliveries of the Events API",
    provider_key_signed=True,
    answer="any 2xx within 3 s; to an interaction or a slash command 200 with an empty body",
    answer_seconds=3,
    retries="3: immediately, after 1 min, after 5 min",
    retry_seconds=420,
    unverified="the times of the retries; that interactions and slash commands are sent only once",
)

MENUS = ("block_suggestion", "dialog_suggestion")
"""Interactions that ask for the options of a menu: the answer is an empty list."""
SSL_CHECK_BYTES = 512
"""Most bytes of an `ssl_check`: a larger body is not parsed before it is verified."""


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
        "team_id": _team(payload),
        "channel": _channel(inner) or _channel(payload),
        "user": _user(inner) or _user(payload),
        "data": payload,
    }
    return [Event(payload, event | {"event_type": event["event_type"] or "unknown"})]


def handshake(_request: Request, payload: Json) -> WebhookResponse | None:
    """Return the challenge that Slack sends when somebody enters the address in its settings.

    `ssl_check` is a test of the address, also if it is signed.
    """
    if at(payload, "ssl_check") == "1":
        return EMPTY
    if at(payload, "type") != "url_verification":
        return None
    return WebhookResponse(200, {"challenge": at(payload, "challenge")})


def unsigned(request: Request) -> WebhookResponse | None:
    """Answer `ssl_check`, by which Slack tests the certificate of a slash command's address.

    Slack does not sign it. A form with any other field is a command, and must be signed.
    """
    if request.content_type != FORM or len(request.body) > SSL_CHECK_BYTES:
        return None
    form = request.form() if b"ssl_check" in request.body else {}
    is_check = form.get("ssl_check") == "1" and form.keys() <= {"ssl_check", "token"}
    return EMPTY if is_check else None


def response(request: Request, payload: Json) -> WebhookResponse:
    """Return the response that Slack expects: it shows any body of a command to the user.

    It also reads the body of a submitted view, and takes options from that of a menu.
    """
    if request.content_type != FORM:
        return OK
    is_menu = at(unwrapped(request, payload), "type") in MENUS
    return WebhookResponse(200, {"options": []}) if is_menu else EMPTY


def provider_key(_request: Request, event: Event) -> tuple[str, ...] | None:
    """Return event_id, which is the same on every retry and unique across all workspaces."""
    return identity(at(event.payload, "event_id"))


def _team(payload: Json) -> Json:
    authorizations = at(payload, "authorizations")
    first = authorizations[0] if isinstance(authorizations, list) and authorizations else None
    return (
        at(payload, "team_id")
        or _id(at(payload, "team"))
        or at(payload, "user", "team_id")
        or at(first, "team_id")
    )


def _channel(part: Json) -> Json:
    """Return the id of the channel; a reaction and a button name it elsewhere."""
    return (
        _id(at(part, "channel"))
        or at(part, "channel_id")
        or at(part, "item", "channel")
        or at(part, "container", "channel_id")
    )


def _user(part: Json) -> Json:
    """Return the id of the user; an edited or deleted message names it in the message."""
    return (
        _id(at(part, "user"))
        or at(part, "user_id")
        or at(part, "message", "user")
        or at(part, "previous_message", "user")
    )


def _id(value: Json) -> Json:
    """Return the `id` of an object; a value that is already an id unchanged."""
    return value.get("id") if isinstance(value, dict) else value


SOURCE = Source(
    "slack",
    verify,
    events,
    handshake,
    unsigned=unsigned,
    response=response,
    provider_key=provider_key,
    keyed_by_default=True,
    tolerance_seconds=TOLERANCE_SECONDS,
    redacted=frozenset({"token"}),  # Slack's deprecated verification token, still sent
    redacted_at_top=True,  # an input of a view, or a field of an event, may be called token too
    facts=FACTS,
)
