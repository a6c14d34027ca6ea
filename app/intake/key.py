"""What makes two events the same event: their idempotency key."""

import hashlib

from app.intake.message import Event, Json

LONGEST = 255
"""The column's width in characters."""
PLACES = (("idempotency_key",), ("messageId",), ("data", "messageId"))
"""Where a key stands by default; the first place that has one wins."""


def of(event: Event) -> str | None:
    """The event's key, or None if it has none: then every delivery is a new execution.

    Each place is looked up in what the sender wrote, then in the normalised event.
    """
    for place in PLACES:
        for whole in (event.payload, event.normalised):
            key = _text(_at(whole, place))
            if key is not None:
                return _storable(key)
    return None


def _at(whole: Json, place: tuple[str, ...]) -> Json:
    for name in place:
        if not isinstance(whole, dict):
            return None
        whole = whole.get(name)
    return whole


def _text(value: Json) -> str | None:
    """Text and whole numbers are keys; to one database `true` equals 1, so it is none to us."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    return str(value) or None


def _storable(key: str) -> str:
    """The key itself where both databases store it exactly; else its digest, never a piece."""
    if len(key) <= LONGEST and "\0" not in key and _encodable(key):
        return key
    return "sha256:" + hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()


def _encodable(key: str) -> bool:
    try:
        key.encode()
    except UnicodeEncodeError:
        return False
    return True
