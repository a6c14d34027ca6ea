"""What the benchmark's sender sends: whole requests, signed before the clock runs."""

import json

from app.intake.signatures import hmac_sha256_hex

SECRET = "bench-secret"
UNIQUE, DUPLICATE, MIXED = "unique", "duplicate", "20% duplicate"
KINDS = (UNIQUE, DUPLICATE, MIXED)
REPEATED_KEYS = 1_000
"""All-duplicate traffic goes round among so many keys, which were admitted before."""
MIXED_DISTANCE = 500
"""A duplicate among new events repeats one this far back: its first delivery is long answered."""
ONE_IN = 5
FILLER = "A buyer of several things, as a shop would describe one. " * 8


def number(kind: str, position: int) -> int:
    """Which event stands at this position of the traffic."""
    if kind == DUPLICATE:
        return position % REPEATED_KEYS
    if kind == MIXED and position >= MIXED_DISTANCE and position % ONE_IN == 0:
        return position - MIXED_DISTANCE + 1  # never a position that repeats one itself
    return position


def key(event: int) -> str:
    """The idempotency key of this event."""
    return f"bench-{event:09d}"


def events(kind: str, positions: int) -> int:
    """How many different events the traffic has up to this position."""
    return min(positions, REPEATED_KEYS) if kind == DUPLICATE else positions


def request(event: int) -> bytes:
    """The event's request, to the first trigger, ready for the socket."""
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
