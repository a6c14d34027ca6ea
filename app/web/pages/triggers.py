"""/triggers: webhook URLs and what they set off."""

import json
from typing import Any

from app import actions
from app.auth import ADMIN, OPERATOR, VIEWER
from app.db.paging import Where
from app.errors import InvalidRequest, InvalidTrigger, NameTaken
from app.executions import listing, search
from app.executions.search import Sought
from app.intake import sources
from app.triggers import manage
from app.web import validation
from app.web.api import serializers, triggers
from app.web.api.schemas.triggers import (
    NewTriggerBody,
    TestBody,
    Trigger,
    TriggerChanges,
    TriggersAsked,
)
from app.web.context import Desk
from app.web.pages import trigger_form
from app.web.pages.execution_rows import in_rows
from app.web.pages.page_request import Answer, Elsewhere, Page, Visit
from app.web.pages.registry import TRIGGER, Pages

PAGES = Pages()
NEWEST_SHOWN = 10
PATH_SOURCES = ("evolution", "evolution_go")
"""They sign nothing: the secret is the last part of their address."""


@PAGES.get("/triggers", VIEWER)
def show_all(visit: Visit) -> Answer:
    """The triggers that are asked for, newest first."""
    asked = visit.asked(TriggersAsked)
    values = triggers.list_triggers(visit.desk, asked)
    return Page("triggers.html", {"asked": asked, "sources": sources.names(), **values})


@PAGES.post("/triggers", OPERATOR)
def make(visit: Visit) -> Answer:
    """Make the trigger, and show its secret this once; or the form again, and what is wrong."""
    form = trigger_form.posted(visit.fields)
    said = {name: value for name, value in trigger_form.given(form).items() if value is not None}
    said["enabled"] = visit.fields.get("enabled") == "on"
    said |= {"secret": visit.fields["secret"]} if visit.fields.get("secret") else {}
    try:
        body, _ = validation.media(NewTriggerBody, json.dumps(said).encode())
        made = triggers.create_trigger(visit.desk, body, visit.actor)
    except (InvalidRequest, InvalidTrigger) as error:
        return _form(form, problem=error, enabled=said["enabled"])
    return _secret(made, made["secret"], 201, fresh=True)


@PAGES.get("/triggers/new", OPERATOR)
def ask_new(_visit: Visit) -> Answer:
    """The form, empty."""
    return _form(trigger_form.empty())


@PAGES.get(f"/triggers/{TRIGGER}", VIEWER)
def show_one(visit: Visit, trigger_id: int) -> Answer:
    """The trigger, what may be done with it, and its newest executions."""
    desk = visit.desk
    shown = one(desk, trigger_id)
    with desk.database.reading() as connection:
        sought, where = Sought(trigger_id=trigger_id), Where(per_page=NEWEST_SHOWN)
        found = search.page(connection, desk.counter, sought, where)
    values = {"trigger": shown, "facts": sources.named(shown["source"]).facts}
    return Page("trigger.html", {**values, **in_rows(found, {trigger_id: shown["name"]})})


@PAGES.get(f"/triggers/{TRIGGER}/edit", OPERATOR)
def ask_changes(visit: Visit, trigger_id: int) -> Answer:
    """The form, filled with what the trigger is."""
    shown = one(visit.desk, trigger_id)
    return _form(trigger_form.texts(shown), shown)


@PAGES.post(f"/triggers/{TRIGGER}/edit", OPERATOR)
def change(visit: Visit, trigger_id: int) -> Answer:
    """Change what the person changed; or the form again, and what is wrong."""
    shown = one(visit.desk, trigger_id)
    form = trigger_form.posted(visit.fields)
    changed = trigger_form.changed(form, trigger_form.texts(shown))
    try:
        said = trigger_form.given(form, changed)
        _require_said(said, changed)
        body, names = validation.media(TriggerChanges, json.dumps(said).encode())
        triggers.update_trigger(visit.desk, trigger_id, body, names, visit.actor)
    except (InvalidRequest, InvalidTrigger) as error:
        return _form(form, shown, problem=error)
    return Elsewhere(f"/triggers/{trigger_id}?done=changed")


