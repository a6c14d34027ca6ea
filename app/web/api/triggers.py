"""/api/triggers: create, show, change, test and remove triggers."""

from app import auth
from app.audit import Actor
from app.auth import ADMIN, OPERATOR, VIEWER, Identity
from app.db import paging
from app.executions import listing
from app.triggers import lookup, manage, mistakes, queries, removal
from app.triggers.definition import NewTrigger
from app.triggers.fields import COLUMNS
from app.web.api import serializers
from app.web.api.operations import Operations
from app.web.api.schemas.executions import ExecutionPage, ExecutionsAsked
from app.web.api.schemas.triggers import (
    MadeTrigger,
    NewSecret,
    NewSecretBody,
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
SHOWN_ONLY = tuple(set(TriggerDetail.__annotations__) - set(TriggerChanges.__annotations__))
"""Members of a response that a client may send back with a change; they are ignored."""


@OPERATIONS.get("/api/triggers", VIEWER)
def list_triggers(context: ApiContext, query: TriggersAsked) -> TriggerPage:
    """List triggers, newest first."""
    # an empty word chooses all, as in the older system
    words = (query.type or None, query.source or None)
    filters = (*words, query.enabled, query.source_plugin or None)
    rows = queries.triggers_query(*filters)
    counted = ("triggers", *filters)
    with context.database.reading() as connection:
        page = paging.page(
            connection, context.counter, rows, queries.TRIGGER_ID, query.position(), counted
        )
        states = context.states(connection, [row.id for row in page.rows])
        shown = [
            serializers.trigger(
                context,
                row,
                listing.execution_count(connection, context.counter, row.id),
                states[row.id],
            )
            for row in page.rows
        ]
    return {"triggers": shown, **serializers.page_info(page)}


@OPERATIONS.post("/api/triggers", OPERATOR, status=201, may_answer=(409,), ignores=SHOWN_ONLY)
def create_trigger(context: ApiContext, body: NewTriggerBody, actor: Actor) -> MadeTrigger:
    """Create a trigger; only this response shows its secret."""
    values = {name: getattr(body, name) for name in COLUMNS}
    columns = mistakes.columns_of_new(values, body.secret)
    row = manage.add_trigger(context.database, NewTrigger(**columns, secret=body.secret), actor)
    secret = context.database.secret_box.decrypt(row) or ""
    return {**serializers.trigger(context, row, 0), "secret": secret}


@OPERATIONS.get("/api/triggers/{trigger_id}", VIEWER)
def show_trigger(context: ApiContext, trigger_id: TriggerId) -> TriggerDetail:
    """Show the trigger with its newest executions."""
    with context.database.reading() as connection:
        row = lookup.find_trigger(connection, trigger_id)
        count = listing.execution_count(connection, context.counter, row.id)
        newest = listing.newest_executions(connection, row.id)
        reasons = context.reasons(connection, newest)
        state = context.states(connection, [row.id])[row.id]
    executions = [serializers.execution(each, reasons) for each in newest]
    return {**serializers.trigger(context, row, count, state), "executions": executions}


@OPERATIONS.put("/api/triggers/{trigger_id}", OPERATOR, may_answer=(409,), ignores=SHOWN_ONLY)
def update_trigger(
    context: ApiContext,
    trigger_id: TriggerId,
    body: TriggerChanges,
    sent_fields: frozenset[str],
    actor: Actor,
    identity: Identity,
) -> Trigger:
    """Change the trigger; a field that is left out stays as it is."""
    require_may_change(identity, body)
    return apply_changes(context, trigger_id, body, sent_fields, actor)


@OPERATIONS.patch("/api/triggers/{trigger_id}", OPERATOR, may_answer=(409,), ignores=SHOWN_ONLY)
def patch_trigger(
    context: ApiContext,
    trigger_id: TriggerId,
    body: TriggerChanges,
    sent_fields: frozenset[str],
    actor: Actor,
    identity: Identity,
) -> Trigger:
    """Change the trigger; a field that is left out stays as it is."""
    require_may_change(identity, body)
    return apply_changes(context, trigger_id, body, sent_fields, actor)


@OPERATIONS.delete("/api/triggers/{trigger_id}", ADMIN)
def delete_trigger(context: ApiContext, trigger_id: TriggerId, actor: Actor) -> Trigger:
    """Remove the trigger with all its executions; the response shows it as it was."""
    with context.database.reading() as connection:
        count = listing.execution_count(connection, context.counter, trigger_id)
    row = removal.remove_trigger(context.database, trigger_id, actor)
    return serializers.trigger(context, row, count)


@OPERATIONS.post("/api/triggers/{trigger_id}/test", OPERATOR)
def fire_trigger(
    context: ApiContext, trigger_id: TriggerId, body: TestBody, actor: Actor
) -> Started:
    """Run the trigger's action with a test event."""
    execution_id = manage.try_trigger(context.database, trigger_id, body.data, actor)
    return {"status": "started", "execution_id": execution_id}


@OPERATIONS.post("/api/triggers/{trigger_id}/regenerate-secret", ADMIN)
def regenerate_secret(
    context: ApiContext, trigger_id: TriggerId, body: NewSecretBody, actor: Actor
) -> NewSecret:
    """Rotate the trigger's secret; the old one stays valid for a grace period."""
    grace = context.settings.hookonce_secret_grace_seconds
    row = manage.rotate_secret(context.database, trigger_id, grace, body.secret, actor)
    shown = serializers.trigger(context, row, 0)
    made_here = body.secret is None
    return {
        "secret": (context.database.secret_box.decrypt(row) or "") if made_here else None,
        "previous_secret_expires_at": shown["previous_secret_expires_at"],
    }


@OPERATIONS.get("/api/triggers/{trigger_id}/executions", VIEWER)
def list_executions(
    context: ApiContext, trigger_id: TriggerId, query: ExecutionsAsked
) -> ExecutionPage:
    """List the trigger's executions, newest first."""
    rows = listing.executions_query(trigger_id, query.status, query.key)
    counted = ("executions", trigger_id, query.status, query.key)
    with context.database.reading() as connection:
        lookup.find_trigger(connection, trigger_id)
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
        reasons = context.reasons(connection, page.rows)
    return {
        "executions": [serializers.execution(row, reasons) for row in page.rows],
        **serializers.page_info(page),
    }


def require_may_change(identity: Identity, body: TriggerChanges) -> None:
    """Raise Forbidden if the change has a secret and the caller may not rotate secrets."""
    if body.secret is not None:
        auth.require(identity, ADMIN)


def apply_changes(
    context: ApiContext,
    trigger_id: int,
    body: TriggerChanges,
    sent_fields: frozenset[str],
    actor: Actor,
) -> Trigger:
    """Store the changes that were sent, and return the trigger."""
    names = sent_fields - {"secret"}
    values = {name: getattr(body, name) for name in names}
    changes = mistakes.columns_of_changes(context.database, trigger_id, values, body.secret)
    grace = context.settings.hookonce_secret_grace_seconds
    with context.database.reading() as connection:
        count = listing.execution_count(connection, context.counter, trigger_id)
        state = context.states(connection, [trigger_id])[trigger_id]
    row = manage.update_trigger(
        context.database, trigger_id, changes, actor, secret=body.secret, grace_seconds=grace
    )
    return serializers.trigger(context, row, count, state)
