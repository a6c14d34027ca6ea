"""/api/pause, /api/workers and below a trigger: pauses, circuit breakers and workers."""

from app.audit import Actor
from app.auth import OPERATOR, VIEWER
from app.executions import blocks, listing, workers
from app.triggers import breakers, lookup, pausing
from app.web.api import serializers
from app.web.api.operations import Operations
from app.web.api.schemas.queue import PauseBody, PauseOfAll, ResumeBody, WorkerList
from app.web.api.schemas.triggers import Trigger
from app.web.api.schemas.values import TriggerId
from app.web.context import ApiContext

OPERATIONS = Operations()


@OPERATIONS.post("/api/triggers/{trigger_id}/pause", OPERATOR)
def pause_trigger(
    context: ApiContext, trigger_id: TriggerId, body: PauseBody, actor: Actor
) -> Trigger:
    """Pause the trigger: its events are admitted and wait."""
    pausing.pause(context.database, trigger_id, actor, reason=body.reason)
    return one(context, trigger_id)


@OPERATIONS.post("/api/triggers/{trigger_id}/resume", OPERATOR)
def resume_trigger(
    context: ApiContext, trigger_id: TriggerId, body: ResumeBody, actor: Actor
) -> Trigger:
    """Resume the trigger: waiting executions begin at a pace, oldest first."""
    pausing.resume(context.database, trigger_id, body.per_second, actor)
    return one(context, trigger_id)


@OPERATIONS.post("/api/triggers/{trigger_id}/breaker/probe", OPERATOR)
def probe_target(context: ApiContext, trigger_id: TriggerId, actor: Actor) -> Trigger:
    """Let one execution through the open breaker now; 404 if it is closed."""
    breakers.probe_now(context.database, trigger_id, actor)
    return one(context, trigger_id)


@OPERATIONS.post("/api/triggers/{trigger_id}/breaker/close", OPERATOR)
def close_breaker(context: ApiContext, trigger_id: TriggerId, actor: Actor) -> Trigger:
    """Close the open breaker: everything that is due runs at once; 404 if it is closed."""
    breakers.close(context.database, trigger_id, actor)
    return one(context, trigger_id)


@OPERATIONS.get("/api/pause", VIEWER)
def show_pause(context: ApiContext) -> PauseOfAll:
    """Show if all triggers are paused, by whom, and how many executions wait."""
    return pause_of_all(context)


@OPERATIONS.post("/api/pause", OPERATOR)
def pause_all(context: ApiContext, body: PauseBody, actor: Actor) -> PauseOfAll:
    """Pause all triggers, also new ones: every event is admitted and waits."""
    pausing.pause_all(context.database, actor, reason=body.reason)
    return pause_of_all(context)


@OPERATIONS.post("/api/resume", OPERATOR)
def resume_all(context: ApiContext, body: ResumeBody, actor: Actor) -> PauseOfAll:
    """End the pause of all triggers; a trigger that is paused by itself stays so."""
    pausing.resume_all(context.database, body.per_second, actor)
    return pause_of_all(context)


def pause_of_all(context: ApiContext) -> PauseOfAll:
    """Return the pause of all triggers, and the number of executions that wait."""
    with context.database.reading() as connection:
        pause = blocks.pause_of_all(connection)
        waiting = blocks.waiting_count_of_all(connection)
    return {"paused": serializers.pause(pause), "waiting": waiting}


@OPERATIONS.get("/api/workers", VIEWER)
def list_workers(context: ApiContext) -> WorkerList:
    """List the workers, alive or not, the newest heartbeat first."""
    with context.database.reading() as connection:
        rows, alive = workers.listed(connection), workers.live(connection)
    return {
        "count": alive.count,
        "slots": alive.slots,
        "busy": alive.busy,
        "workers": [serializers.worker(row) for row in rows],
    }


def one(context: ApiContext, trigger_id: int) -> Trigger:
    """Return the trigger with its pause and its breaker, without its executions."""
    with context.database.reading() as connection:
        row = lookup.find_trigger(connection, trigger_id)
        count = listing.execution_count(connection, context.counter, trigger_id)
        state = context.states(connection, [row.id])[row.id]
    return serializers.trigger(context, row, count, state)
