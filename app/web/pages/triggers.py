"""/triggers: pages that create, show, change, test and remove triggers."""

from app.auth import ADMIN, OPERATOR, VIEWER
from app.db.paging import PagePosition
from app.executions import retention, retry_policy, search
from app.executions.search import ExecutionFilter
from app.intake import key, sources, verification
from app.web.api import queue, triggers
from app.web.api.schemas.triggers import (
    TestBody,
    TriggerChanges,
    TriggersAsked,
)
from app.web.pages.execution_rows import in_rows
from app.web.pages.page_request import HtmlPage, PageRequest, PageResponse, Redirect
from app.web.pages.registry import TRIGGER, Pages

PAGES = Pages()
NEWEST_SHOWN = 10
_ENABLED = frozenset({"enabled"})


@PAGES.get("/triggers", VIEWER)
def show_all(request: PageRequest) -> PageResponse:
    """List the triggers that match the filter, newest first."""
    filters = request.query(TriggersAsked)
    values = triggers.list_triggers(request.context, filters)
    return HtmlPage("triggers.html", {"filters": filters, "sources": sources.names(), **values})


@PAGES.get(f"/triggers/{TRIGGER}", VIEWER)
def show_one(request: PageRequest, trigger_id: int) -> PageResponse:
    """Show the trigger, the buttons that change it, and its newest executions."""
    context = request.context
    shown = queue.one(context, trigger_id)
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


@PAGES.post(f"/triggers/{TRIGGER}/enabled", OPERATOR)
def set_enabled(request: PageRequest, trigger_id: int) -> PageResponse:
    """Enable or disable the trigger."""
    enabled = request.fields.get("enabled") == "yes"
    body = TriggerChanges(enabled=enabled)
    triggers.apply_changes(request.context, trigger_id, body, _ENABLED, request.actor)
    return Redirect(f"/triggers/{trigger_id}?done={'enabled' if enabled else 'disabled'}")


@PAGES.post(f"/triggers/{TRIGGER}/test", OPERATOR)
def fire(request: PageRequest, trigger_id: int) -> PageResponse:
    """Run the trigger's action with a test event, and go to the execution."""
    started = triggers.fire_trigger(request.context, trigger_id, TestBody(), request.actor)
    return Redirect(f"/executions/{started['execution_id']}?done=started")


@PAGES.get(f"/triggers/{TRIGGER}/delete", ADMIN)
def confirm_deletion(request: PageRequest, trigger_id: int) -> PageResponse:
    """Ask for confirmation, and show how many executions would be removed, too."""
    return HtmlPage("delete.html", {"trigger": queue.one(request.context, trigger_id)})


@PAGES.post(f"/triggers/{TRIGGER}/delete", ADMIN)
def delete(request: PageRequest, trigger_id: int) -> PageResponse:
    """Remove the trigger and all its executions."""
    triggers.delete_trigger(request.context, trigger_id, request.actor)
    return Redirect("/triggers?done=deleted")
