"""/api/triggers: webhook URLs and what they set off."""

import json
from typing import Any

from app.audit import Actor
from app.auth import ADMIN, OPERATOR, VIEWER
from app.db import paging
from app.executions import listing
from app.intake import key, sources
from app.masking import restored
from app.triggers import definition, manage, queries, removal
from app.triggers.definition import NewTrigger
from app.web.api import serializers
from app.web.api.operations import Operations
from app.web.api.schemas.executions import ExecutionPage, ExecutionsAsked
from app.web.api.schemas.triggers import (
    MadeTrigger,
    NewSecret,
    NewTriggerBody,
    Started,
    TestBody,
    Trigger,
    TriggerChanges,
    TriggerDetail,
    TriggerPage,
    TriggersAsked,
)
from app.web.api.schemas.values import TriggerId
from app.web.context import ApiContext

OPERATIONS = Operations()
SHOWN_ONLY = tuple(
    (set(Trigger.__annotations__) | {"executions"}) - set(TriggerChanges.__annotations__)
)
"""What a page that was given a trigger may send back with it; it changes nothing."""


@OPERATIONS.get("/api/triggers", VIEWER)
def list_triggers(context: ApiContext, query: TriggersAsked) -> TriggerPage:
    """The triggers, newest first."""
    rows = queries.triggers_query(query.type, query.source, query.enabled)
    counted = ("triggers", query.type, query.source, query.enabled)
    with context.database.reading() as connection:
        page = paging.page(
            connection, context.counter, rows, queries.TRIGGER_ID, query.position(), counted
        )
        shown = [
            serializers.trigger(
                context, row, listing.execution_count(connection, context.counter, row.id)
            )
            for row in page.rows
        ]
    return {"triggers": shown, **serializers.page_info(page)}


@OPERATIONS.post("/api/triggers", OPERATOR, status=201, may_answer=(409,), ignores=SHOWN_ONLY)
def create_trigger(context: ApiContext, body: NewTriggerBody, actor: Actor) -> MadeTrigger:
    """Make a trigger; its secret is in the answer and nowhere else."""
    key_from = _key_from(body.idempotency_key_from)
    new = NewTrigger(
        name=body.name,
        source=body.source,
        action_type=body.action_type,
        action_payload=_text(body.action_payload) or "",
        event_filter=_text(body.event_filter) or "{}",
        secret=body.secret,
        key_from=key_from,
        missing_key=body.missing_key,
        tolerance_seconds=body.tolerance_seconds,
        retry_policy=_text(body.retry_policy),
        max_concurrency=body.max_concurrency,
        keep_payload_seconds=body.keep_payload_seconds,
        keep_rows_seconds=body.keep_rows_seconds,
        type=body.type,
        agent=body.agent,
        enabled=body.enabled,
        remote_trigger_id=body.remote_trigger_id,
        source_plugin=body.source_plugin,
    )
    row = manage.add_trigger(context.database, new, sources.names(), actor)
    secret = context.database.secret_box.decrypt(row) or ""
    return {**serializers.trigger(context, row, 0), "secret": secret}


@OPERATIONS.get("/api/triggers/{trigger_id}", VIEWER)
def show_trigger(context: ApiContext, trigger_id: TriggerId) -> TriggerDetail:
    """The trigger with its newest executions."""
    with context.database.reading() as connection:
        row = manage.find_trigger(connection, trigger_id)
        count = listing.execution_count(connection, context.counter, row.id)
        newest = listing.newest_executions(connection, row.id)
    executions = [serializers.execution(each) for each in newest]
    return {**serializers.trigger(context, row, count), "executions": executions}


@OPERATIONS.put("/api/triggers/{trigger_id}", OPERATOR, may_answer=(409,), ignores=SHOWN_ONLY)
def update_trigger(
    context: ApiContext,
    trigger_id: TriggerId,
    body: TriggerChanges,
    said: frozenset[str],
    actor: Actor,
) -> Trigger:
    """Change the trigger; what is left out stays as it is."""
    return _updated(context, trigger_id, body, said, actor)


