"""The report of the last days: assembled here for `hookonce stats` and /api/triggers/stats."""

from collections.abc import Callable
from dataclasses import dataclass, fields
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from app import clock
from app.db.count_cache import CountCache
from app.executions import due
from app.stats import summary
from app.stats.summary import AnswerTimes

AnswerLimit = Callable[[str], float | None]
"""A function from a source's name to the seconds within which it wants its answer, if it says."""


@dataclass(frozen=True, slots=True)
class StatsReport:
    """The numbers of a window; the fields have the names of /api/triggers/stats."""

    window_days: int
    total_executions: int
    by_status: dict[str, int]
    retries_observed: int
    idempotent_replays: int
    dlq_size: int
    wpp_command_count: int
    circuit_breaker_watermark_hit: bool
    deliveries: list[sa.Row[Any]]
    """(hour, outcome, number), oldest hour first."""
    dead_by_reason: dict[str, int]
    oldest_pending_seconds: float | None
    breakers: list[sa.Row[Any]]
    """A row for each trigger whose target failed lately, with its `slug`."""
    answer_times: list[AnswerTimes]

    def values(self) -> dict[str, Any]:
        """Return every field by its name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


def read(
    connection: Connection,
    counter: CountCache,
    days: int,
    watermark: int,
    *,
    answer_limit: AnswerLimit,
) -> StatsReport:
    """Read the report of the last `days` days; above `watermark` chat messages it says so."""
    window = summary.window(connection, counter, clock.now() - timedelta(days=days))
    counts = summary.by_status(window)
    dead = summary.dead_by_reason(connection, counter)
    messages = summary.commands(window)
    return StatsReport(
        window_days=days,
        total_executions=sum(counts.values()),
        by_status=counts,
        retries_observed=summary.retries(window),
        idempotent_replays=summary.duplicates(window),
        dlq_size=sum(dead.values()),
        wpp_command_count=messages,
        circuit_breaker_watermark_hit=messages > watermark,
        deliveries=summary.deliveries_by_hour(window),
        dead_by_reason=dead,
        oldest_pending_seconds=due.longest_due_seconds(due.find_triggers(connection)),
        breakers=summary.breakers(connection),
        answer_times=summary.answer_times(window, answer_limit),
    )
