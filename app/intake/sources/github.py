"""GitHub's webhooks.

https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries
"""

from datetime import datetime

from app.intake.message import OK, Event, Json, Request, Source, SourceFacts, WebhookResponse
from app.intake.signatures import hmac_sha256_hex, require_match
from app.intake.sources.payload import at, identity, unwrapped

BRANCH_PREFIX = "refs/heads/"
FACTS = SourceFacts(
    documentation="https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries",
    signature="X-Hub-Signature-256: sha256=<hex>, HMAC-SHA256 over the body",
    handshake="X-GitHub-Event: ping, sent when a webhook is created: answered 200, no event",
    provider_key="X-GitHub-Delivery, unchanged when a person redelivers",
    provider_key_signed=False,
    answer="any 2xx within 10 s",
    answer_seconds=10,
    retries="none; a person or a script can redeliver",
)


def verify(request: Request, secret: str, _now: datetime, _tolerance: float | None) -> None:
    """Verify X-Hub-Signature-256: `sha256=<hex>`."""
    expected = "sha256=" + hmac_sha256_hex(secret, request.body)
    require_match([request.headers.get("x-hub-signature-256", "")], expected)


def events(request: Request, payload: Json) -> list[Event]:
    """Return the one event; deliveries as a form carry the JSON in a field named `payload`."""
    payload = unwrapped(request, payload)
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


def handshake(request: Request, _payload: Json) -> WebhookResponse | None:
    """Answer the `ping` that GitHub sends once, when a webhook is created."""
    return OK if request.headers.get("x-github-event") == "ping" else None


def provider_key(request: Request, _event: Event) -> tuple[str, ...] | None:
    """Return the id of the delivery."""
    return identity(request.headers.get("x-github-delivery"))


def _branch(payload: Json) -> Json:
    ref = at(payload, "ref")
    if isinstance(ref, str) and ref.startswith(BRANCH_PREFIX):
        return ref.removeprefix(BRANCH_PREFIX)
    return at(payload, "pull_request", "head", "ref") or ref


SOURCE = Source(
    "github",
    verify,
    events,
    handshake,
    provider_key=provider_key,
    event_headers=("X-GitHub-Event", "X-GitHub-Delivery", "X-GitHub-Hook-ID"),
    body_bytes=25 * 1_048_576,
    facts=FACTS,
)
