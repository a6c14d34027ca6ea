"""/triggers: pages that create, show, change, test and remove triggers."""

import json
from typing import Any

from app.auth import ADMIN, OPERATOR, VIEWER
from app.db.paging import PagePosition
from app.errors import InvalidRequest, InvalidTrigger, NameTaken
from app.executions import listing, retention, retry_policy, search
from app.executions.search import ExecutionFilter
from app.intake import key, sources, verification
from app.triggers import address, manage
from app.web import validation
from app.web.api import serializers, triggers
from app.web.api.schemas.triggers import (
    NewSecretBody,
    NewTriggerBody,
    TestBody,
    Trigger,
    TriggerChanges,
    TriggersAsked,
)
from app.web.context import ApiContext
from app.web.pages import trigger_form
from app.web.pages.execution_rows import in_rows
from app.web.pages.page_request import HtmlPage, PageRequest, PageResponse, Redirect
from app.web.pages.registry import TRIGGER, Pages

PAGES = Pages()
NEWEST_SHOWN = 10
PATH_SOURCES = ("evolution", "evolution_go")
"""Sources that sign nothing: the secret is the last part of their webhook URL."""


@PAGES.get("/triggers", VIEWER)
def show_all(request: PageRequest) -> PageResponse:
    """List the triggers that match the filter, newest first."""
    filters = request.query(TriggersAsked)
    values = triggers.list_triggers(request.context, filters)
    return HtmlPage("triggers.html", {"filters": filters, "sources": sources.names(), **values})


@PAGES.post("/triggers", OPERATOR)
def make(request: PageRequest) -> PageResponse:
    """Create the trigger and show its secret once; on a mistake show the form with the error."""
    form = trigger_form.posted(request.fields)
    values = {name: value for name, value in trigger_form.given(form).items() if value is not None}
    values["enabled"] = request.fields.get("enabled") == "on"
    values |= {"secret": request.fields["secret"]} if request.fields.get("secret") else {}
    try:
        body, _ = validation.media(NewTriggerBody, json.dumps(values).encode())
        created = triggers.create_trigger(request.context, body, request.actor)
    except (InvalidRequest, InvalidTrigger) as error:
        return _form(form, problem=error, enabled=values["enabled"])
    return _secret(created, created["secret"], 201, fresh=True)


@PAGES.get("/triggers/new", OPERATOR)
def ask_new(_request: PageRequest) -> PageResponse:
    """Show the form of a new trigger."""
    return _form(trigger_form.empty())


@PAGES.get(f"/triggers/{TRIGGER}", VIEWER)
def show_one(request: PageRequest, trigger_id: int) -> PageResponse:
    """Show the trigger, the buttons that change it, and its newest executions."""
    context = request.context
    shown = one(context, trigger_id)
    with context.database.reading() as connection:
        sought, where = ExecutionFilter(trigger_id=trigger_id), PagePosition(per_page=NEWEST_SHOWN)
        found = search.page(connection, context.counter, sought, where)
        reasons = context.reasons(connection, found.rows)
    source, settings = sources.named(shown["source"]), context.settings
    values = {
        "trigger": shown,
        "facts": source.facts,
        "key_from": key.in_words(source, tuple(shown["idempotency_key_from"])),
        "default_retention": retention.of_settings(settings).of(source.facts.retry_seconds),
        "default_tolerance_seconds": verification.default_tolerance(source, shown["verification"]),
        "default_attempts": retry_policy.DEFAULT.max_attempts,
    }
    return HtmlPage(
        "trigger.html", {**values, **in_rows(found, {trigger_id: shown["name"]}, reasons)}
    )


@PAGES.get(f"/triggers/{TRIGGER}/edit", OPERATOR)
def ask_changes(request: PageRequest, trigger_id: int) -> PageResponse:
    """Show the form, filled with the trigger's fields."""
    shown = one(request.context, trigger_id)
    return _form(trigger_form.texts(shown), shown)


@PAGES.post(f"/triggers/{TRIGGER}/edit", OPERATOR)
def change(request: PageRequest, trigger_id: int) -> PageResponse:
    """Save the fields that the person changed; on a mistake show the form with the error."""
    shown = one(request.context, trigger_id)
    form = trigger_form.posted(request.fields)
    changed = trigger_form.changed(form, trigger_form.texts(shown))
    try:
        values = trigger_form.given(form, changed)
        _require_values(values, changed)
        body, names = validation.media(TriggerChanges, json.dumps(values).encode())
        triggers.require_may_change(request.identity, body)
        triggers.apply_changes(request.context, trigger_id, body, names, request.actor)
    except (InvalidRequest, InvalidTrigger) as error:
        return _form(form, shown, problem=error)
    return Redirect(f"/triggers/{trigger_id}?done=changed")


