"""Extract recipient and text of a WhatsApp message, to be shown before a replay. Pure."""

from dataclasses import dataclass
from typing import Any

from app.tolerant_json import json_value

RECIPIENT = (
    ("data", "key", "remoteJid"),
    ("data", "remoteJid"),
    ("phone",),
    ("from",),
    ("data", "Info", "Chat"),
    ("recipient_id",),
)
"""Paths to the recipient: those of the older page, then of Evolution Go and the Cloud API."""
COMMAND = (
    ("data", "message", "conversation"),
    ("data", "message", "extendedTextMessage", "text"),
    ("command",),
    ("text",),
    ("data", "Message", "conversation"),
    ("data", "Message", "extendedTextMessage", "text"),
    ("text", "body"),
    ("button", "text"),
    ("interactive", "button_reply", "title"),
    ("interactive", "list_reply", "title"),
)
"""Paths to the message text, in the same order.

The Cloud API has separate fields for typed text and for pressed buttons.

https://developers.facebook.com/docs/whatsapp/cloud-api/webhooks/payload-examples
"""


@dataclass(frozen=True, slots=True)
class MessagePreview:
    """The first recipient and the first text that were found; None if there is none."""

    recipient: str | None
    command: str | None


def message(event: Any) -> MessagePreview | None:
    """Return the message in an event or in its `data`; None if it is not a WhatsApp message."""
    if isinstance(event, str):
        event = json_value(event)
    payload = event.get("data") if isinstance(event, dict) else None
    for whole in (event, payload):
        preview = MessagePreview(_first(whole, RECIPIENT), _first(whole, COMMAND))
        if preview.recipient is not None:
            return preview
    return None


def _first(whole: Any, places: tuple[tuple[str, ...], ...]) -> str | None:
    for place in places:
        value = whole
        for name in place:
            value = value.get(name) if isinstance(value, dict) else None
        if isinstance(value, str | int) and not isinstance(value, bool) and str(value):
            return str(value)
    return None
