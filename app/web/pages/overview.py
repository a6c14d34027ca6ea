"""/: counters, deliveries, dead letters, circuit breakers and response times at a glance."""

from dataclasses import dataclass
from typing import Annotated, Any

from app import clock
from app.auth import VIEWER
from app.web.api import queue, stats
from app.web.api.schemas.statistics import StatsAsked
from app.web.pages.chart import chart
from app.web.pages.page_request import HtmlPage, PageRequest, PageResponse
from app.web.pages.registry import Pages
from app.web.validation import Constraints

PAGES = Pages()
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
        "chart": chart(statistics["deliveries"], days, clock.now()),
        "answer_times": statistics.get("answer_times") or [],
        "fleet": queue.list_workers(request.context),
        "pause": queue.pause_of_all(request.context)["paused"],
    }
    return HtmlPage("overview.html", values)
