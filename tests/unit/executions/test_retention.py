"""Retention follows the defaults, the trigger's own values, and the sender's retries."""

import pytest

from app.executions import retention
from app.executions.retention import DAY_SECONDS, Retention, RetentionDefaults
from app.intake import sources
from app.lifecycle import COMPLETED, DEAD, FAILED, FINISHED, REPLAYED, UNFINISHED
from app.settings import Settings

LIFETIMES = Retention(payload_seconds=10, rows_seconds=20, dead_seconds=30)
KEEP = RetentionDefaults(payload_seconds=10, rows_seconds=20, dead_seconds=30)


@pytest.mark.parametrize(
    ("status", "seconds", "payload_gone", "row_gone"),
    [
        (COMPLETED, 10, False, False),
        (COMPLETED, 10.1, True, False),
        (COMPLETED, 20, True, False),
        (COMPLETED, 20.1, True, True),
        (REPLAYED, 20.1, True, True),
        (FAILED, 30, False, False),
        (FAILED, 30.1, True, True),
    ],
)
def test_a_payload_goes_before_its_row_and_a_dead_letter_waits_whole(
    status: str, seconds: float, payload_gone: bool, row_gone: bool
) -> None:
    assert LIFETIMES.payload_expired(status, seconds) is payload_gone
    assert LIFETIMES.row_expired(status, seconds) is row_gone


@pytest.mark.parametrize("status", UNFINISHED)
def test_what_has_not_finished_is_kept_whatever_its_age(status: str) -> None:
    assert not LIFETIMES.row_expired(status, 1e12)
    assert not LIFETIMES.payload_expired(status, 1e12)


@pytest.mark.parametrize("status", FINISHED)
def test_what_has_no_known_age_is_kept(status: str) -> None:
    assert not LIFETIMES.row_expired(status, None)
    assert not LIFETIMES.payload_expired(status, None)


@pytest.mark.parametrize("name", sources.names())
def test_a_key_outlives_the_last_retry_of_every_source_by_default(name: str) -> None:
    retry_seconds = sources.named(name).facts.retry_seconds

    lifetimes = RetentionDefaults(0, 0, 0).of(retry_seconds)

    assert lifetimes.rows_seconds >= retention.needed_seconds(retry_seconds)
    assert not lifetimes.row_expired(COMPLETED, retry_seconds or 0)


def test_what_a_trigger_says_itself_holds_however_short() -> None:
    lifetimes = KEEP.of(DAY_SECONDS, keep_payload_seconds=1, keep_rows_seconds=2)

    assert lifetimes == Retention(payload_seconds=1, rows_seconds=2, dead_seconds=30)


def test_a_dead_letter_is_kept_at_least_as_long_as_what_went_well() -> None:
    assert KEEP.of(None, keep_rows_seconds=100).dead_seconds == 100


def test_a_window_shorter_than_the_retries_is_warned_of_with_both_numbers() -> None:
    warning = retention.warning("stripe", 3 * DAY_SECONDS, DAY_SECONDS)

    assert warning is not None
    assert "stripe retries for up to 3 day(s)" in warning
    assert "kept for 1 " in warning


@pytest.mark.parametrize(
    ("retry_seconds", "keep_rows_seconds"),
    [(None, 1.0), (DAY_SECONDS, None), (DAY_SECONDS, 2 * DAY_SECONDS)],
)
def test_a_window_that_is_long_enough_or_by_default_is_not_warned_of(
    retry_seconds: float | None, keep_rows_seconds: float | None
) -> None:
    assert retention.warning("any", retry_seconds, keep_rows_seconds) is None


def test_the_settings_speak_of_days() -> None:
    keep = retention.of_settings(Settings())

    assert keep == RetentionDefaults(14 * DAY_SECONDS, 30 * DAY_SECONDS, 90 * DAY_SECONDS)
    assert set(DEAD) < set(FINISHED)
