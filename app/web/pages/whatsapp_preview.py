"""What a WhatsApp payload says to whom: shown before a person sends it again. Pure."""

import json
from dataclasses import dataclass
from typing import Any

RECIPIENT = (
    ("data", "key", "remoteJid"),
    ("data", "remoteJid"),
    ("phone",),
    ("from",),
    ("data", "Info", "Chat"),
    ("recipient_id",),
)
"""As the older page looks for it, then where Evolution Go and the Cloud API have it."""
COMMAND = (
    ("data", "message", "conversation"),
    ("data", "message", "extendedTextMessage", "text"),
    ("command",),
    ("text",),
    ("data", "MessagePreview", "conversation"),
    ("data", "MessagePreview", "extendedTextMessage", "text"),
    ("text", "body"),
    ("button", "text"),
    ("interactive", "button_reply", "title"),
    ("interactive", "list_reply", "title"),
)
"""Likewise; the Cloud API tells what was typed apart from what was pressed.

https://developers.facebook.com/docs/whatsapp/cloud-api/webhooks/payload-examples
"""


@dataclass(frozen=True, slots=True)
class MessagePreview:
    """The first that is found of each; None where there is none."""

    recipient: str | None
    command: str | None


def message(event: Any) -> MessagePreview | None:
    """The message in an event, or in the payload that its `data` is; None if it is no message."""
    if isinstance(event, str):
        event = _read(event)
    payload = event.get("data") if isinstance(event, dict) else None
    for whole in (event, payload):
        found = MessagePreview(_first(whole, RECIPIENT), _first(whole, COMMAND))
        if found.recipient is not None:
            return found
    return None


def _first(whole: Any, places: tuple[tuple[str, ...], ...]) -> str | None:
    for place in places:
        value = whole
        for name in place:
            value = value.get(name) if isinstance(value, dict) else None
        if isinstance(value, str | int) and not isinstance(value, bool) and str(value):
            return str(value)
    return None


def _read(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
