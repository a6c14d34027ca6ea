"""Updates for Telegram bots. https://core.telegram.org/bots/api#setwebhook"""

from datetime import datetime

from app.intake.message import Event, Json, Request, Source, SourceFacts
from app.intake.signatures import require_secret
from app.intake.sources.payload import at, identity

FIRST = ("callback_query", "message")
"""Names of the contents that the older system read, in its order."""
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
    require_secret([request.headers.get("x-telegram-bot-api-secret-token", "")], secret)


def events(_request: Request, payload: Json) -> list[Event]:
    """Return the one event: a message, a button that somebody pressed, or another update.

    `event_type` of all updates but buttons is `message`, as in the older system, whose filters rely
    on it. `update_type` tells them apart.
    """
    update_type = _update_type(payload)
    update = at(payload, update_type) if update_type else None
    callback = update if update_type == "callback_query" else None
    message = at(callback, "message") if callback else update
    event = {
        "event_type": (at(callback, "data") or "callback") if callback else "message",
        "source": "telegram",
        "chat_id": at(message, "chat", "id"),
        "from_user": at(at(update, "from") or at(update, "user"), "username"),
        "text": at(message, "text"),
        "update_type": update_type,
        "data": payload,
    }
    return [Event(payload, event)]


def provider_key(_request: Request, event: Event) -> tuple[str, ...] | None:
    """Return update_id, which Telegram counts up for each bot."""
    return identity(at(event.payload, "update_id"))


def _update_type(payload: Json) -> str | None:
    """Return the name of the update's content, the only member of an update beside `update_id`."""
    names = [name for name in payload if payload[name]] if isinstance(payload, dict) else []
    first = next((name for name in FIRST if name in names), None)
    return first or next((name for name in names if name != "update_id"), None)


SOURCE = Source("telegram", verify, events, provider_key=provider_key, facts=FACTS)
