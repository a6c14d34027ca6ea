"""Forward the event to a URL, byte for byte as it came, signed as Standard Webhooks specifies.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import base64
import binascii
import hmac
import time
from dataclasses import dataclass, field
from functools import lru_cache, partial

from urllib3.util import Url

from app.actions import http_client, options
from app.actions.exchange import HttpResponse, SentRequest
from app.actions.http_client import Client, TargetResponse
from app.actions.work import Work, summary
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
"""Headers that no trigger may set: they identify the event, or delimit the body."""


@dataclass(frozen=True, slots=True)
class Target:
    """The address, headers and limits that a trigger's payload describes."""

    url: Url
    headers: dict[str, str] = field(default_factory=dict)
    secret: str | None = None
    """The secret to sign with; None: the trigger's own secret."""
    timeout_seconds: float | None = None


def run(work: Work) -> str:
    """Forward the event and return the target's response.

    Raises ActionFailed with the status if it is not 2xx, or with the error if none came.
    """
    return send(work, http_client.client(work.settings.hookonce_egress_allow))


def validate(payload: str) -> None:
    """Raise InvalidTrigger, with a sentence, if the payload cannot work."""
    read(payload)


def send(work: Work, client: Client) -> str:
    """Do as `run`, with a client that a test may choose."""
    target = options.of(work, read)
    body = work.body if work.body is not None else work.event_data.encode("utf-8", "replace")
    limit = target.timeout_seconds or work.settings.hookonce_http_timeout_seconds
    request = SentRequest(str(target.url), _headers(work, body, target), body, str(work.chain_id))
    response = client.post(
        target.url, body, request.headers, limit, sending=partial(note_sent, work, request)
    )
    return accepted(response, work)


def note_sent(work: Work, request: SentRequest) -> None:
    """Note that the request begins to leave."""
    work.exchange.sent = request


def accepted(response: TargetResponse, work: Work) -> str:
    """Note the response; return its summary if it is 2xx, raise ActionFailed with any other.

    A target may repeat what it received, so the secrets of the work are hidden.
    """
    work.exchange.received = HttpResponse(response.status, response.headers)
    text = summary(f"HTTP {response.status} {work.hidden(response.text)}")
    if 200 <= response.status < 300:
        return text
    raise ActionFailed(text, http_status=response.status, retry_after=response.retry_after)


@lru_cache(maxsize=256)
def read(payload: str) -> Target:
    """Return the target that a payload describes: an address, or a JSON object of OPTIONS."""
    given = options.either(payload, "url", OPTIONS)
    return Target(
        options.address(given),
        options.headers(given, OURS),
        options.words(given, "secret"),
        options.seconds(given),
    )


def signature(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """Return the signature `v1,<base64>` of id, time and body."""
    signed = f"{message_id}.{timestamp}.".encode() + body
    digest = hmac.digest(_key(secret), signed, "sha256")
    return "v1," + base64.b64encode(digest).decode()


def _key(secret: str) -> bytes:
    """Return the key: the decoded part of `whsec_<base64>`, or any other secret as it is."""
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
    # anyone can sign with an empty key: no signature is better than one that proves nothing
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
    of_event = {
        name: value for name, value in work.event_headers.items() if options.is_header_value(value)
    }
    return {
        **{n: value for n, value in (of_event | defaults).items() if n.lower() not in chosen},
        **target.headers,
        "Idempotency-Key": event_id,
        "webhook-id": event_id,
        "webhook-timestamp": str(timestamp),
        **signed,
        "Hookonce-Attempt": str(work.attempt_number),
    }
