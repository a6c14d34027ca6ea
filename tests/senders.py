"""Requests as their senders make them: recorded shapes, signed here and not by the application."""

import base64
import hashlib
import hmac
import json
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

SAMPLES = Path(__file__).parent / "samples"
SECRET = "a-secret-that-is-only-used-in-tests"
NOW = datetime(2026, 3, 5, 9, 30, tzinfo=UTC)
DISCORD_KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))


@dataclass(frozen=True)
class Sent:
    """One request on its way: `path_secret` is what some senders append to the address."""

    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    path_secret: str | None = None


def names() -> list[tuple[str, str]]:
    """Every sample as (source, case)."""
    return sorted((case.parent.name, case.name) for case in SAMPLES.glob("*/*"))


def sample(source: str, case: str) -> Sent:
    """The sample as recorded, without its signature."""
    folder = SAMPLES / source / case
    (body,) = folder.glob("body.*")
    return Sent(json.loads((folder / "headers.json").read_text()), body.read_bytes())


def trigger_secret(source: str) -> str:
    """What the operator writes into a trigger for this source: for Discord, its public key."""
    return DISCORD_KEY.public_key().public_bytes_raw().hex() if source == "discord" else SECRET


def signed(source: str, sent: Sent, *, secret: str = SECRET, at: datetime = NOW) -> Sent:
    """The request with the proof that this source adds to it."""
    if source in ("evolution", "evolution_go"):
        return replace(sent, path_secret=secret)
    proof = _PROOFS.get(source, _custom)(sent.body, secret, str(int(at.timestamp())))
    return replace(sent, headers=sent.headers | proof)


def json_request(source: str, payload: object, *, at: datetime = NOW) -> Sent:
    """A signed request that says only this."""
    headers = {"Content-Type": "application/json"}
    return signed(source, Sent(headers, json.dumps(payload).encode()), at=at)


def sha256_hex(secret: str, message: bytes) -> str:
    return hmac.new(secret.encode(), message, hashlib.sha256).hexdigest()


def standard_signature(key: bytes, message_id: str, timestamp: str, body: bytes) -> str:
    """What a receiver of Standard Webhooks expects in `webhook-signature`."""
    message = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, message, hashlib.sha256).digest()).decode()


def _github(body: bytes, secret: str, _at: str) -> dict[str, str]:
    return {"X-Hub-Signature-256": "sha256=" + sha256_hex(secret, body)}


def _stripe(body: bytes, secret: str, at: str) -> dict[str, str]:
    v1 = sha256_hex(secret, at.encode() + b"." + body)
    return {"Stripe-Signature": f"t={at},v1={v1},v0={'0' * 64}"}


def _linear(body: bytes, secret: str, _at: str) -> dict[str, str]:
    return {"Linear-Signature": sha256_hex(secret, body)}


def _telegram(_body: bytes, secret: str, _at: str) -> dict[str, str]:
    return {"X-Telegram-Bot-Api-Secret-Token": secret}


def _discord(body: bytes, _secret: str, at: str) -> dict[str, str]:
    signature = DISCORD_KEY.sign(at.encode() + body).hex()
    return {"X-Signature-Ed25519": signature, "X-Signature-Timestamp": at}


def _custom(body: bytes, secret: str, _at: str) -> dict[str, str]:
    return {"X-Webhook-Signature": sha256_hex(secret, body)}


_PROOFS = {
    "github": _github,
    "stripe": _stripe,
    "linear": _linear,
    "telegram": _telegram,
    "discord": _discord,
}
