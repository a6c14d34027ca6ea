"""Requests as each sender makes them: recorded samples, signed here and not by the application."""

import base64
import hashlib
import hmac
import json
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.support import preset_proofs

SAMPLES = Path(__file__).parents[1] / "samples"
SECRET = "a-secret-that-is-only-used-in-tests"
NOW = datetime(2026, 3, 5, 9, 30, tzinfo=UTC)
DISCORD_KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))


@dataclass(frozen=True)
class Sent:
    """A request to be sent; `path_secret` is the secret that some senders append to the address."""

    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    path_secret: str | None = None
    query: dict[str, str] = field(default_factory=dict)
    url: str = ""


def names() -> list[tuple[str, str]]:
    """Return all samples as (source, case)."""
    return sorted((case.parent.name, case.name) for case in SAMPLES.glob("*/*"))


def sample(source: str, case: str) -> Sent:
    """Return the sample as recorded, without a signature."""
    folder = SAMPLES / source / case
    (body,) = folder.glob("body.*")
    return Sent(json.loads((folder / "headers.json").read_text()), body.read_bytes())


def trigger_secret(source: str) -> str:
    """Return the secret as a trigger of this source stores it: some sources encode it."""
    return _TRIGGER_SECRETS.get(source, SECRET)


def signed(source: str, sent: Sent, *, secret: str = SECRET, at: datetime = NOW) -> Sent:
    """Return the request with the signature or secret that this source adds."""
    if source in ("evolution", "evolution_go"):
        return replace(sent, path_secret=secret)
    if source == "adyen":
        return replace(sent, body=_adyen(sent.body, secret))
    if source == "mercadopago":
        proof = _mercadopago(sent, secret, str(int(at.timestamp())))
        return replace(sent, headers=sent.headers | proof)
    if source == "twilio":
        return _twilio(sent, secret)
    moment = str(int(at.timestamp()))
    of_preset = preset_proofs.headers(source, sent.body, secret, moment, sent.url)
    if of_preset is not None:
        return replace(sent, headers=sent.headers | of_preset)
    proof = _PROOFS.get(source, _custom)(sent.body, secret, str(int(at.timestamp())))
    return replace(sent, headers=sent.headers | proof)


def json_request(source: str, payload: object, *, at: datetime = NOW) -> Sent:
    """Return a signed request with this payload as JSON."""
    headers = {"Content-Type": "application/json"}
    return signed(source, Sent(headers, json.dumps(payload).encode()), at=at)


def sha256_hex(secret: str, message: bytes) -> str:
    return hmac.new(secret.encode(), message, hashlib.sha256).hexdigest()


def standard_signature(key: bytes, message_id: str, timestamp: str, body: bytes) -> str:
    """Return the value of `webhook-signature` of Standard Webhooks."""
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


def _gitlab(_body: bytes, secret: str, _at: str) -> dict[str, str]:
    return {"X-Gitlab-Token": secret}


def _standard(body: bytes, secret: str, at: str) -> dict[str, str]:
    message_id = "msg_" + hashlib.sha256(body).hexdigest()[:27]
    return {
        "Webhook-Id": message_id,
        "Webhook-Timestamp": at,
        "Webhook-Signature": standard_signature(secret.encode(), message_id, at, body),
    }


def _paddle(body: bytes, secret: str, at: str) -> dict[str, str]:
    return {"Paddle-Signature": f"ts={at};h1={sha256_hex(secret, at.encode() + b':' + body)}"}


def _mercadopago(sent: Sent, secret: str, at: str) -> dict[str, str]:
    request_id = "bb56a2f1-6aae-46ac-982e-9dcd3581d08e"
    signed_id = f"id:{sent.query['data.id']};" if "data.id" in sent.query else ""
    v1 = sha256_hex(secret, f"{signed_id}request-id:{request_id};ts:{at};".encode())
    return {"X-Request-Id": request_id, "X-Signature": f"ts={at},v1={v1}"}


def adyen_signature(key: bytes, item: dict[str, Any]) -> str:
    """Return the signature of an item; like Adyen, without escaping anything."""
    names = ("pspReference", "originalReference", "merchantAccountCode", "merchantReference")
    references = [item.get(name, "") for name in names]
    amount = [str(item["amount"]["value"]), item["amount"]["currency"]]
    message = ":".join([*references, *amount, item["eventCode"], item["success"]])
    return base64.b64encode(hmac.new(key, message.encode(), hashlib.sha256).digest()).decode()


def _adyen(body: bytes, secret: str) -> bytes:
    """Return the body with a signature in each item; a body without items stays as it is."""
    payload = json.loads(body)
    if "notificationItems" not in payload:
        return body
    for wrapped in payload["notificationItems"]:
        item = wrapped["NotificationRequestItem"]
        signature = adyen_signature(secret.encode(), item)
        item.setdefault("additionalData", {})["hmacSignature"] = signature
    return json.dumps(payload, separators=(",", ":"), ensure_ascii=False).encode()


def _slack(body: bytes, secret: str, at: str) -> dict[str, str]:
    v0 = sha256_hex(secret, b"v0:" + at.encode() + b":" + body)
    return {"X-Slack-Request-Timestamp": at, "X-Slack-Signature": f"v0={v0}"}


def _shopify(body: bytes, secret: str, _at: str) -> dict[str, str]:
    digest = hmac.new(secret.encode(), body, hashlib.sha256).digest()
    return {"X-Shopify-Hmac-Sha256": base64.b64encode(digest).decode()}


def _clickup(body: bytes, secret: str, _at: str) -> dict[str, str]:
    return {"X-Signature": sha256_hex(secret, body)}


def twilio_signature(token: str, url: str, parameters: list[tuple[str, str]]) -> str:
    """Return Twilio's signature over an address and its form parameters."""
    message = url
    for name in sorted({name for name, _ in parameters}):
        values = {value for other, value in parameters if other == name}
        message += "".join(name + value for value in sorted(values))
    return base64.b64encode(hmac.new(token.encode(), message.encode(), "sha1").digest()).decode()


def _twilio(sent: Sent, secret: str) -> Sent:
    """Return the signed request; the address holds the hash of any body that is not a form."""
    url = sent.url or "https://hooks.acme.example/api/triggers/webhook/1"
    parameters: list[tuple[str, str]] = []
    query = sent.query
    if "form" in sent.headers.get("Content-Type", ""):
        parameters = parse_qsl(sent.body.decode(), keep_blank_values=True)
    else:
        query = query | {"bodySHA256": hashlib.sha256(sent.body).hexdigest()}
        url += f"?bodySHA256={query['bodySHA256']}"
    proof = {"X-Twilio-Signature": twilio_signature(secret, url, parameters)}
    return replace(sent, url=url, query=query, headers=sent.headers | proof)


_PROOFS = {
    "github": _github,
    "stripe": _stripe,
    "linear": _linear,
    "telegram": _telegram,
    "discord": _discord,
    "gitlab": _gitlab,
    "standard": _standard,
    "paddle": _paddle,
    "slack": _slack,
    "shopify": _shopify,
    "whatsapp": _github,
    "clickup": _clickup,
}
_TRIGGER_SECRETS = {
    "adyen": SECRET.encode().hex(),
    "discord": DISCORD_KEY.public_key().public_bytes_raw().hex(),
    "standard": "whsec_" + base64.b64encode(SECRET.encode()).decode(),
}
