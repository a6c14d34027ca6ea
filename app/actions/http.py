"""Send the event on to a URL, byte for byte as it came, signed the Standard Webhooks way.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import base64
import binascii
import hmac
import time
from dataclasses import dataclass, field
from functools import lru_cache

from urllib3.util import Url

from app.actions import http_client, options
from app.actions.http_client import Client, TargetResponse
from app.actions.work import Work, summary, without
from app.errors import ActionFailed

OPTIONS = ("url", "headers", "secret", "timeout_seconds")
OURS = frozenset(
    {
        "connection",
        "content-length",
        "expect",
        "hookonce-attempt",
        "host",
        "idempotency-key",
        "transfer-encoding",
        "webhook-id",
        "webhook-signature",
        "webhook-timestamp",
    }
)
"""Headers that no trigger sets: they are how the receiver knows the event, and finds its end."""
SHORTEST_HIDDEN = 6
"""A header's value of fewer characters is no secret worth hiding, and occurs in any text."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where to send the event, and how."""

    url: Url
    headers: dict[str, str] = field(default_factory=dict)
    secret: str | None = None
    """What to sign with; None: the trigger's own secret."""
    timeout_seconds: float | None = None


def run(work: Work) -> str:
    """What the target answered, with a status of 2xx.

    Raises ActionFailed with the status, or with what kept the request from being answered.
    """
    return send(work, http_client.client(work.settings.hookonce_egress_allow))


def validate(payload: str) -> None:
    """Raises InvalidTrigger, with a sentence, for a payload that cannot work."""
    read(payload)


def send(work: Work, client: Client) -> str:
    """`run`, with a client that a test may choose."""
    target = options.of(work, read)
    body = work.body if work.body is not None else work.event_data.encode("utf-8", "replace")
    limit = target.timeout_seconds or work.settings.hookonce_http_timeout_seconds
    answer = client.post(target.url, body, _headers(work, body, target), limit)
    hidden = [value for value in target.headers.values() if len(value) >= SHORTEST_HIDDEN]
    return accepted(answer, [*hidden, *filter(None, [target.secret])])


def accepted(answer: TargetResponse, hidden: list[str]) -> str:
    """What is kept of an answer of 2xx; raises ActionFailed with any other.

    A target may repeat what it was sent: nothing of `hidden` is kept.
    """
    said = summary(without(hidden, f"HTTP {answer.status} {answer.text}"))
    if 200 <= answer.status < 300:
        return said
    raise ActionFailed(said, http_status=answer.status, retry_after=answer.retry_after)


@lru_cache(maxsize=256)
def read(payload: str) -> Target:
    """The target that a payload describes: an address, or an object of OPTIONS."""
    given = options.either(payload, "url", OPTIONS)
    return Target(
        options.address(given),
        options.headers(given, OURS),
        options.words(given, "secret"),
        options.seconds(given),
    )


def signature(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """`v1,<base64>` over id, time and body."""
    signed = f"{message_id}.{timestamp}.".encode() + body
    digest = hmac.digest(_key(secret), signed, "sha256")
    return "v1," + base64.b64encode(digest).decode()


def _key(secret: str) -> bytes:
    """A secret `whsec_<base64>` holds its key encoded; any other secret is its own key."""
    if secret.startswith("whsec_"):
        try:
            key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
        except binascii.Error:
            key = b""
        if key:
            return key
    return secret.encode("utf-8", "surrogatepass")


def _headers(work: Work, body: bytes, target: Target) -> dict[str, str]:
    event_id, timestamp = str(work.chain_id), int(time.time())
    secret = target.secret or work.trigger_secret
    # anyone can make what a key of no bytes makes: better none than one that proves nothing
    signed = {"webhook-signature": signature(secret, event_id, timestamp, body)} if secret else {}
    content_type = work.content_type or "application/json"
    if not options.is_header_value(content_type):
        content_type = "application/octet-stream"
    chosen = {name.lower() for name in target.headers}
    defaults = {
        "Content-Type": content_type,
        "User-Agent": "Hookonce",
        "Accept-Encoding": "identity",
    }
    return {
        **{name: value for name, value in defaults.items() if name.lower() not in chosen},
        **target.headers,
        "Idempotency-Key": event_id,
        "webhook-id": event_id,
        "webhook-timestamp": str(timestamp),
        **signed,
        "Hookonce-Attempt": str(work.attempt_number),
    }
