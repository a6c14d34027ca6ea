"""/: counters, deliveries, dead letters, circuit breakers and response times at a glance."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any

from app import clock, masking
from app.auth import VIEWER
from app.executions import dead_letters, search
from app.lifecycle import COMPLETED, DEAD, REPLAYED
from app.stats import failures
from app.web.api import queue, stats
from app.web.api.schemas.statistics import StatsAsked
from app.web.pages import filters, headline
from app.web.pages.chart import chart
from app.web.pages.page_request import HtmlPage, PageRequest, PageResponse
from app.web.pages.registry import Pages
from app.web.validation import Constraints

PAGES = Pages()
FAILING_AT_MOST = 5
"""Triggers in the list of those with most dead letters."""
SPANS = ((1, "24 hours"), (7, "7 days"), (30, "30 days"))


@dataclass(frozen=True, slots=True)
class OverviewQuery:
    """The period that the page shows."""

    days: Annotated[int, Constraints(least=1, most=30)] = 1


@PAGES.get("/", VIEWER)
def show(request: PageRequest) -> PageResponse:
    """Show the statistics of the period and the current state of queue and circuit breakers."""
    days = request.query(OverviewQuery).days
    statistics: Any = stats.show_stats(request.context, StatsAsked(days))
    values = {
        "stats": statistics,
        "days": days,
        "spans": SPANS,
        "watermark": request.context.settings.hookonce_command_watermark,
        "chart": chart(statistics["deliveries"], _failed(request, days), days, clock.now()),
        "answer_times": statistics.get("answer_times") or [],
        "fleet": queue.list_workers(request.context),
        "pause": queue.pause_of_all(request.context)["paused"],
        "troubles": headline.troubles(request.context),
        "success_rate": _success_rate(statistics["by_status"]),
        "since": filters.hours_ago(24 * days),
    } | _triggers(request)
    return HtmlPage("overview.html", values)


def _failed(request: PageRequest, days: int) -> dict[datetime, int]:
    """Return the number of failed executions of each hour."""
    since = clock.now() - timedelta(days=days)
    with request.context.database.reading() as connection:
        return failures.by_hour(connection, request.context.counter, since)


def _triggers(request: PageRequest) -> dict[str, Any]:
    """Return if there is a trigger, and those with most dead letters."""
    with request.context.database.reading() as connection:
        return {
            "has_trigger": bool(search.every_trigger(connection, 1)),
            "failing": [
                masking.public(row)
                for row in dead_letters.newest_by_trigger(connection, FAILING_AT_MOST)
            ],
        }


def _success_rate(by_status: Mapping[str, int]) -> float | None:
    """Return the share of the finished executions that completed; None without any."""
    completed = by_status[COMPLETED]
    finished = completed + sum(by_status[status] for status in (*DEAD, REPLAYED))
    return completed / finished if finished else None
