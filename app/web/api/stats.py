"""/api/triggers/stats: the numbers of the last days."""

import logging
import time
from dataclasses import asdict
from typing import cast

from app import log
from app.auth import VIEWER
from app.intake import sources
from app.stats import report
from app.web.api import serializers
from app.web.api.operations import Operations
from app.web.api.schemas.statistics import Stats, StatsAsked
from app.web.context import ApiContext

OPERATIONS = Operations()
WARN_SECONDS = 60.0
"""Seconds between two warnings about the watermark: a page asks for its numbers again and again."""

logger = logging.getLogger("hookonce.web")


@OPERATIONS.get("/api/triggers/stats", VIEWER)
def show_stats(context: ApiContext, query: StatsAsked) -> Stats:
    """Numbers of the last days; large ones are up to ten seconds old."""
    with context.database.reading() as connection:
        stats = report.read(
            connection,
            context.counter,
            query.days,
            context.settings.hookonce_command_watermark,
            answer_limit=sources.answer_seconds,
        )
    if stats.circuit_breaker_watermark_hit:
        _warn(context, stats.wpp_command_count)
    shown = {
        "deliveries": serializers.deliveries(stats.deliveries),
        "breakers": [serializers.breaker(row) for row in stats.breakers],
        "answer_times": [asdict(each) for each in stats.answer_times],
    }
    return cast(Stats, stats.values() | shown)


def _warn(context: ApiContext, message_count: int) -> None:
    """Log that more chat messages came than the watermark allows, at most once a minute."""
    if time.monotonic() < context.next_warning_at:
        return
    context.next_warning_at = time.monotonic() + WARN_SECONDS
    log.event(
        logger,
        logging.WARNING,
        "watermark_hit",
        wpp_command_count=message_count,
        watermark=context.settings.hookonce_command_watermark,
    )
