"""Deliveries and failed executions per hour or day, as a chart with axes and as a table. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from app import clock
from app.stats import outcomes
from app.web.api.schemas.statistics import DeliveryCount
from app.web.pages import filters

KINDS = ("accepted", "duplicate", "refused", "failed")
"""Outcome groups of deliveries, from the bottom of a bar to its top."""
TICKS = 5
"""Labels of the time axis."""
WIDTH, HEIGHT = 960, 180
HOURLY_UP_TO_DAYS = 7


@dataclass(frozen=True, slots=True)
class Segment:
    """The part of a bar that stands for one outcome group, in the units of the chart."""

    kind: str
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Span:
    """Deliveries of one hour, or of one day in a chart of more than a week."""

    label: str
    counts: Mapping[str, int]
    failed_executions: int = 0

    @property
    def total(self) -> int:
        return sum(self.counts.values())

    @property
    def summary(self) -> str:
        """The counts as text, for the tooltip of the bar."""
        parts = [
            f"{filters.number(self.counts[kind])} {kind}" for kind in KINDS if self.counts[kind]
        ]
        if self.failed_executions:
            parts.append(f"{filters.number(self.failed_executions)} failed executions")
        return f"{self.label}: {', '.join(parts) or 'nothing'}"


@dataclass(frozen=True, slots=True)
class Chart:
    """All spans with their bars, the axis labels and the totals."""

    spans: list[Span]
    bars: list[tuple[Span, list[Segment]]]
    top: int
    """Value of the top line."""
    totals: Mapping[str, int]
    unit: str
    failed_line: str
    """Points of the line of failed executions, as SVG writes them; empty without any."""
    failed_executions: int
    ticks: list[tuple[float, str]]
    """Labels of the time axis, each with its place."""
    width: int = WIDTH
    height: int = HEIGHT


def kind_of(outcome: str) -> str | None:
    """Return the outcome group of a delivery; None if it has none, such as a handshake."""
    if outcome == outcomes.ACCEPTED:
        return "accepted"
    if outcome in outcomes.REPEATED:
        return "duplicate"
    if outcome.startswith("refused_"):
        return "refused"
    return "failed" if outcome.startswith("error_") else None


def chart(
    deliveries: Iterable[DeliveryCount],
    failed: Mapping[datetime, int],
    days: int,
    now: datetime,
) -> Chart:
    """Return the chart of the last `days` days until now; `failed`: executions by hour."""
    hourly = days <= HOURLY_UP_TO_DAYS
    spans = _spans(_counted(deliveries, hourly), _summed(failed, hourly), days, now)
    top = _round_up(max(max(span.total, span.failed_executions) for span in spans))
    return Chart(
        spans=spans,
        bars=[(span, _segments(index, span, len(spans), top)) for index, span in enumerate(spans)],
        top=top,
        totals={kind: sum(span.counts[kind] for span in spans) for kind in KINDS},
        unit="hour" if hourly else "day",
        failed_line=_line(spans, top),
        failed_executions=sum(span.failed_executions for span in spans),
        ticks=_ticks(spans),
    )


def _spans(
    counted: Mapping[datetime, Mapping[str, int]],
    failed: Mapping[datetime, int],
    days: int,
    now: datetime,
) -> list[Span]:
    hourly = days <= HOURLY_UP_TO_DAYS
    step = timedelta(hours=1) if hourly else timedelta(days=1)
    last = _begin(now, hourly)
    begins = [last - step * back for back in reversed(range(days * 24 if hourly else days))]
    return [
        Span(_label(begin, hourly), counted.get(begin, _none()), failed.get(begin, 0))
        for begin in begins
    ]


def _summed(failed: Mapping[datetime, int], hourly: bool) -> dict[datetime, int]:
    summed: dict[datetime, int] = {}
    for hour, number in failed.items():
        begin = _begin(hour, hourly)
        summed[begin] = summed.get(begin, 0) + number
    return summed


def _line(spans: list[Span], top: int) -> str:
    """Return the points of the line through the middle of each span; empty without failures."""
    if not any(span.failed_executions for span in spans):
        return ""
    slot = WIDTH / len(spans)
    points = (
        (slot * (index + 0.5), HEIGHT - (HEIGHT - 2) * span.failed_executions / top - 1)
        for index, span in enumerate(spans)
    )
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in points)


def _ticks(spans: list[Span]) -> list[tuple[float, str]]:
    """Return the labels of the time axis, evenly spaced, with the middle of their spans."""
    slot, last = WIDTH / len(spans), len(spans) - 1
    indexes = [round(last * number / (TICKS - 1)) for number in range(TICKS)]
    return [(round(slot * (index + 0.5), 1), spans[index].label) for index in indexes]


def _counted(deliveries: Iterable[DeliveryCount], hourly: bool) -> dict[datetime, dict[str, int]]:
    counted: dict[datetime, dict[str, int]] = {}
    listed = list(deliveries)
    hours = {text: clock.moment(text) for text in {each["hour"] for each in listed}}
    begins = {text: _begin(hour, hourly) for text, hour in hours.items() if hour is not None}
    for each in listed:
        kind, begin = kind_of(each["outcome"]), begins.get(each["hour"])
        if kind is not None and begin is not None:
            counted.setdefault(begin, _none())[kind] += each["number"]
    return counted


def _segments(index: int, span: Span, count: int, top: int) -> list[Segment]:
    slot = WIDTH / count
    gap = min(3.0, slot * 0.2)
    segments, y = [], float(HEIGHT)
    for kind in KINDS:
        if span.counts[kind]:
            height = max(1.5, HEIGHT * span.counts[kind] / top)
            y = max(0.0, y - height)
            x = round(index * slot + gap / 2, 2)
            segments.append(Segment(kind, x, round(y, 2), round(slot - gap, 2), round(height, 2)))
    return segments


def _begin(moment: datetime, hourly: bool) -> datetime:
    hour = moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    return hour if hourly else hour.replace(hour=0)


def _label(begin: datetime, hourly: bool) -> str:
    return begin.strftime("%d %b, %H:00" if hourly else "%d %b")


def _none() -> dict[str, int]:
    return dict.fromkeys(KINDS, 0)


def _round_up(number: int) -> int:
    """Return the next 1, 2 or 5 times a power of ten, a round number for the axis."""
    size = 1
    while True:
        for factor in (1, 2, 5):
            if number <= factor * size:
                return factor * size
        size *= 10
