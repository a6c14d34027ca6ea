"""Updates for Telegram bots. https://core.telegram.org/bots/api#setwebhook"""

from datetime import datetime

from app.intake.message import Event, Json, Request, Source, SourceFacts
from app.intake.signatures import require_match
from app.intake.sources.payload import at, identity

FACTS = SourceFacts(
    documentation="https://core.telegram.org/bots/api#setwebhook",
    signature="none: X-Telegram-Bot-Api-Secret-Token is the secret itself",
    provider_key="update_id in the body",
    provider_key_signed=False,
    answer="any 2xx",
    retries="up to 24 h",
    retry_seconds=86_400,
    unverified="the duration of the retries",
)


def verify(request: Request, secret: str, _now: datetime, _tolerance: float | None) -> None:
    """Compare X-Telegram-Bot-Api-Secret-Token with the secret; the body is not signed."""
    require_match([request.headers.get("x-telegram-bot-api-secret-token", "")], secret)


def events(_request: Request, payload: Json) -> list[Event]:
    """Return the one event of the request: a message, or a button that somebody pressed."""
    callback = at(payload, "callback_query")
    message = at(callback, "message") if callback else at(payload, "message")
    sender = at(callback, "from") if callback else at(message, "from")
    event = {
        "event_type": (at(callback, "data") or "callback") if callback else "message",
        "source": "telegram",
        "chat_id": at(message, "chat", "id"),
        "from_user": at(sender, "username"),
        "text": at(message, "text"),
        "data": payload,
    }
    return [Event(payload, event)]


def provider_key(_request: Request, event: Event) -> tuple[str, ...] | None:
    """Return update_id, which Telegram counts up for each bot."""
    return identity(at(event.payload, "update_id"))


SOURCE = Source("telegram", verify, events, provider_key=provider_key, facts=FACTS)
