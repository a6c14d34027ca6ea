"""/: how the service is doing, at a glance."""

from dataclasses import dataclass
from typing import Annotated, Any

from app import clock
from app.auth import VIEWER
from app.web.api import stats
from app.web.api.schemas.statistics import StatsAsked
from app.web.pages.chart import chart
from app.web.pages.page_request import HtmlPage, PageRequest, PageResponse
from app.web.pages.registry import Pages
from app.web.validation import Constraints

PAGES = Pages()
SPANS = ((1, "24 hours"), (7, "7 days"), (30, "30 days"))


@dataclass(frozen=True, slots=True)
class OverviewQuery:
    """How far back."""

    days: Annotated[int, Constraints(least=1, most=30)] = 1


@PAGES.get("/", VIEWER)
def show(request: PageRequest) -> PageResponse:
    """Counters, the chart, what waits, what died and why, and whose breakers count failures."""
    days = request.asked(OverviewQuery).days
    seen: Any = stats.show_stats(request.context, StatsAsked(days))
    values = {
        "stats": seen,
        "days": days,
        "spans": SPANS,
        "chart": chart(seen["deliveries"], days, clock.now()),
        "answer_times": seen.get("answer_times") or [],
    }
    return HtmlPage("overview.html", values)
