"""Send the event on to a URL, byte for byte as it came, signed the Standard Webhooks way.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import base64
import binascii
import hashlib
import hmac
import time
from functools import cache

import urllib3

from app.actions.work import Work, summary
from app.errors import ActionFailed

CONNECT_SECONDS = 5.0
RESPONSE_BYTES = 64 * 1024
"""How much of an answer is read; a summary of it is kept."""
POOL_CONNECTIONS = 32


def run(work: Work) -> str:
    """What the target answered, with a status of 2xx.

    Raises ActionFailed with the status, or with what kept the request from being answered.
    """
    options = work.options() or {"url": work.action_payload.strip()}
    url = str(options.get("url", ""))
    if not url.startswith(("http://", "https://")):
        raise ActionFailed(f"{url!r} is no http or https address", permanent=True)
    body = work.body if work.body is not None else work.event_data.encode()
    secret = str(options.get("secret") or work.trigger_secret)
    status, retry_after, said = _post(url, body, _headers(work, body, secret), work)
    if 200 <= status < 300:
        return summary(f"HTTP {status} {said}")
    raise ActionFailed(
        summary(f"HTTP {status} {said}"), http_status=status, retry_after=retry_after
    )


def signature(secret: str, message_id: str, timestamp: int, body: bytes) -> str:
    """`v1,<base64>` over id, time and body."""
    signed = f"{message_id}.{timestamp}.".encode() + body
    digest = hmac.new(_key(secret), signed, hashlib.sha256).digest()
    return "v1," + base64.b64encode(digest).decode()


def _key(secret: str) -> bytes:
    """A secret `whsec_<base64>` holds its key encoded; any other secret is its own key."""
    if secret.startswith("whsec_"):
        try:
            return base64.b64decode(secret.removeprefix("whsec_"), validate=True)
        except binascii.Error:
            pass
    return secret.encode()


def _headers(work: Work, body: bytes, secret: str) -> dict[str, str]:
    event_id, timestamp = str(work.execution_id), int(time.time())
    return {
        "Content-Type": work.content_type or "application/json",
        "User-Agent": "Hookonce",
        "Idempotency-Key": event_id,
        "webhook-id": event_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": signature(secret, event_id, timestamp, body),
        "Hookonce-Attempt": str(work.attempt_number),
    }


def _post(
    url: str, body: bytes, headers: dict[str, str], work: Work
) -> tuple[int, str | None, str]:
    limit = work.settings.hookonce_http_timeout_seconds
    timeout = urllib3.Timeout(connect=min(CONNECT_SECONDS, limit), total=limit)
    try:
        response = _pool().request(
            "POST",
            url,
            body=body,
            headers=headers,
            timeout=timeout,
            redirect=False,
            retries=False,
            preload_content=False,
        )
        said = response.read(RESPONSE_BYTES, decode_content=False).decode("utf-8", "replace")
    except urllib3.exceptions.LocationValueError as error:
        raise ActionFailed(f"{url!r} is no address: {error}", permanent=True) from error
    except urllib3.exceptions.HTTPError as error:
        raise ActionFailed(f"{type(error).__name__}: {error}", permanent=False) from error
    response.close()
    return response.status, response.headers.get("Retry-After"), said


@cache
def _pool() -> urllib3.PoolManager:
    return urllib3.PoolManager(maxsize=POOL_CONNECTIONS)
