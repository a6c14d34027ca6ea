"""A time is an age, a time of day in the machine's zone, or ISO 8601."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import click
import pytest

from app import clock
from app.cli.time_param import TimeParam

NOW = datetime(2026, 3, 5, 12, 30, tzinfo=UTC)


@pytest.fixture(autouse=True)
def in_new_york(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The machine is five hours behind UTC: it is 07:30 there."""
    monkeypatch.setattr(clock, "now", lambda: NOW)
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2h", NOW - timedelta(hours=2)),
        ("07:00", datetime(2026, 3, 5, 12, 0, tzinfo=UTC)),
        ("7:30", NOW),
        ("7:30:00", NOW),
        ("07:30:01", datetime(2026, 3, 4, 12, 30, 1, tzinfo=UTC)),
        ("14:00", datetime(2026, 3, 4, 19, 0, tzinfo=UTC)),
        ("2026-03-05T09:30", datetime(2026, 3, 5, 9, 30, tzinfo=UTC)),
        ("2026-03-05T09:30+01:00", datetime(2026, 3, 5, 8, 30, tzinfo=UTC)),
    ],
)
def test_a_time_is_read_from(text: str, expected: datetime) -> None:
    assert TimeParam().convert(text, None, None) == expected


@pytest.mark.parametrize(
    ("zone", "now", "begins", "ends"),
    [
        ("Europe/Berlin", "2026-10-25T02:10", "2026-10-25T00:30", "2026-10-25T01:30"),
        ("Europe/Berlin", "2026-03-29T01:40", "2026-03-29T00:30", "2026-03-29T01:30"),
        ("Europe/Berlin", "2026-03-29T01:10", "2026-03-29T00:30", "2026-03-29T01:30"),
        ("Europe/Berlin", "2026-10-25T00:40", "2026-10-25T00:30", "2026-10-25T01:30"),
        ("America/New_York", "2026-11-01T08:00", "2026-11-01T07:30", "2026-11-01T07:30"),
    ],
)
def test_a_time_of_day_that_occurs_twice_or_never_cuts_nothing_off(
    monkeypatch: pytest.MonkeyPatch, zone: str, now: str, begins: str, ends: str
) -> None:
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    monkeypatch.setattr(clock, "now", lambda: datetime.fromisoformat(now + "Z"))

    since, until = (
        TimeParam().convert("02:30", click.Option([name]), click.Context(click.Command("x")))
        for name in ("--since", "--until")
    )

    assert [f"{each.astimezone(UTC):%Y-%m-%dT%H:%M}" for each in (since, until)] == [begins, ends]


@pytest.mark.parametrize(
    "text", ["", "soon", "24:00", "12:60", "2y", "-1h", "9999999d", "1\u0664:00"]
)
def test_anything_else_is_refused_with_examples(text: str) -> None:
    with pytest.raises(click.UsageError, match="give 2h, 3d, 14:00 or ISO 8601"):
        TimeParam().convert(text, None, None)
