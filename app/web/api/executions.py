"""/api/triggers/executions and /api/dead: what was admitted, what failed, and sending it again."""

from collections.abc import Sequence
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from app import clock
from app.audit import Actor
from app.auth import OPERATOR, VIEWER
from app.db import Database
from app.errors import NotFound, NotReplayable, RateLimited
from app.executions import dead_letters, history, search
from app.executions.dead_letters import DeadLetterFilter
from app.executions.replay import replay
from app.stats import deliveries, summary
from app.triggers import manage
from app.web.api import serializers
from app.web.api.operations import Operations
from app.web.api.schemas.dead_letters import (
    DeadAsked,
    DeadBody,
    DeadChoice,
    DeadGroup,
    DeadPage,
    DeadReplayed,
)
from app.web.api.schemas.executions import (
    ExecutionDetail,
    ExecutionsSought,
    FoundPage,
    Replayed,
)
from app.web.api.schemas.values import ExecutionId
from app.web.context import ApiContext
from app.web.time_field import moment

OPERATIONS = Operations()


@OPERATIONS.get("/api/triggers/executions", VIEWER)
def find_executions(context: ApiContext, query: ExecutionsSought) -> FoundPage:
    """Executions of whichever trigger, newest first, without their events."""
    with context.database.reading() as connection:
        page = search.page(connection, context.counter, query.sought(), query.where())
        names = search.trigger_names(connection, {row.trigger_id for row in page.rows})
    return {
        "executions": [serializers.found(row, names) for row in page.rows],
        **serializers.listed(page),
    }


@OPERATIONS.get("/api/triggers/executions/{execution_id}", VIEWER)
def show_execution(context: ApiContext, execution_id: ExecutionId) -> ExecutionDetail:
    """The execution with its attempts, its replays, and what came again under its key."""
    with context.database.reading() as connection:
        row, trigger = history.execution(connection, execution_id)
        attempts = history.attempts_of(connection, execution_id)
        chain = history.chain_of(connection, row)
        first_id = row.chain_id or row.id
        repeats = deliveries.repeats_of(connection, first_id)
        mismatches = deliveries.mismatches_of(connection, first_id)
    number, last_at = (0, None) if repeats is None else (repeats.number, repeats.last_at)
    return {
        **serializers.execution(row),
        "trigger_slug": trigger.slug,
        "attempts": [serializers.attempt(each) for each in attempts],
        "chain": [serializers.link(each) for each in chain],
        "repeats": {"number": number, "last_at": clock.text(last_at)},
        "mismatches": [serializers.mismatch(each) for each in mismatches],
        "duplicate_key": {
            "key": row.idempotency_key,
            "found_at": serializers.key_places(trigger.idempotency_key_from),
            "first_execution_id": first_id,
        },
    }


@OPERATIONS.post("/api/triggers/executions/{execution_id}/replay", OPERATOR, may_answer=(400, 429))
def replay_execution(context: ApiContext, execution_id: ExecutionId, actor: Actor) -> Replayed:
    """Send the dead letter again, as a new execution."""
    return {"status": "ok", "new_execution_id": replay(context.database, execution_id, actor)}


@OPERATIONS.get("/api/dead", VIEWER, may_answer=(404,))
def list_dead(context: ApiContext, query: DeadAsked) -> DeadPage:
    """Dead letters, newest first, and how many there are for each trigger and reason."""
    with context.database.reading() as connection:
        chosen = _chosen(connection, query)
        rows = _some(connection, chosen, query.before_id, query.per_page + 1)
        counted = groups(context, connection, chosen)
    shown = rows[: query.per_page]
    return {
        "dead": [serializers.dead(row) for row in shown],
        "groups": counted,
        "total": sum(group["executions"] for group in counted),
        "next": shown[-1].id if len(rows) > query.per_page else None,
    }


@OPERATIONS.post("/api/dead/replay", OPERATOR, may_answer=(404,))
def replay_dead(context: ApiContext, body: DeadBody, actor: Actor) -> DeadReplayed:
    """Send chosen dead letters again, newest first, so many at once; go on with `next`.

    With `preview` nothing is sent, and the answer says what would be.
    """
    with context.database.reading() as connection:
        chosen = _chosen(connection, body)
    if not body.preview:
        return replay_chosen(context, chosen, body.before_id, body.limit, actor)
    with context.database.reading() as connection:
        return _answer(groups(context, connection, chosen), body.before_id, preview=True)


def replay_chosen(
    context: ApiContext, chosen: DeadLetterFilter, before_id: int | None, limit: int, actor: Actor
) -> DeadReplayed:
    """So many of the chosen dead letters sent again, newest first; `next` is where to go on."""
    with context.database.reading() as connection:
        rows = _some(connection, chosen, before_id, limit + 1)
        answer = _answer(groups(context, connection, chosen), None, preview=False)
    for row in rows[:limit]:
        _replay_into(answer, context.database, row.id, actor)
    answer["next"] = rows[limit - 1].id if len(rows) > limit else None
    return answer


def _answer(chosen: list[DeadGroup], next_id: int | None, *, preview: bool) -> DeadReplayed:
    return {
        "preview": preview,
        "groups": chosen,
        "total": sum(group["executions"] for group in chosen),
        "replayed": [],
        "refused": [],
        "next": next_id,
    }


def _replay_into(answer: DeadReplayed, database: Database, execution_id: int, actor: Actor) -> None:
    try:
        successor = replay(database, execution_id, actor)
    except (NotFound, NotReplayable, RateLimited) as error:
        answer["refused"].append(
            {"execution_id": execution_id, "error": _REFUSALS[type(error)], "detail": str(error)}
        )
    else:
        answer["replayed"].append({"execution_id": execution_id, "new_execution_id": successor})


_REFUSALS: dict[type[Exception], Literal["not_found", "not_replayable", "rate_limited"]] = {
    NotFound: "not_found",
    NotReplayable: "not_replayable",
    RateLimited: "rate_limited",
}


def _chosen(connection: Connection, choice: DeadChoice) -> DeadLetterFilter:
    trigger_id = None
    if choice.trigger is not None:
        trigger_id = manage.find_trigger(connection, choice.trigger).id
    return DeadLetterFilter(
        trigger_id=trigger_id,
        reason=choice.reason,
        category=choice.category,
        since=moment("since", choice.since),
        until=moment("until", choice.until),
        key=choice.key,
    )


def _some(
    connection: Connection, chosen: DeadLetterFilter, before_id: int | None, limit: int
) -> Sequence[sa.Row[Any]]:
    return connection.execute(dead_letters.page_query(chosen, before_id, limit)).all()


def groups(
    context: ApiContext, connection: Connection, chosen: DeadLetterFilter
) -> list[DeadGroup]:
    """How many there are for each trigger and reason; of many, as of a moment ago."""

    def count() -> list[DeadGroup]:
        return [serializers.dead_group(row) for row in dead_letters.counts(connection, chosen)]

    def read(_groups: list[DeadGroup]) -> int:
        return sum(summary.dead_by_reason(connection, context.counter).values())

    return list(context.counter.kept(("dead", chosen), count, read))
