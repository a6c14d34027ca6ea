"""The proofs of senders that are presets, computed as their documentation says.

Nothing here is taken from the application's descriptions.
"""

import base64
import hmac

from app.intake.sources import more_presets, presets
from tests.support import thorough

PRESETS = (*presets.PRESETS, *more_presets.PRESETS)

REPRESENTATIVES = frozenset({"gitea", "hubspot", "zoom"})
"""Presets for which the slow tests run: all presets share one implementation."""


def tried(names: list[str]) -> list[str]:
    """Return the sources without the presets that another represents; all in the thorough CI."""
    left_out = set() if thorough.THOROUGH else {each.name for each in PRESETS} - REPRESENTATIVES
    return [name for name in names if name not in left_out]


def headers(source: str, body: bytes, secret: str, at: str, url: str) -> dict[str, str] | None:
    """Return the proof of the source; None if it is no preset. `at`: the Unix time."""
    key = secret.encode()
    timed = f"{at}.".encode() + body
    if source in ("bitbucket", "jira"):
        return {"X-Hub-Signature": "sha256=" + _hex(key, body)}
    if source == "buildkite":
        return {"X-Buildkite-Signature": f"timestamp={at},signature={_hex(key, timed)}"}
    if source == "circleci":
        return {"circleci-signature": f"v1={_hex(key, body)}"}
    if source in ("forgejo", "gitea"):
        return {f"X-{source.title()}-Signature": _hex(key, body)}
    if source == "pagerduty":
        return {"X-PagerDuty-Signature": f"v1={'0' * 64},v1={_hex(key, body)}"}
    if source == "sentry":
        return {"Sentry-Hook-Signature": _hex(key, body)}
    if source == "calendly":
        return {"Calendly-Webhook-Signature": f"t={at},v1={_hex(key, timed)}"}
    if source == "hubspot":
        moment = f"{at}000"
        signed = f"POST{url}".encode() + body + moment.encode()
        proof = {"X-HubSpot-Signature-v3": _base64(key, signed)}
        return proof | {"X-HubSpot-Request-Timestamp": moment}
    if source == "intercom":
        return {"X-Hub-Signature": "sha1=" + hmac.digest(key, body, "sha1").hex()}
    if source == "square":
        return {"x-square-hmacsha256-signature": _base64(key, url.encode() + body)}
    if source == "typeform":
        return {"Typeform-Signature": "sha256=" + _base64(key, body)}
    if source == "zoom":
        signature = _hex(key, f"v0:{at}:".encode() + body)
        return {"x-zm-signature": f"v0={signature}", "x-zm-request-timestamp": at}
    return None


def _hex(key: bytes, message: bytes) -> str:
    return hmac.digest(key, message, "sha256").hex()


def _base64(key: bytes, message: bytes) -> str:
    return base64.b64encode(hmac.digest(key, message, "sha256")).decode()
