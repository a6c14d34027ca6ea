"""The other side of verify: sign a body as a sender would, to try a trigger out."""

import time

from app.errors import InvalidTrigger
from app.intake.signatures import hmac_sha256_hex


def signed_headers(source: str, secret: str | None, body: bytes) -> dict[str, str]:
    """The headers that this source would send with the body.

    Raises InvalidTrigger where there is no secret, or one that cannot sign: a public key.
    """
    if not secret:
        raise InvalidTrigger("the trigger has no secret to sign with, and refuses everyone")
    if source == "discord":
        raise InvalidTrigger("only Discord can sign for Discord: the secret is its public key")
    if source == "stripe":
        timestamp = str(int(time.time()))
        signature = hmac_sha256_hex(secret, f"{timestamp}.".encode(), body)
        return {"Stripe-Signature": f"t={timestamp},v1={signature}"}
    if source == "telegram":
        return {"X-Telegram-Bot-Api-Secret-Token": secret}
    if source in ("evolution", "evolution_go"):
        return {"X-Webhook-Secret": secret}
    signature = hmac_sha256_hex(secret, body)
    if source == "github":
        return {"X-Hub-Signature-256": f"sha256={signature}", "X-GitHub-Event": "push"}
    if source == "linear":
        return {"Linear-Signature": signature}
    return {"X-Webhook-Signature": signature}