@OPERATIONS.patch("/api/triggers/{trigger_id}", OPERATOR, may_answer=(409,), ignores=SHOWN_ONLY)
def patch_trigger(
    context: ApiContext,
    trigger_id: TriggerId,
    body: TriggerChanges,
    said: frozenset[str],
    actor: Actor,
) -> Trigger:
    """Change the trigger; what is left out stays as it is."""
    return _updated(context, trigger_id, body, said, actor)


@OPERATIONS.delete("/api/triggers/{trigger_id}", ADMIN)
def delete_trigger(context: ApiContext, trigger_id: TriggerId, actor: Actor) -> Trigger:
    """Remove the trigger and all its executions; the answer is what it was."""
    with context.database.reading() as connection:
        count = listing.execution_count(connection, context.counter, trigger_id)
    row = removal.remove_trigger(context.database, trigger_id, actor)
    return serializers.trigger(context, row, count)


@OPERATIONS.post("/api/triggers/{trigger_id}/test", OPERATOR)
def fire_trigger(
    context: ApiContext, trigger_id: TriggerId, body: TestBody, actor: Actor
) -> Started:
    """Run the trigger's action with a made-up event."""
    execution_id = manage.try_trigger(context.database, trigger_id, body.data, actor)
    return {"status": "started", "execution_id": execution_id}


@OPERATIONS.post("/api/triggers/{trigger_id}/regenerate-secret", ADMIN)
def regenerate_secret(context: ApiContext, trigger_id: TriggerId, actor: Actor) -> NewSecret:
    """Give the trigger a new secret; the old one stays good for a while."""
    grace = context.settings.hookonce_secret_grace_seconds
    row = manage.rotate_secret(context.database, trigger_id, grace, actor=actor)
    shown = serializers.trigger(context, row, 0)
    return {
        "secret": context.database.secret_box.decrypt(row) or "",
        "previous_secret_expires_at": shown["previous_secret_expires_at"],
    }


@OPERATIONS.get("/api/triggers/{trigger_id}/executions", VIEWER)
def list_executions(
    context: ApiContext, trigger_id: TriggerId, query: ExecutionsAsked
) -> ExecutionPage:
    """The trigger's executions, newest first."""
    rows = listing.executions_query(trigger_id, query.status, query.key)
    counted = ("executions", trigger_id, query.status, query.key)
    with context.database.reading() as connection:
        manage.find_trigger(connection, trigger_id)
        horizon = listing.horizon(connection, trigger_id, query.status, query.position())
        page = paging.page(
            connection,
            context.counter,
            rows,
            listing.EXECUTION_ID,
            query.position(),
            counted,
            horizon=None if query.key else horizon,
            limit=listing.exact_up_to(query.status),
        )
    return {
        "executions": [serializers.execution(row) for row in page.rows],
        **serializers.page_info(page),
    }


def _updated(
    context: ApiContext, trigger_id: int, body: TriggerChanges, said: frozenset[str], actor: Actor
) -> Trigger:
    given: dict[str, Any] = {name: getattr(body, name) for name in said}
    for name in said & {"event_filter", "action_payload", "retry_policy"}:
        given[name] = _text(given[name])
    for name, nothing in (("event_filter", "{}"), ("action_payload", "")):
        if name in said:
            given[name] = given[name] or nothing
    if "idempotency_key_from" in said:
        given["idempotency_key_from"] = definition.key_text(_key_from(body.idempotency_key_from))
    with context.database.reading() as connection:
        before = manage.find_trigger(connection, trigger_id)
        count = listing.execution_count(connection, context.counter, trigger_id)
    if given.get("action_payload"):
        given["action_payload"] = restored(given["action_payload"], before.action_payload)
    row = manage.update_trigger(context.database, trigger_id, given, sources.names(), actor)
    return serializers.trigger(context, row, count)


def _key_from(given: list[str] | str | None) -> tuple[str, ...]:
    parts = tuple(given) if isinstance(given, list) else (given,) if given else ()
    key.require_valid(parts)
    return parts


def _text(given: dict[str, Any] | str | None) -> str | None:
    """JSON is stored as text, and may come as text."""
    return json.dumps(given) if isinstance(given, dict) else given
