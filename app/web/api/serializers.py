"""Convert database rows to the API's JSON: times as text, JSON columns parsed, secrets removed."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

import sqlalchemy as sa

from app import clock
from app.db.paging import Page
from app.executions import blocks
from app.executions.blocks import Block, Pause
from app.executions.waiting import Because
from app.masking import public
from app.tolerant_json import json_object, json_value, portable_json
from app.triggers import warnings
from app.triggers.fields import COLUMNS
from app.web.api.schemas.access import Change, Token
from app.web.api.schemas.attempts import ExecutionAttempt
from app.web.api.schemas.dead_letters import DeadLetter, DeadLetterGroup
from app.web.api.schemas.executions import (
    ChainEntry,
    Execution,
    ExecutionSummary,
    Mismatch,
)
from app.web.api.schemas.queue import TriggerPause, WaitingBecause, WorkerState
from app.web.api.schemas.statistics import Breaker, DeliveryCount
from app.web.api.schemas.triggers import Trigger
from app.web.api.schemas.values import Listed
from app.web.context import ApiContext


def trigger(
    context: ApiContext, row: sa.Row[Any], execution_count: int, state: Block = blocks.NOTHING
) -> Trigger:
    """Return the trigger with its webhook URL, its state and the number of its executions."""
    fields = public(row._mapping)
    fields["type"] = fields["type"] or "webhook"
    fields["source"] = fields["source"] or "custom"
    for name, field in COLUMNS.items():
        if field.kind == "object":
            value = json_object(fields[name])
            fields[name] = value if field.nullable else value or {}
        elif field.kind == "key_places":
            fields[name] = key_places(fields[name])
    fields["warnings"] = warnings.of(row)
    fields |= {"enabled": bool(fields["enabled"]), "from_yaml": bool(fields["from_yaml"])}
    fields |= {"execution_count": execution_count, "webhook_url": context.webhook_url(row.id)}
    return fields | block(state)


def block(state: Block) -> dict[str, Any]:
    """Return the pause, the breaker and the backlog of a trigger, and what waits behind them."""
    breaker, resumed_at = state.breaker, state.resumed_at
    return {
        "paused": pause(state.pause),
        "breaker": None
        if breaker is None
        else {
            "since": clock.text(breaker.since),
            "failure_count": breaker.failure_count,
            "next_probe_at": clock.text(breaker.next_probe_at),
        },
        "resuming": None
        if resumed_at is None
        else {"since": clock.text(resumed_at), "per_second": state.per_second},
        "waiting": state.waiting,
    }


def pause(state: Pause | None) -> TriggerPause | None:
    """Return the pause; None stays None."""
    if state is None:
        return None
    return {"since": clock.text(state.since), "by": state.by, "reason": state.reason}


def worker(row: sa.Row[Any]) -> WorkerState:
    return cast(WorkerState, _only(row, WorkerState, alive=bool(row.alive)))


def execution(row: sa.Row[Any], reasons: Mapping[int, Because]) -> Execution:
    """Return the execution with its event parsed, and the reason if it has not finished."""
    fields = public(row._mapping)
    fields["waiting_because"] = waiting_because(reasons.get(row.id))
    fields["event_data"] = portable_json(fields["event_data"])
    return cast(Execution, fields)


def execution_summary(
    row: sa.Row[Any], names: Mapping[int, str], reasons: Mapping[int, Because]
) -> ExecutionSummary:
    """Return the execution without its event, with the name of its trigger."""
    more = {
        "trigger": names.get(row.trigger_id, ""),
        "waiting_because": waiting_because(reasons.get(row.id)),
    }
    return cast(ExecutionSummary, _only(row, ExecutionSummary, **more))


def waiting_because(because: Because | None) -> WaitingBecause | None:
    """Return the reason for which an execution has not finished; None stays None."""
    return None if because is None else cast(WaitingBecause, because.values())


def attempt(shown: Mapping[str, Any]) -> ExecutionAttempt:
    return cast(ExecutionAttempt, {name: shown[name] for name in ExecutionAttempt.__annotations__})


def chain_entry(row: sa.Row[Any]) -> ChainEntry:
    return cast(ChainEntry, _only(row, ChainEntry))


def mismatch(row: sa.Row[Any]) -> Mismatch:
    return cast(Mismatch, _only(row, Mismatch))


def token(row: sa.Row[Any]) -> Token:
    return cast(Token, _only(row, Token))


def dead_letter(row: sa.Row[Any]) -> DeadLetter:
    return cast(DeadLetter, _only(row, DeadLetter))


def dead_group(row: sa.Row[Any]) -> DeadLetterGroup:
    return {"trigger": row.trigger, "reason": row.reason, "executions": int(row.executions)}


def deliveries(rows: Sequence[sa.Row[Any]]) -> list[DeliveryCount]:
    """Return the delivery counts; each hour is formatted once, because a month repeats it often."""
    hours = {hour: clock.text(hour) for hour in {row.hour for row in rows}}
    return [
        {"hour": hours[row.hour], "outcome": row.outcome, "number": int(row.number)} for row in rows
    ]


def change(row: sa.Row[Any]) -> Change:
    """Return the entry of the audit log with the values before and after parsed."""
    fields = _only(row, Change)
    return cast(Change, fields | {name: json_object(fields[name]) for name in ("before", "after")})


def breaker(row: sa.Row[Any]) -> Breaker:
    """Return the state of a trigger's circuit breaker."""
    state = "closed" if row.opened_at is None else "open"
    return cast(Breaker, _only(row, Breaker, state=state, trigger_slug=row.slug))


def page_info(page: Page) -> Listed:
    """Return the paging fields of a list."""
    return Listed(
        total=page.total,
        total_exact=page.exact,
        page=page.page,
        pages=page.pages,
        next=page.next,
    )


def key_places(stored: str | None) -> list[str]:
    """Return the places a trigger reads its key from; an empty list means the default places."""
    if not stored:
        return []
    places = json_value(stored, default=stored) if stored.startswith("[") else [stored]
    return [str(each) for each in places] if isinstance(places, list) else [stored]


def _only(row: sa.Row[Any], shape: Any, **more: Any) -> dict[str, Any]:
    fields = public(row._mapping) | more
    return {name: fields[name] for name in shape.__annotations__}
