"""The chart of the overview counts each delivery once and draws no bar outside its area."""

from datetime import UTC, datetime, timedelta

import pytest

from app import clock
from app.stats import outcomes
from app.web.api.schemas.statistics import DeliveryCount
from app.web.pages import chart

NOW = datetime(2026, 3, 5, 9, 30, tzinfo=UTC)


def delivered(hours_ago: float, outcome: str, number: int) -> DeliveryCount:
    hour = (NOW - timedelta(hours=hours_ago)).replace(minute=0)
    return {"hour": clock.text(hour), "outcome": outcome, "number": number}


def test_every_outcome_but_filtered_and_a_handshake_has_a_colour() -> None:
    kinds = {outcome: chart.kind_of(outcome) for outcome in outcomes.ALL}

    assert {name for name, kind in kinds.items() if kind is None} == {"filtered", "handshake"}
    assert set(kinds.values()) - {None} == set(chart.KINDS)
    assert kinds["mismatch"] == kinds["duplicate_race"] == "duplicate"


@pytest.mark.parametrize(
    ("days", "bars", "first", "last"),
    [
        (1, 24, "04 Mar, 10:00", "05 Mar, 09:00"),
        (7, 168, "26 Feb, 10:00", "05 Mar, 09:00"),
        (30, 30, "04 Feb", "05 Mar"),
    ],
)
def test_the_last_bar_is_now_and_there_is_one_for_each_hour_or_day(
    days: int, bars: int, first: str, last: str
) -> None:
    made = chart.chart([], {}, days, NOW)

    assert (len(made.spans), made.spans[0].label, made.spans[-1].label) == (bars, first, last)
    assert made.spans[-1].summary == f"{last}: nothing"


def test_each_delivery_counts_once_in_its_hour_and_in_its_day() -> None:
    came = [
        delivered(0, "accepted", 5),
        delivered(0, "duplicate", 2),
        delivered(0, "mismatch", 1),
        delivered(3, "refused_stale", 4),
        delivered(9, "error_unavailable", 1),
        delivered(20, "accepted", 7),
        delivered(0, "handshake", 100),
    ]

    hourly, daily = chart.chart(came, {}, 1, NOW), chart.chart(came, {}, 30, NOW)

    assert hourly.spans[-1].summary == "05 Mar, 09:00: 5 accepted, 3 duplicate"
    assert daily.spans[-1].summary == "05 Mar: 5 accepted, 3 duplicate, 4 refused, 1 failed"
    assert daily.spans[-2].summary == "04 Mar: 7 accepted"
    assert hourly.totals == daily.totals
    assert sum(hourly.totals.values()) == 20


def test_a_bar_stands_on_the_axis_ends_below_the_top_and_its_least_part_can_be_seen() -> None:
    made = chart.chart(
        [delivered(0, "accepted", 9_999), delivered(0, "error_unexpected", 1)], {}, 1, NOW
    )

    bars = [segments for _span, segments in made.bars if segments]
    assert made.top == 10_000
    assert [piece.kind for piece in bars[0]] == ["accepted", "failed"]
    assert bars[0][0].y + bars[0][0].height == pytest.approx(chart.HEIGHT, abs=0.02)
    assert bars[0][1].height >= 1.5
    assert all(piece.y >= 0 and piece.x >= 0 for piece in bars[0])
    assert bars[0][0].x + bars[0][0].width <= chart.WIDTH


@pytest.mark.parametrize(
    ("most", "top"), [(0, 1), (1, 1), (2, 2), (3, 5), (7, 10), (11, 20), (21, 50), (501, 1_000)]
)
def test_the_axis_ends_at_a_round_number(most: int, top: int) -> None:
    came = [delivered(0, "accepted", most)] if most else []

    assert chart.chart(came, {}, 1, NOW).top == top


def test_failed_executions_are_a_line_of_their_own_on_the_same_axis() -> None:
    hours = {NOW.replace(minute=0) - timedelta(hours=back): back * 10 for back in (1, 2)}

    hourly = chart.chart([delivered(1, "accepted", 5)], hours, 1, NOW)
    daily = chart.chart([], hours, 30, NOW)

    points = [tuple(map(float, each.split(","))) for each in hourly.failed_line.split()]
    assert (hourly.failed_executions, daily.failed_executions) == (30, 30)
    assert hourly.top == 20
    assert len(points) == 24
    assert min(points, key=lambda point: point[1])[0] == points[-3][0]
    assert all(0 <= y <= chart.HEIGHT and 0 <= x <= chart.WIDTH for x, y in points)
    assert hourly.spans[-2].summary == "05 Mar, 08:00: 5 accepted, 10 failed executions"
    assert daily.spans[-1].failed_executions == 30


def test_without_a_failure_there_is_no_line() -> None:
    assert chart.chart([delivered(0, "accepted", 1)], {}, 1, NOW).failed_line == ""


def test_the_time_axis_has_labels_from_the_first_to_the_last_span() -> None:
    for days in (1, 7, 30):
        made = chart.chart([], {}, days, NOW)

        assert len(made.ticks) == chart.TICKS
        assert (made.ticks[0][1], made.ticks[-1][1]) == (made.spans[0].label, made.spans[-1].label)
        assert [at for at, _ in made.ticks] == sorted(at for at, _ in made.ticks)
