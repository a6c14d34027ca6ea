"""A duration in a form is what was stored, and what a person means by it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.web.pages import duration_field


@pytest.mark.parametrize(
    ("entered", "seconds"),
    [
        ("30d", 2_592_000),
        ("2w", 1_209_600),
        ("12h", 43_200),
        ("5m", 300),
        ("90s", 90),
        ("90", 90),
        ("1.5h", 5_400),
        ("0.1s", 0.1),
        (" 30 D ", 2_592_000),
        ("0", 0),
    ],
)
def test_a_number_with_a_unit_is_read(entered: str, seconds: float) -> None:
    assert duration_field.seconds(entered) == seconds


@pytest.mark.parametrize(
    "entered", ["", "d", "-1d", "nan", "inf", "1e9", "1y", "1d2h", "٣d", "1,5h", "1" * 11, "1d\n1"]
)
def test_any_other_text_is_no_duration(entered: str) -> None:
    assert duration_field.seconds(entered) is None


@given(st.one_of(st.integers(0, 3_153_600_000), st.floats(0.001, 1e6).map(lambda x: round(x, 6))))
def test_what_is_shown_is_read_as_the_same_number(seconds: float) -> None:
    assert duration_field.seconds(duration_field.text(seconds)) == seconds


def test_a_whole_number_of_days_hours_or_minutes_is_shown_as_such() -> None:
    shown = [duration_field.text(each) for each in (2_592_000, 3_600, 300, 90, 0.5, 0, None)]

    assert shown == ["30d", "1h", "5m", "90s", "0.5s", "0s", ""]
