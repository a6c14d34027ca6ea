"""GitLab's webhooks. https://docs.gitlab.com/user/project/integrations/webhooks/"""

from datetime import datetime

from app.intake.message import Event, Json, Request, Source, SourceFacts
from app.intake.signatures import require_secret
from app.intake.sources import standard
from app.intake.sources.payload import at
from app.intake.sources.secret_formats import STANDARD_PREFIX

BRANCH_PREFIX = "refs/heads/"


def verify(request: Request, secret: str, now: datetime, tolerance: float | None) -> None:
    """Verify a signature if the secret is a signing token (`whsec_...`), else X-Gitlab-Token.

    The secret decides, not the request: otherwise somebody who stole a token could present it and
    leave the signature out.
    """
    if secret.startswith(STANDARD_PREFIX):
        standard.verify(request, secret, now, tolerance)
    else:
        require_secret([request.headers.get("x-gitlab-token", "")], secret)


def events(request: Request, payload: Json) -> list[Event]:
    """Return the one event; system hooks have an event_name instead of an object_kind."""
    event_type = at(payload, "object_kind") or at(payload, "event_name")
    event = {
        "event_type": event_type or request.headers.get("x-gitlab-event") or "unknown",
        "source": "gitlab",
        "action": at(payload, "object_attributes", "action"),
        "repo": at(payload, "project", "path_with_namespace"),
        "branch": _branch(payload),
        "sender": at(payload, "user_username") or at(payload, "user", "username"),
        "data": payload,
    }
    return [Event(payload, event)]


def provider_key(request: Request, event: Event) -> tuple[str, ...] | None:
    """Return webhook-id, which is signed, else Idempotency-Key: GitLab sends one value in both."""
    signed_id = standard.provider_key(request, event)
    unsigned_id = request.headers.get("idempotency-key", "")
    return signed_id or ((unsigned_id,) if unsigned_id else None)


def _branch(payload: Json) -> Json:
    ref = at(payload, "ref")
    if isinstance(ref, str):
        return ref.removeprefix(BRANCH_PREFIX)
    attributes = at(payload, "object_attributes")
    return at(attributes, "source_branch") or at(attributes, "ref")


SOURCE = Source(
    "gitlab",
    verify,
    events,
    provider_key=provider_key,
    keyed_by_default=True,
    event_headers=("X-Gitlab-Event", "X-Gitlab-Instance"),
    body_bytes=25 * 1_048_576,
    tolerance_seconds=standard.TOLERANCE_SECONDS,
    facts=SourceFacts(
        documentation="https://docs.gitlab.com/user/project/integrations/webhooks/",
        signature="X-Gitlab-Token equals the secret; with a signing token (whsec_...) "
        "webhook-signature as in Standard Webhooks",
        provider_key="header webhook-id (signed), otherwise Idempotency-Key (not signed)",
        provider_key_signed=False,
        answer="any 2xx within 10 s",
        answer_seconds=10,
        unverified="the number of retries; GitLab disables a webhook that keeps failing",
    ),
)
