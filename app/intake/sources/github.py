"""GitHub. https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries"""

from datetime import datetime

from app.intake import strict_json
from app.intake.message import FORM, OK, Answer, Event, Json, Request, Source
from app.intake.signatures import hmac_sha256_hex, require_match
from app.intake.sources.reading import at

BRANCH_PREFIX = "refs/heads/"


def verify(request: Request, secret: str, _now: datetime, _tolerance: float | None) -> None:
    """X-Hub-Signature-256: `sha256=<hex>`."""
    expected = "sha256=" + hmac_sha256_hex(secret, request.body)
    require_match([request.headers.get("x-hub-signature-256", "")], expected)


def events(request: Request, payload: Json) -> list[Event]:
    """One event a request; GitHub's form deliveries carry the JSON in a field named payload."""
    payload = _unwrapped(request, payload)
    event = {
        "event_type": request.headers.get("x-github-event", "unknown"),
        "source": "github",
        "action": at(payload, "action"),
        "repo": at(payload, "repository", "full_name"),
        "branch": _branch(payload),
        "sender": at(payload, "sender", "login"),
        "data": payload,
    }
    return [Event(payload, event)]


def handshake(request: Request, _payload: Json) -> Answer | None:
    """GitHub says `ping` once, when a webhook is made."""
    return OK if request.headers.get("x-github-event") == "ping" else None


def _branch(payload: Json) -> Json:
    ref = at(payload, "ref")
    if isinstance(ref, str) and ref.startswith(BRANCH_PREFIX):
        return ref.removeprefix(BRANCH_PREFIX)
    return at(payload, "pull_request", "head", "ref") or ref


def _unwrapped(request: Request, payload: Json) -> Json:
    wrapped = at(payload, "payload")
    if request.content_type == FORM and isinstance(wrapped, str):
        return strict_json.loads(wrapped)
    return payload


SOURCE = Source("github", verify, events, handshake)
