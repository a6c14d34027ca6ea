"""Does it say the same? A digest of what the sender wrote, whichever way it was rendered. Pure."""

import hashlib
import json

from app.intake.message import Event

_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"))


def of(event: Event) -> str:
    """The SHA-256 of the event's payload, in hex: equal for payloads that read the same.

    The order of names, white space, escapes and the encoding make no difference; the order of a
    list does, and `1`, `1.0` and `"1"` are three. Of a batch it is the event's own part. Nothing
    is redacted before: a secret inside cannot be read from a digest, and its change is a change.
    """
    return hashlib.sha256(_ENCODER.encode(event.payload).encode()).hexdigest()
