"""/api/triggers/executions and /api/dead: find, show and replay executions and dead letters."""

import time
from collections.abc import Sequence
from typing import Any, Literal, cast

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from app import clock
from app.audit import Actor
from app.auth import OPERATOR, VIEWER
from app.db import Database
from app.errors import NotFound, NotReplayable, RateLimited
from app.executions import attempts, by_persons, dead_letters, history, search
from app.executions.dead_letters import DeadLetterFilter
from app.executions.replay import replay
from app.stats import deliveries, summary
from app.triggers import lookup
from app.web.api import serializers
from app.web.api.operations import Operations
from app.web.api.schemas.dead_letters import (
    BulkReplay,
    BulkReplayBody,
    DeadLetterGroup,
    DeadLetterPage,
    DeadLetterSelection,
    DeadLettersQuery,
)
from app.web.api.schemas.executions import (
    ExecutionDetail,
    ExecutionsQuery,
    ExecutionSummaryPage,
    MadeByPersons,
    ReplayResult,
)
from app.web.api.schemas.values import ExecutionId
from app.web.context import ApiContext
from app.web.time_field import moment

OPERATIONS = Operations()


@OPERATIONS.get("/api/triggers/executions", VIEWER)
def find_executions(context: ApiContext, query: ExecutionsQuery) -> ExecutionSummaryPage:
    """Find executions of all triggers, newest first, without their events."""
    with context.database.reading() as connection:
        page = search.page(connection, context.counter, query.filters(), query.position())
        names = search.trigger_names(connection, {row.trigger_id for row in page.rows})
        reasons = context.reasons(connection, page.rows)
    return {
        "executions": [serializers.execution_summary(row, names, reasons) for row in page.rows],
        **serializers.page_info(page),
    }


@OPERATIONS.get("/api/triggers/executions/{execution_id}", VIEWER)
def show_execution(context: ApiContext, execution_id: ExecutionId) -> ExecutionDetail:
    """Show the execution with its attempts, its replays and its duplicates."""
    with context.database.reading() as connection:
        row, trigger = history.execution(connection, execution_id)
        attempt_rows = attempts.of_execution(connection, row)
        chain = history.chain_of(connection, row)
        first_id = row.chain_id or row.id
        repeats = deliveries.repeats_of(connection, first_id)
        mismatches = deliveries.mismatches_of(connection, first_id)
        reasons = context.reasons(connection, [row])
        decisions = cast(MadeByPersons, by_persons.shown(connection, execution_id))
    count, last_at = (0, None) if repeats is None else (repeats.number, repeats.last_at)
    return {
        **serializers.execution(row, reasons),
        "trigger_slug": trigger.slug,
        "attempts": [serializers.attempt(each) for each in attempt_rows],
        "chain": [serializers.chain_entry(each) for each in chain],
        "repeats": {"number": count, "last_at": clock.text(last_at)},
        "mismatches": [serializers.mismatch(each) for each in mismatches],
        "duplicate_key": {
            "key": row.idempotency_key,
            "found_at": serializers.key_places(trigger.idempotency_key_from),
            "first_execution_id": first_id,
        },
        **decisions,
    }


@OPERATIONS.post("/api/triggers/executions/{execution_id}/replay", OPERATOR, may_answer=(400, 429))
def replay_execution(context: ApiContext, execution_id: ExecutionId, actor: Actor) -> ReplayResult:
    """Replay the dead letter as a new execution."""
    return {"status": "ok", "new_execution_id": replay(context.database, execution_id, actor)}


@OPERATIONS.get("/api/dead", VIEWER, may_answer=(404,))
def list_dead(context: ApiContext, query: DeadLettersQuery) -> DeadLetterPage:
    """List dead letters, newest first, and count them by trigger and reason."""
    with context.database.reading() as connection:
        filters = _filters(connection, query)
        rows = _rows(connection, filters, query.before_id, query.per_page + 1)
        counts = groups(context, connection, filters)
    shown = rows[: query.per_page]
    return {
        "dead": [serializers.dead_letter(row) for row in shown],
        "groups": counts,
        "total": sum(group["executions"] for group in counts),
        "next": shown[-1].id if len(rows) > query.per_page else None,
    }


