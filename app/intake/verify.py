"""Verify the sender: unknown, disabled and forged cost the same work and get the same response."""

import secrets
from datetime import datetime

from app.errors import Unverified
from app.intake import older_rules, signatures, sources
from app.intake.message import (
    FORBIDDEN,
    OK,
    Request,
    Source,
    Verify,
    WebhookResponse,
    WebhookTrigger,
)
from app.intake.sources import custom

UNKNOWN = "unknown_trigger"
DISABLED = "disabled_trigger"
NO_SECRET = "no_secret"  # noqa: S105, the name of a reason

_PLACEHOLDER = WebhookTrigger(id=0, source="custom", secret=secrets.token_hex(32), enabled=False)
"""Trigger that is checked in place of an unknown one, with a secret that no sender has."""


def check(
    trigger: WebhookTrigger | None, request: Request, now: datetime, *, curve: bool = True
) -> Source:
    """Return the trigger's source if the request proves its secret; else raise Unverified.

    `curve`: some trigger's requests are verified with a curve, so each refusal costs as much.
    """
    checked = trigger or _PLACEHOLDER
    source = sources.named(checked.source)
    with signatures.VerificationCost() as cost:
        refusal = _refusal_reason(source, checked, request, now)
        if refusal is not None or not _is_active(checked):
            cost.pad(request.body, curve=curve)
    if trigger is None:
        raise Unverified(UNKNOWN)
    if not trigger.enabled:
        raise Unverified(DISABLED, source.refusal_status)
    if not trigger.secret:
        raise Unverified(NO_SECRET, source.refusal_status)
    if refusal is not None:
        raise Unverified(refusal, source.refusal_status)
    return older_rules.source_of(source) if _is_older(trigger, request) else source


def unsigned_response(trigger: WebhookTrigger | None, request: Request) -> WebhookResponse | None:
    """Return the response to a request that the trigger's sender never signs; else None."""
    if trigger is None or not _is_active(trigger):
        return None
    return sources.named(trigger.source).unsigned(request)


def greeting(
    trigger: WebhookTrigger | None, request: Request, now: datetime, *, curve: bool = True
) -> WebhookResponse:
    """Return the response to a GET that tests the address; all refusals cost the same work."""
    with signatures.VerificationCost() as cost:
        answer = _answer_greeting(trigger, request, now)
        if answer is FORBIDDEN:
            cost.pad(request.body, curve=curve)
    return answer


def _answer_greeting(
    trigger: WebhookTrigger | None, request: Request, now: datetime
) -> WebhookResponse:
    if trigger is None or not _is_active(trigger):
        return FORBIDDEN
    greet = sources.named(trigger.source).greeting
    if greet is None:
        return FORBIDDEN
    answers = [greet(request, secret) for secret in _secrets(trigger, now)]
    return next((answer for answer in answers if answer.status == OK.status), FORBIDDEN)


def _is_active(trigger: WebhookTrigger) -> bool:
    return trigger.enabled and bool(trigger.secret)


def _tolerance(source: Source, trigger: WebhookTrigger) -> float | None:
    if trigger.tolerance_seconds is not None:
        return trigger.tolerance_seconds
    return (
        source.tolerance_seconds if trigger.verifier is None else trigger.verifier.tolerance_seconds
    )


def _refusal_reason(
    source: Source, trigger: WebhookTrigger, request: Request, now: datetime
) -> str | None:
    """Return the reason of the first refusal if none of the secrets fits; None if one does.

    The error itself would refer to this frame by its traceback, and the frame to the error: each
    refused request would stay in memory, with its body, until the collector runs.
    """
    first = None
    verify = _verification(source, trigger, request)
    secrets_tried = _secrets(trigger, now)
    if trigger.verifier is not None and not trigger.verifier.uses_secret:
        secrets_tried = secrets_tried[:1]
    for secret in secrets_tried:
        try:
            verify(request, secret, now, _tolerance(source, trigger))
        except Unverified as refusal:
            first = first or refusal.reason
        else:
            return None
    return first


def _verification(source: Source, trigger: WebhookTrigger, request: Request) -> Verify:
    """Return the function that verifies this request; only one, so that each costs the same."""
    if trigger.verifier is not None:
        return trigger.verifier.verify
    return custom.verify if _is_older(trigger, request) else source.verify


def _is_older(trigger: WebhookTrigger, request: Request) -> bool:
    """Return whether the request is verified as the older system did."""
    if not trigger.older_signature or trigger.verifier is not None:
        return False
    return older_rules.is_signed(request)


def _secrets(trigger: WebhookTrigger, now: datetime) -> list[str]:
    """Return the secret, and the previous one while that is still valid."""
    valid = [trigger.secret or _PLACEHOLDER.secret]
    if previous_secret_is_valid(trigger, now):
        valid.append(trigger.previous_secret)
    return valid


def previous_secret_is_valid(trigger: WebhookTrigger, now: datetime) -> bool:
    """Return whether the trigger has a previous secret that is still valid."""
    until = trigger.previous_secret_expires_at
    return bool(trigger.previous_secret) and until is not None and now < until
