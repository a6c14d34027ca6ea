"""/api/triggers/executions/{id}/...: a person's decisions about one execution."""

from app.audit import Actor
from app.auth import OPERATOR
from app.executions import decisions
from app.executions.replay import replay, run_again
from app.intake import edit
from app.web.api.operations import Operations
from app.web.api.schemas.executions import (
    Done,
    EditedReplayBody,
    ForgetResult,
    ReplayResult,
    RunAgainBody,
)
from app.web.api.schemas.values import ExecutionId
from app.web.context import ApiContext

OPERATIONS = Operations()
_OF_EXECUTION = "/api/triggers/executions/{execution_id}"


@OPERATIONS.post(f"{_OF_EXECUTION}/run-again", OPERATOR, may_answer=(409, 429))
def run_execution_again(
    context: ApiContext, execution_id: ExecutionId, body: RunAgainBody, actor: Actor
) -> ReplayResult:
    """Run a completed execution again as a new one, with its old Idempotency-Key or its own."""
    database = context.database
    changed = None if body.payload is None else edit.edited(database, execution_id, body.payload)
    own_key = body.key == "own"
    new = run_again(database, execution_id, actor, own_key=own_key, edited=changed)
    return {"status": "ok", "new_execution_id": new}


@OPERATIONS.post(f"{_OF_EXECUTION}/replay-edited", OPERATOR, may_answer=(400, 429))
def replay_edited(
    context: ApiContext, execution_id: ExecutionId, body: EditedReplayBody, actor: Actor
) -> ReplayResult:
    """Replay the dead letter with a changed copy of its payload; the original is kept beside it."""
    changed = edit.edited(context.database, execution_id, body.payload)
    new = replay(context.database, execution_id, actor, changed)
    return {"status": "ok", "new_execution_id": new}


@OPERATIONS.post(f"{_OF_EXECUTION}/cancel", OPERATOR, may_answer=(409,))
def cancel_execution(context: ApiContext, execution_id: ExecutionId, actor: Actor) -> Done:
    """End a waiting execution as `failed`, with the reason `cancelled`."""
    decisions.cancel(context.database, execution_id, actor)
    return {"status": "ok"}


@OPERATIONS.post(f"{_OF_EXECUTION}/retry-now", OPERATOR, may_answer=(409,))
def retry_execution_now(context: ApiContext, execution_id: ExecutionId, actor: Actor) -> Done:
    """Make a waiting execution due now."""
    decisions.retry_now(context.database, execution_id, actor)
    return {"status": "ok"}


@OPERATIONS.post(f"{_OF_EXECUTION}/forget-key", OPERATOR, may_answer=(409,))
def forget_execution_key(
    context: ApiContext, execution_id: ExecutionId, actor: Actor
) -> ForgetResult:
    """Release the idempotency key of a finished execution: its next event is admitted."""
    key = decisions.forget_key(context.database, execution_id, actor)
    return {"status": "ok", "idempotency_key": key}