@PAGES.post(f"/triggers/{TRIGGER}/enabled", OPERATOR)
def set_enabled(visit: Visit, trigger_id: int) -> Answer:
    """Enable or disable the trigger, as the button says."""
    enabled = visit.fields.get("enabled") == "yes"
    body = TriggerChanges(enabled=enabled)
    said = frozenset({"enabled"})
    triggers.update_trigger(visit.desk, trigger_id, body, said, visit.actor)
    return Elsewhere(f"/triggers/{trigger_id}?done={'enabled' if enabled else 'disabled'}")


@PAGES.post(f"/triggers/{TRIGGER}/test", OPERATOR)
def fire(visit: Visit, trigger_id: int) -> Answer:
    """Run the trigger's action with a made-up event, and go to the execution."""
    started = triggers.fire_trigger(visit.desk, trigger_id, TestBody(), visit.actor)
    return Elsewhere(f"/executions/{started['execution_id']}?done=started")


@PAGES.get(f"/triggers/{TRIGGER}/rotate", ADMIN)
def confirm_rotation(visit: Visit, trigger_id: int) -> Answer:
    """Ask once more, and say until when the old secret would stay good."""
    grace = visit.desk.settings.hookonce_secret_grace_seconds
    return Page("rotate.html", {"trigger": one(visit.desk, trigger_id), "grace_seconds": grace})


@PAGES.post(f"/triggers/{TRIGGER}/rotate", ADMIN)
def rotate(visit: Visit, trigger_id: int) -> Answer:
    """Give the trigger a new secret, and show it this once."""
    new = triggers.regenerate_secret(visit.desk, trigger_id, visit.actor)
    return _secret(one(visit.desk, trigger_id), new["secret"])


@PAGES.get(f"/triggers/{TRIGGER}/delete", ADMIN)
def confirm_deletion(visit: Visit, trigger_id: int) -> Answer:
    """Ask once more, and say what would go with it."""
    return Page("delete.html", {"trigger": one(visit.desk, trigger_id)})


@PAGES.post(f"/triggers/{TRIGGER}/delete", ADMIN)
def delete(visit: Visit, trigger_id: int) -> Answer:
    """Remove the trigger and all its executions."""
    triggers.delete_trigger(visit.desk, trigger_id, visit.actor)
    return Elsewhere("/triggers?done=deleted")


def one(desk: Desk, trigger_id: int) -> Trigger:
    """The trigger as the API shows it, without its executions."""
    with desk.database.reading() as connection:
        row = manage.find_trigger(connection, trigger_id)
        return serializers.trigger(
            desk, row, listing.execution_count(connection, desk.counter, trigger_id)
        )


def _form(
    form: dict[str, str],
    trigger: Trigger | None = None,
    problem: Exception | None = None,
    enabled: bool = True,
) -> Page:
    status = 200 if problem is None else 409 if isinstance(problem, NameTaken) else 422
    values: dict[str, Any] = {
        "form": form,
        "trigger": trigger,
        "problem": "" if problem is None else str(problem),
        "enabled": enabled,
        "sources": sorted({*sources.names(), form["source"]}),
        "actions": sorted({*actions.names(), form["action_type"]}),
        "facts": {name: sources.named(name).facts for name in sources.names()},
        "retry_defaults": trigger_form.RETRY_DEFAULTS,
    }
    return Page("trigger_form.html", values, status)


def _secret(trigger: Trigger, secret: str, status: int = 200, *, fresh: bool = False) -> Page:
    in_path = f"{trigger['webhook_url']}/{secret}" if trigger["source"] in PATH_SOURCES else None
    values = {"trigger": trigger, "secret": secret, "fresh": fresh, "path_url": in_path}
    return Page("secret.html", values, status)


def _require_said(said: dict[str, Any], changed: list[str]) -> None:
    missing = [name for name in trigger_form.NEVER_EMPTY if name in changed and name not in said]
    if missing:
        raise InvalidRequest(f"{missing[0].replace('_', ' ')} is missing")
