"""The traffic of the benchmark's sender: whole requests, signed before a measurement begins."""

import json

from app.intake.signatures import hmac_sha256_hex

SECRET = "bench-secret"
UNIQUE, DUPLICATE, MIXED = "unique", "duplicate", "20% duplicate"
KINDS = (UNIQUE, DUPLICATE, MIXED)
REPEATED_KEYS = 1_000
"""Keys that all-duplicate traffic repeats; they were admitted before."""
MIXED_DISTANCE = 500
"""Distance of a duplicate to its first delivery, which has been answered long before."""
ONE_IN = 5
FILLER = "A buyer of several things, as a shop would describe one. " * 8


def number(kind: str, position: int) -> int:
    """Return the event at this position of the traffic."""
    if kind == DUPLICATE:
        return position % REPEATED_KEYS
    if kind == MIXED and position >= MIXED_DISTANCE and position % ONE_IN == 0:
        return position - MIXED_DISTANCE + 1  # never the position of another duplicate
    return position


def key(event: int) -> str:
    """Return the idempotency key of this event."""
    return f"bench-{event:09d}"


def events(kind: str, positions: int) -> int:
    """Return the number of different events up to this position."""
    return min(positions, REPEATED_KEYS) if kind == DUPLICATE else positions


def request(event: int) -> bytes:
    """Return the event's request to the first trigger as bytes."""
    body = _body(event)
    head = (
        "POST /api/triggers/webhook/1 HTTP/1.1\r\n"
        "Host: 127.0.0.1\r\n"
        "User-Agent: bench/1\r\n"
        "Content-Type: application/json\r\n"
        f"X-Webhook-Signature: sha256={hmac_sha256_hex(SECRET, body)}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def _body(event: int) -> bytes:
    return json.dumps(
        {
            "event": "order.paid",
            "messageId": key(event),
            "data": {"order": event, "total": 129.9, "currency": "EUR", "note": FILLER},
        }
    ).encode()
