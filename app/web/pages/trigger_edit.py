"""/triggers/new and /triggers/{id}/edit: choose the sender, then fill in the fields it needs."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

from app import auth
from app.auth import ADMIN, OPERATOR
from app.errors import FieldMistakes, InvalidRequest, InvalidTrigger, NameTaken
from app.intake import sources
from app.triggers import mistakes
from app.web import validation
from app.web.api import triggers
from app.web.api.queue import one
from app.web.api.schemas.triggers import NewTriggerBody, Trigger, TriggerChanges
from app.web.api.schemas.values import Word
from app.web.pages import placeholders, trigger_form, trigger_inputs, trigger_setup
from app.web.pages.page_request import HtmlPage, PageRequest, PageResponse, Redirect
from app.web.pages.registry import TRIGGER, Pages

PAGES = Pages()
SECRET = "secret"  # noqa: S105, the name of an input


@dataclass(frozen=True, slots=True)
class SenderChosen:
    """The sender of a new trigger; None before it is chosen."""

    source: Word | None = None
    type: Literal["webhook", "event"] | None = None


@PAGES.get("/triggers/new", OPERATOR)
def ask_new(request: PageRequest) -> PageResponse:
    """Ask for the sender, then show the form with the fields that it needs."""
    chosen = request.query(SenderChosen)
    if chosen.source is None and chosen.type is None:
        senders = {name: sources.steps(name) for name in sources.names()}
        return HtmlPage("trigger_sender.html", {"senders": senders})
    if chosen.source is not None and not sources.known(chosen.source):
        raise InvalidRequest(f"there is no source {chosen.source!r}")
    form = trigger_form.empty() | {"type": chosen.type or "webhook"}
    return _form(request, form | {"source": chosen.source or "custom"})


@PAGES.post("/triggers", OPERATOR)
def make(request: PageRequest) -> PageResponse:
    """Create the trigger and show its secret once; on a mistake show the form with the error."""
    form, secret = trigger_form.posted(request.fields), request.fields.get(SECRET, "")
    enabled = request.fields.get("enabled") == "on"
    try:
        values = _without_null(trigger_form.given(form)) | {"enabled": enabled}
        values |= {SECRET: secret} if secret else {}
        body, _ = validation.media(
            NewTriggerBody,
            json.dumps(values).encode(),
            wrong=trigger_form.wrong_durations(form),
        )
        created = triggers.create_trigger(request.context, body, request.actor)
    except (InvalidRequest, InvalidTrigger) as error:
        return _form(request, form, problem=error, enabled=enabled)
    return trigger_setup.fresh(request, created, entered=bool(secret))


@PAGES.get(f"/triggers/{TRIGGER}/edit", OPERATOR)
def ask_changes(request: PageRequest, trigger_id: int) -> PageResponse:
    """Show the form, filled with the trigger's fields."""
    shown = one(request.context, trigger_id)
    return _form(request, trigger_form.texts(shown), shown)


@PAGES.post(f"/triggers/{TRIGGER}/edit", OPERATOR)
def change(request: PageRequest, trigger_id: int) -> PageResponse:
    """Save the fields that the person changed; on a mistake show the form with the error."""
    shown = one(request.context, trigger_id)
    now = trigger_form.texts(shown)
    form, secret = trigger_form.posted(request.fields, now), request.fields.get(SECRET, "")
    seen = trigger_form.seen(request.fields.get("seen"), now)
    changed = trigger_form.changed(form, seen)
    wrong = trigger_form.overtaken(form, seen, now)
    form = now | {name: form[name] for name in changed}
    try:
        values = trigger_form.given(form, changed) | ({SECRET: secret} if secret else {})
        body, names = validation.media(
            TriggerChanges,
            json.dumps(values).encode(),
            wrong=wrong | trigger_form.wrong_durations(form, changed) | _missing(values, changed),
            others=partial(mistakes.of_changes, request.context.database, trigger_id),
        )
        triggers.require_may_change(request.identity, body)
        triggers.apply_changes(request.context, trigger_id, body, names, request.actor)
    except (InvalidRequest, InvalidTrigger) as error:
        return _form(request, form, shown, problem=error)
    return Redirect(f"/triggers/{trigger_id}?done=changed")


def _form(
    request: PageRequest,
    form: Mapping[str, str],
    trigger: Trigger | None = None,
    problem: FieldMistakes | None = None,
    *,
    enabled: bool = True,
) -> HtmlPage:
    context = request.context
    name = form["source"] or "custom"
    source = sources.named(name)
    may_set = trigger is None or auth.ROLES.index(request.identity.role) >= auth.ROLES.index(ADMIN)
    inputs = trigger_inputs.inputs(source, form, new=trigger is None, secret=may_set)
    by_field = {} if problem is None else trigger_form.mistakes(problem)
    if problem is not None and "name" not in by_field:
        by_field |= _taken_name(request, form["name"], trigger)
    values: dict[str, Any] = {
        "form": {**form, SECRET: request.fields.get(SECRET, "") if problem else ""},
        "trigger": trigger,
        "seen": json.dumps(trigger_form.digests(trigger_form.texts(trigger))) if trigger else "",
        "problem": "; ".join(dict.fromkeys(by_field.values())) or str(problem or ""),
        "mistakes": by_field,
        "enabled": enabled,
        "first": trigger_inputs.first(inputs),
        "folded": trigger_inputs.folded(inputs),
        "names": trigger_form.names(form),
        "sender": sources.steps(name),
        "facts": source.facts,
        "placeholders": placeholders.of(source, context.settings),
        "grace_seconds": context.settings.hookonce_secret_grace_seconds,
    }
    return HtmlPage("trigger_form.html", values, _status(problem))


def _taken_name(request: PageRequest, name: str, trigger: Trigger | None) -> dict[str, str]:
    """Return a sentence for the name if another trigger has it."""
    except_id = None if trigger is None else trigger["id"]
    taken = mistakes.is_taken(request.context.database, name, except_id)
    return {"name": f"there is a trigger named {name!r} already"} if taken else {}


def _status(problem: FieldMistakes | None) -> int:
    return 200 if problem is None else 409 if isinstance(problem, NameTaken) else 422


def _without_null(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _missing(values: Mapping[str, Any], changed: Iterable[str]) -> dict[str, str]:
    """Return a sentence for each text that a person emptied and that must not be empty."""
    empty = [name for name in trigger_form.NEVER_EMPTY if name in changed and name not in values]
    return {name: f"{name.replace('_', ' ')} is missing" for name in empty}