@OPERATIONS.post("/api/dead/replay", OPERATOR, may_answer=(404,))
def replay_dead(context: ApiContext, body: BulkReplayBody, actor: Actor) -> BulkReplay:
    """Replay matching dead letters, newest first, `limit` per request; continue with `next`.

    With `preview` nothing is replayed, and the response counts what would be.
    """
    with context.database.reading() as connection:
        filters = _filters(connection, body)
    if not body.preview:
        return replay_batch(context, filters, body.before_id, body.limit, actor)
    with context.database.reading() as connection:
        return _bulk_replay(groups(context, connection, filters), body.before_id, preview=True)


def replay_batch(
    context: ApiContext,
    filters: DeadLetterFilter,
    before_id: int | None,
    limit: int,
    actor: Actor,
    *,
    pause: float = 0.0,
) -> BulkReplay:
    """Replay up to `limit` matching dead letters, newest first; continue with `next`.

    Between the begins of two replays are at least `pause` seconds.
    """
    with context.database.reading() as connection:
        rows = _rows(connection, filters, before_id, limit + 1)
        result = _bulk_replay(groups(context, connection, filters), None, preview=False)
    for row in rows[:limit]:
        began = time.monotonic()
        _replay_into(result, context.database, row.id, actor)
        time.sleep(max(0.0, began + pause - time.monotonic()))
    result["next"] = rows[limit - 1].id if len(rows) > limit else None
    return result


def _bulk_replay(
    matching: list[DeadLetterGroup], next_id: int | None, *, preview: bool
) -> BulkReplay:
    return {
        "preview": preview,
        "groups": matching,
        "total": sum(group["executions"] for group in matching),
        "replayed": [],
        "refused": [],
        "next": next_id,
    }


def _replay_into(result: BulkReplay, database: Database, execution_id: int, actor: Actor) -> None:
    try:
        successor = replay(database, execution_id, actor)
    except (NotFound, NotReplayable, RateLimited) as error:
        result["refused"].append(
            {"execution_id": execution_id, "error": _REFUSALS[type(error)], "detail": str(error)}
        )
    else:
        result["replayed"].append({"execution_id": execution_id, "new_execution_id": successor})


_REFUSALS: dict[type[Exception], Literal["not_found", "not_replayable", "rate_limited"]] = {
    NotFound: "not_found",
    NotReplayable: "not_replayable",
    RateLimited: "rate_limited",
}


def _filters(connection: Connection, selection: DeadLetterSelection) -> DeadLetterFilter:
    trigger_id = None
    if selection.trigger is not None:
        trigger_id = lookup.find_trigger(connection, selection.trigger).id
    return DeadLetterFilter(
        trigger_id=trigger_id,
        reason=selection.reason,
        category=selection.category,
        since=moment("since", selection.since),
        until=moment("until", selection.until),
        key=selection.key,
        http_status=selection.http_status,
        key_prefix=selection.key_prefix,
        source=selection.source,
    )


def _rows(
    connection: Connection, filters: DeadLetterFilter, before_id: int | None, limit: int
) -> Sequence[sa.Row[Any]]:
    return connection.execute(dead_letters.page_query(filters, before_id, limit)).all()


def groups(
    context: ApiContext, connection: Connection, filters: DeadLetterFilter
) -> list[DeadLetterGroup]:
    """Count the matching dead letters by trigger and reason; large counts may be cached."""

    def count() -> list[DeadLetterGroup]:
        return [serializers.dead_group(row) for row in dead_letters.counts(connection, filters)]

    def total(_groups: list[DeadLetterGroup]) -> int:
        return sum(summary.dead_by_reason(connection, context.counter).values())

    return list(context.counter.get_or_count(("dead", filters), count, total))
