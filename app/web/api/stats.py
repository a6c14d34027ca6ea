"""/api/triggers/stats: how the service has done lately."""

import logging
import time
from datetime import timedelta

from app import clock, log
from app.auth import VIEWER
from app.executions import due
from app.stats import summary
from app.triggers import queries
from app.web.api import serializers
from app.web.api.operations import Operations
from app.web.api.schemas.statistics import Stats, StatsAsked
from app.web.context import ApiContext
from app.worker import fair_share

OPERATIONS = Operations()
WARN_SECONDS = 60.0
"""A page asks again and again; a warning a minute is enough."""

logger = logging.getLogger("hookonce.web")


@OPERATIONS.get("/api/triggers/stats", VIEWER)
def show_stats(context: ApiContext, query: StatsAsked) -> Stats:
    """Numbers of the last days; large ones are up to ten seconds old."""
    now = clock.now()
    with context.database.reading() as connection:
        seen = summary.window(connection, context.counter, now - timedelta(days=query.days))
        counts = summary.by_status(seen)
        dead = summary.dead_by_reason(connection, context.counter)
        commands = summary.commands(seen)
        stats: Stats = {
            "window_days": query.days,
            "total_executions": sum(counts.values()),
            "by_status": counts,
            "retries_observed": summary.retries(seen),
            "idempotent_replays": summary.duplicates(seen),
            "dlq_size": sum(dead.values()),
            "wpp_command_count": commands,
            "circuit_breaker_watermark_hit": commands > context.settings.hookonce_command_watermark,
            "deliveries": serializers.deliveries(summary.deliveries_by_hour(seen)),
            "dead_by_reason": dead,
            "oldest_pending_seconds": fair_share.longest_due_seconds(due.find_triggers(connection)),
            "breakers": [serializers.breaker(row) for row in queries.breakers(connection)],
            "answer_times": [serializers.answer_time(each) for each in summary.answer_times(seen)],
        }
    if stats["circuit_breaker_watermark_hit"]:
        _warn(context, commands)
    return stats


def _warn(context: ApiContext, commands: int) -> None:
    if time.monotonic() < context.next_warning_at:
        return
    context.next_warning_at = time.monotonic() + WARN_SECONDS
    log.event(
        logger,
        logging.WARNING,
        "watermark_hit",
        wpp_command_count=commands,
        watermark=context.settings.hookonce_command_watermark,
    )