@PAGES.post(f"/triggers/{TRIGGER}/enabled", OPERATOR)
def set_enabled(request: PageRequest, trigger_id: int) -> PageResponse:
    """Enable or disable the trigger."""
    enabled = request.fields.get("enabled") == "yes"
    body = TriggerChanges(enabled=enabled)
    names = frozenset({"enabled"})
    triggers.apply_changes(request.context, trigger_id, body, names, request.actor)
    return Redirect(f"/triggers/{trigger_id}?done={'enabled' if enabled else 'disabled'}")


@PAGES.post(f"/triggers/{TRIGGER}/test", OPERATOR)
def fire(request: PageRequest, trigger_id: int) -> PageResponse:
    """Run the trigger's action with a test event, and go to the execution."""
    started = triggers.fire_trigger(request.context, trigger_id, TestBody(), request.actor)
    return Redirect(f"/executions/{started['execution_id']}?done=started")


@PAGES.get(f"/triggers/{TRIGGER}/rotate", ADMIN)
def confirm_rotation(request: PageRequest, trigger_id: int) -> PageResponse:
    """Ask for confirmation, and show the grace period of the old secret."""
    return _rotation(request, trigger_id)


@PAGES.post(f"/triggers/{TRIGGER}/rotate", ADMIN)
def rotate(request: PageRequest, trigger_id: int) -> PageResponse:
    """Store the sender's new secret, or make a random one and show it once."""
    try:
        body = _secret_body(request)
        new = triggers.regenerate_secret(request.context, trigger_id, body, request.actor)
    except (InvalidRequest, InvalidTrigger) as error:
        return _rotation(request, trigger_id, str(error))
    if new["secret"] is None:
        return Redirect(f"/triggers/{trigger_id}?done=rotated")
    return _secret(one(request.context, trigger_id), new["secret"])


@PAGES.get(f"/triggers/{TRIGGER}/delete", ADMIN)
def confirm_deletion(request: PageRequest, trigger_id: int) -> PageResponse:
    """Ask for confirmation, and show how many executions would be removed, too."""
    return HtmlPage("delete.html", {"trigger": one(request.context, trigger_id)})


@PAGES.post(f"/triggers/{TRIGGER}/delete", ADMIN)
def delete(request: PageRequest, trigger_id: int) -> PageResponse:
    """Remove the trigger and all its executions."""
    triggers.delete_trigger(request.context, trigger_id, request.actor)
    return Redirect("/triggers?done=deleted")


def one(context: ApiContext, trigger_id: int) -> Trigger:
    """Return the trigger as the API shows it, without its executions."""
    with context.database.reading() as connection:
        row = manage.find_trigger(connection, trigger_id)
        count = listing.execution_count(connection, context.counter, trigger_id)
        state = context.states(connection, [trigger_id])[trigger_id]
        return serializers.trigger(context, row, count, state)


def _rotation(request: PageRequest, trigger_id: int, problem: str = "") -> HtmlPage:
    trigger = one(request.context, trigger_id)
    values = {
        "trigger": trigger,
        "sender": sources.steps(trigger["source"]),
        "grace_seconds": request.context.settings.hookonce_secret_grace_seconds,
        "problem": problem,
    }
    return HtmlPage("rotate.html", values, 422 if problem else 200)


def _secret_body(request: PageRequest) -> NewSecretBody:
    given = request.fields.get("secret", "").strip()
    body, _ = validation.media(NewSecretBody, json.dumps({"secret": given or None}).encode())
    return body


def _form(
    form: dict[str, str],
    trigger: Trigger | None = None,
    problem: Exception | None = None,
    enabled: bool = True,
) -> HtmlPage:
    status = 200 if problem is None else 409 if isinstance(problem, NameTaken) else 422
    values: dict[str, Any] = {
        "form": form,
        "trigger": trigger,
        "problem": "" if problem is None else str(problem),
        "enabled": enabled,
        "groups": trigger_form.groups(),
        "names": trigger_form.names(form),
        "facts": {name: sources.named(name).facts for name in sources.names()},
    }
    return HtmlPage("trigger_form.html", values, status)


def _secret(trigger: Trigger, secret: str, status: int = 200, *, fresh: bool = False) -> HtmlPage:
    in_path = trigger["source"] in PATH_SOURCES
    path_url = address.with_secret(trigger["webhook_url"], secret) if in_path else None
    source = sources.named(trigger["source"])
    key_from = key.in_words(source, tuple(trigger["idempotency_key_from"]))
    values = {"trigger": trigger, "secret": secret, "fresh": fresh, "path_url": path_url}
    values |= {"key_from": key_from}
    return HtmlPage("secret.html", values, status)


def _require_values(values: dict[str, Any], changed: list[str]) -> None:
    missing = [name for name in trigger_form.NEVER_EMPTY if name in changed and name not in values]
    if missing:
        raise InvalidRequest(f"{missing[0].replace('_', ' ')} is missing")
