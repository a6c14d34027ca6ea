"""A time from outside is parsed if it is valid, and is None otherwise."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from app import clock

NOON = datetime(2024, 2, 29, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    "found",
    [
        "2024-02-29 12:00:00.000000",
        "2024-02-29 12:00:00",
        "2024-02-29 12:00",
        "2024-02-29T12:00:00Z",
        " 2024-02-29T12:00:00.000Z\n",
        "2024-02-29T14:00:00+02:00",
        "2024-02-29 09:00:00-03",
        "20240229T120000Z",
        datetime(2024, 2, 29, 12),  # noqa: DTZ001, a driver gives it without a zone
        datetime(2024, 2, 29, 14, tzinfo=timezone(timedelta(hours=2))),
    ],
    ids=str,
)
def test_every_iso_form_is_the_same_moment(found: object) -> None:
    assert clock.moment(found) == NOON


@pytest.mark.parametrize("found", ["2024-02-29", date(2024, 2, 29)], ids=repr)
def test_a_day_begins_at_midnight(found: object) -> None:
    assert clock.moment(found) == datetime(2024, 2, 29, tzinfo=UTC)


@pytest.mark.parametrize(
    "found",
    [
        "",
        " ",
        "garbage",
        "2024-02-30",
        "2024-02-29 25:00:00",
        "infinity",
        "0044-03-15 00:00:00 BC",
        "0001-01-01T00:00:00+02:00",
        "9999-12-31T23:59:59-02:00",
        1709208000,
        1.5,
        True,
        b"2024-02-29",
    ],
    ids=repr,
)
def test_what_is_no_moment_is_none(found: object) -> None:
    assert clock.moment(found) is None
