"""Sign a body as a sender would, to test a trigger: the counterpart of verify."""

import time
from collections.abc import Callable

from app.errors import InvalidTrigger
from app.intake import sources, verification
from app.intake.signatures import hmac_sha256_base64, hmac_sha256_hex

Headers = dict[str, str]
Signer = Callable[[str, bytes, str], Headers]
"""Function of (secret, body, Unix time as text) that returns the headers that prove the secret."""


def signed_headers(
    source: str,
    secret: str | None,
    body: bytes,
    at: float | None = None,
    *,
    description: str | None = None,
    url: str = "",
) -> Headers:
    """Return the headers that this source would send with the body, now or at that Unix time.

    `description`: the trigger's own verification; `url`: the address, which some senders sign.
    Raises InvalidTrigger where there is no secret, or where headers alone prove nothing: a public
    key cannot sign, and some senders sign their address or the items inside the body.
    """
    if not secret:
        raise InvalidTrigger("the trigger has no secret to sign with, and refuses every request")
    moment = time.time() if at is None else at
    preset = sources.named(source).verifier
    verifier = verification.compiled(description) if description else preset
    if verifier is not None:
        return verifier.sign(secret, body, moment, url)
    unlisted = sources.named(source).sign if sources.known(source) else _custom
    signer = _SIGNERS.get(source, unlisted)
    if signer is None:
        raise InvalidTrigger(f"only {source} itself can sign for {source}")
    return signer(secret, body, str(int(moment)))


def _custom(secret: str, body: bytes, _now: str) -> Headers:
    return {"X-Webhook-Signature": hmac_sha256_hex(secret, body)}


def _hub(secret: str, body: bytes, _now: str) -> Headers:
    return {"X-Hub-Signature-256": f"sha256={hmac_sha256_hex(secret, body)}"}


def _paddle(secret: str, body: bytes, now: str) -> Headers:
    return {"Paddle-Signature": f"ts={now};h1={hmac_sha256_hex(secret, now.encode(), b':', body)}"}


def _presented(secret: str, _body: bytes, _now: str) -> Headers:
    return {"X-Webhook-Secret": secret}


def _slack(secret: str, body: bytes, now: str) -> Headers:
    signature = hmac_sha256_hex(secret, f"v0:{now}:".encode(), body)
    return {"X-Slack-Signature": f"v0={signature}", "X-Slack-Request-Timestamp": now}


def _stripe(secret: str, body: bytes, now: str) -> Headers:
    return {"Stripe-Signature": f"t={now},v1={hmac_sha256_hex(secret, now.encode(), b'.', body)}"}


_SIGNERS: dict[str, Signer] = {
    "clickup": lambda secret, body, _now: {"X-Signature": hmac_sha256_hex(secret, body)},
    "custom": _custom,
    "evolution": _presented,
    "evolution_go": _presented,
    "github": lambda secret, body, now: _hub(secret, body, now) | {"X-GitHub-Event": "push"},
    "gitlab": lambda secret, _body, _now: {"X-Gitlab-Token": secret},
    "linear": lambda secret, body, _now: {"Linear-Signature": hmac_sha256_hex(secret, body)},
    "paddle": _paddle,
    "shopify": lambda secret, body, _now: {
        "X-Shopify-Hmac-Sha256": hmac_sha256_base64(secret, body)
    },
    "slack": _slack,
    "stripe": _stripe,
    "telegram": lambda secret, _body, _now: {"X-Telegram-Bot-Api-Secret-Token": secret},
    "whatsapp": _hub,
}
