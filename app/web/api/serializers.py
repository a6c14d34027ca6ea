"""Rows as the API shows them: JSON as JSON, times as text, and never a secret."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, cast

import sqlalchemy as sa

from app import clock
from app.db.paging import Page
from app.intake import sources
from app.masking import public
from app.stats.summary import AnswerTimes
from app.web.api.schemas.dead_letters import DeadGroup, DeadLetter
from app.web.api.schemas.executions import Attempt, Execution, FoundExecution, Link, Mismatch
from app.web.api.schemas.people import Change, Token
from app.web.api.schemas.statistics import AnswerTime, Breaker, DeliveryCount
from app.web.api.schemas.triggers import Trigger
from app.web.api.schemas.values import Listed
from app.web.context import ApiContext


def trigger(context: ApiContext, row: sa.Row[Any], execution_count: int) -> Trigger:
    """The trigger with its address, and how many executions it has."""
    shown = public(row._mapping)
    shown["type"] = shown["type"] or "webhook"
    shown["source"] = shown["source"] or "custom"
    shown["event_filter"] = _object(shown["event_filter"]) or {}
    shown["retry_policy"] = _object(shown["retry_policy"])
    shown["idempotency_key_from"] = key_places(shown["idempotency_key_from"])
    shown |= {"enabled": bool(shown["enabled"]), "from_yaml": bool(shown["from_yaml"])}
    shown |= {"execution_count": execution_count, "webhook_url": context.webhook_url(row.id)}
    return cast(Trigger, shown)


def execution(row: sa.Row[Any]) -> Execution:
    """The execution, its event read."""
    shown = public(row._mapping)
    shown["event_data"] = _json(shown["event_data"])
    return cast(Execution, shown)


def found(row: sa.Row[Any], names: Mapping[int, str]) -> FoundExecution:
    """The execution in a list, with the name of its trigger."""
    return cast(FoundExecution, _only(row, FoundExecution, trigger=names.get(row.trigger_id, "")))


def attempt(row: sa.Row[Any]) -> Attempt:
    return cast(Attempt, _only(row, Attempt))


def link(row: sa.Row[Any]) -> Link:
    return cast(Link, _only(row, Link))


def mismatch(row: sa.Row[Any]) -> Mismatch:
    return cast(Mismatch, _only(row, Mismatch))


def token(row: sa.Row[Any]) -> Token:
    return cast(Token, _only(row, Token))


def dead(row: sa.Row[Any]) -> DeadLetter:
    return cast(DeadLetter, _only(row, DeadLetter))


def dead_group(row: sa.Row[Any]) -> DeadGroup:
    return {"trigger": row.trigger, "reason": row.reason, "executions": int(row.executions)}


def deliveries(rows: Sequence[sa.Row[Any]]) -> list[DeliveryCount]:
    """What became of deliveries; a month has each hour many times, and each is written once."""
    hours = {hour: clock.text(hour) for hour in {row.hour for row in rows}}
    return [
        {"hour": hours[row.hour], "outcome": row.outcome, "number": int(row.number)} for row in rows
    ]


def change(row: sa.Row[Any]) -> Change:
    """The change, what was before and after read."""
    shown = _only(row, Change)
    return cast(Change, shown | {name: _object(shown[name]) for name in ("before", "after")})


def breaker(row: sa.Row[Any]) -> Breaker:
    """The state of a trigger's target."""
    state = "closed" if row.opened_at is None else "open"
    return cast(Breaker, _only(row, Breaker, state=state, trigger_slug=row.slug))


def answer_time(times: AnswerTimes) -> AnswerTime:
    """How long a source's senders waited, beside how long they may have to."""
    return {
        "source": times.source,
        "number": times.number,
        "p50_seconds": times.p50_seconds,
        "p99_seconds": times.p99_seconds,
        "limit_seconds": sources.named(times.source).facts.answer_seconds,
    }


def listed(page: Page) -> Listed:
    """What stands beside the rows of a page."""
    return Listed(
        total=page.total,
        total_exact=page.exact,
        page=page.page,
        pages=page.pages,
        next=page.next,
    )


def key_places(stored: str | None) -> list[str]:
    """Where a trigger's key comes from; empty: the default places."""
    if not stored:
        return []
    found = _json(stored) if stored.startswith("[") else [stored]
    return [str(each) for each in found] if isinstance(found, list) else [stored]


def _only(row: sa.Row[Any], shape: Any, **more: Any) -> dict[str, Any]:
    shown = public(row._mapping) | more
    return {name: shown[name] for name in shape.__annotations__}


def _json(text: str | None) -> Any:
    """What the text says; the text itself where an older system left something else."""
    try:
        return None if text is None else json.loads(text)
    except (ValueError, RecursionError):
        return text


def _object(text: str | None) -> dict[str, Any] | None:
    found = _json(text)
    return found if isinstance(found, dict) else None
