"""/triggers/{id}/rotate: a new secret, made here or by the sender."""

import json

from app.auth import ADMIN
from app.errors import InvalidRequest, InvalidTrigger
from app.intake import sources
from app.web import validation
from app.web.api import triggers
from app.web.api.queue import one
from app.web.api.schemas.triggers import NewSecretBody, Trigger
from app.web.pages import trigger_setup
from app.web.pages.page_request import HtmlPage, PageRequest, PageResponse, Redirect
from app.web.pages.registry import TRIGGER, Pages

PAGES = Pages()


@PAGES.get(f"/triggers/{TRIGGER}/rotate", ADMIN)
def confirm_rotation(request: PageRequest, trigger_id: int) -> PageResponse:
    """Ask for confirmation, and show the grace period of the old secret."""
    return _rotation(request, trigger_id)


@PAGES.post(f"/triggers/{TRIGGER}/rotate", ADMIN)
def rotate(request: PageRequest, trigger_id: int) -> PageResponse:
    """Store the sender's new secret, or make a random one and show it once."""
    try:
        _require_seen(request, one(request.context, trigger_id))
        body = _secret_body(request)
        new = triggers.regenerate_secret(request.context, trigger_id, body, request.actor)
    except (InvalidRequest, InvalidTrigger) as error:
        return _rotation(request, trigger_id, str(error))
    if new["secret"] is None:
        return Redirect(f"/triggers/{trigger_id}?done=rotated")
    trigger = one(request.context, trigger_id)
    return trigger_setup.rotated(request.context, trigger, new["secret"])


def _rotation(request: PageRequest, trigger_id: int, problem: str = "") -> HtmlPage:
    trigger = one(request.context, trigger_id)
    values = {
        "trigger": trigger,
        "sender": sources.steps(trigger["source"]),
        "grace_seconds": request.context.settings.hookonce_secret_grace_seconds,
        "problem": problem,
    }
    return HtmlPage("rotate.html", values, 422 if problem else 200)


def _require_seen(request: PageRequest, trigger: Trigger) -> None:
    """Raise InvalidRequest if the secret was rotated since the form was shown.

    One more rotation would end the secret before at once, and the person was not told so.
    """
    current = trigger["previous_secret_expires_at"] or ""
    if request.fields.get("seen", current) != current:
        raise InvalidRequest("the secret was rotated meanwhile: nothing was changed")


def _secret_body(request: PageRequest) -> NewSecretBody:
    given = request.fields.get("secret", "").strip()
    body, _ = validation.media(NewSecretBody, json.dumps({"secret": given or None}).encode())
    return body
