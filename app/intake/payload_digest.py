"""Digest of a payload, to notice a repeated key that brings another payload. Pure."""

import hashlib

from app.intake import json_text
from app.intake.message import Event

_encode = json_text.encoding(sort_keys=True, separators=(",", ":"))


def of(event: Event) -> str:
    """Return the SHA-256 of the event's payload in hex; payloads that parse alike have the same.

    The order of names, white space, escapes and the encoding make no difference; the order of a
    list does, and `1`, `1.0` and `"1"` are three values. Of a batch it is the event's own part.
    Nothing is redacted before: a digest does not reveal a secret, and a changed secret is a change.
    """
    return hashlib.sha256(_encode(event.payload).encode()).hexdigest()
