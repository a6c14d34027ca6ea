"""Is it the sender? Unknown, disabled and forged cost the same work and say the same."""

import secrets
from datetime import datetime

from app.errors import Unverified
from app.intake import signatures, sources
from app.intake.message import FORBIDDEN, OK, Request, Source, WebhookResponse, WebhookTrigger

UNKNOWN = "unknown_trigger"
DISABLED = "disabled_trigger"
NO_SECRET = "no_secret"  # noqa: S105, the name of a reason

_NOBODY = WebhookTrigger(id=0, source="custom", secret=secrets.token_hex(32), enabled=False)
"""Stands in for a trigger that is not there, with a secret that nobody has."""


def check(trigger: WebhookTrigger | None, request: Request, now: datetime) -> Source:
    """The trigger's source, if the request proves its secret; else Unverified with the reason."""
    presumed = trigger or _NOBODY
    source = sources.named(presumed.source)
    with signatures.VerificationCost() as work:
        refusal = _refusal(source, presumed, request, now)
        if refusal is not None or not _receives(presumed):
            work.level(request.body)
    if trigger is None:
        raise Unverified(UNKNOWN)
    if not trigger.enabled:
        raise Unverified(DISABLED, source.refusal_status)
    if not trigger.secret:
        raise Unverified(NO_SECRET, source.refusal_status)
    if refusal is not None:
        raise Unverified(refusal.reason, source.refusal_status) from refusal
    return source


def greeting(trigger: WebhookTrigger | None, request: Request, now: datetime) -> WebhookResponse:
    """The answer to a GET that asks whether the address is ours; refusals cost the same work."""
    with signatures.VerificationCost() as work:
        answer = _greeted(trigger, request, now)
        if answer is FORBIDDEN:
            work.level(request.body)
    return answer


def _greeted(trigger: WebhookTrigger | None, request: Request, now: datetime) -> WebhookResponse:
    if trigger is None or not _receives(trigger):
        return FORBIDDEN
    greet = sources.named(trigger.source).greeting
    if greet is None:
        return FORBIDDEN
    answers = [greet(request, secret) for secret in _secrets(trigger, now)]
    return next((answer for answer in answers if answer.status == OK.status), FORBIDDEN)


def _receives(trigger: WebhookTrigger) -> bool:
    return trigger.enabled and bool(trigger.secret)


def _tolerance(source: Source, trigger: WebhookTrigger) -> float | None:
    if trigger.tolerance_seconds is not None:
        return trigger.tolerance_seconds
    return source.tolerance_seconds


def _refusal(
    source: Source, trigger: WebhookTrigger, request: Request, now: datetime
) -> Unverified | None:
    """Why none of the trigger's secrets fits; None if one does."""
    refused = None
    for secret in _secrets(trigger, now):
        try:
            source.verify(request, secret, now, _tolerance(source, trigger))
        except Unverified as refusal:
            refused = refused or refusal
        else:
            return None
    return refused


def _secrets(trigger: WebhookTrigger, now: datetime) -> list[str]:
    """The secret, and the one before it as long as that is as good."""
    good = [trigger.secret or _NOBODY.secret]
    until = trigger.previous_secret_expires_at
    if trigger.previous_secret and until is not None and now < until:
        good.append(trigger.previous_secret)
    return good
