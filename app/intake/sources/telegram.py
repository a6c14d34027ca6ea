"""Telegram bots. https://core.telegram.org/bots/api#setwebhook"""

from datetime import datetime

from app.intake.message import Event, Json, Request, Source
from app.intake.signatures import require_match
from app.intake.sources.reading import at


def verify(request: Request, secret: str, _now: datetime, _tolerance: float | None) -> None:
    """X-Telegram-Bot-Api-Secret-Token is the secret itself; the body is not signed."""
    require_match([request.headers.get("x-telegram-bot-api-secret-token", "")], secret)


def events(_request: Request, payload: Json) -> list[Event]:
    """One event a request: a message, or a button that somebody pressed."""
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


SOURCE = Source("telegram", verify, events)
