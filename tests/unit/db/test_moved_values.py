"""A column that passes as it is has only values that its converter would return as they are."""

import math
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from app.db.moving import session
from app.db.moving.fitting import test_of as fits_of
from app.db.moving.values import InvalidText, UnfitValue, converter

TYPES = (
    sa.Boolean(),
    sa.SmallInteger(),
    sa.Integer(),
    sa.BigInteger(),
    sa.Float(),
    sa.DateTime(),
    sa.String(5),
    sa.Text(),
    sa.LargeBinary(),
)
ODD: list[Any] = [
    *(
        None,
        True,
        False,
        0,
        1,
        2,
        -1,
        1.0,
        0.5,
        math.nan,
        math.inf,
        "1",
        "true",
        "",
        "a\0b",
        "abcdef",
    ),
    *(b"", b"a", InvalidText(b"\xff"), 1 << 15, (1 << 15) - 1, 1 << 31, -(1 << 31), 1 << 63),
    *("2026-01-31 23:59:59.000000", "2026-02-29 00:00:00.000000", "2024-02-29 00:00:00.000000"),
    *("2026-02-30 00:00:00.000000", "2026-04-31 00:00:00.000000", "2026-04-30 00:00:00.000000"),
    *("0000-01-01 00:00:00.000000", "2026-13-01 00:00:00.000000", "2026-01-31T23:59:59.000000"),
    *("2026-01-31 24:00:00.000000", "2026-W05-1 10:00:00.123456", "2026-01-31 23:59:59"),
    *("٢٠٢٦-01-31 23:59:59.000000", "2026-01-31 23:59:59.000000\n", "2026-01-31 23:59:59.00000Z"),
]


@pytest.mark.parametrize("kind", TYPES, ids=lambda kind: type(kind).__name__)
@given(values=st.lists(st.sampled_from(ODD) | st.dates().map(lambda d: f"{d} 00:00:00.000000")))
def test_what_passes_as_it_is_would_not_be_converted(
    kind: sa.types.TypeEngine[Any], values: list[Any]
) -> None:
    for nullable in (False, True):
        convert = converter(kind, nullable=nullable, default="0")
        assert convert is not None
        if fits_of(kind, nullable=nullable)(values):
            converted = list(map(convert, values))
            assert list(map(repr, converted)) == list(map(repr, values))


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (sa.Boolean(), [0, 1]),
        (sa.Integer(), [-5, 2**31 - 1]),
        (sa.Float(), [0.5, math.inf]),
        (sa.DateTime(), ["2026-01-31 23:59:59.000000", "1999-12-30 00:00:00.123456"]),
        (sa.String(5), ["abcde", ""]),
        (sa.LargeBinary(), [b"\0"]),
    ],
    ids=lambda value: type(value).__name__,
)
def test_usual_values_pass_as_they_are(kind: sa.types.TypeEngine[Any], values: list[Any]) -> None:
    """Or a move takes twice as long."""
    assert fits_of(kind, nullable=False)(values)
    assert fits_of(kind, nullable=True)([*values, None])
    assert not fits_of(kind, nullable=False)([*values, None])


@pytest.mark.parametrize("kind", TYPES, ids=lambda kind: type(kind).__name__)
def test_a_value_that_does_not_fit_never_passes(kind: sa.types.TypeEngine[Any]) -> None:
    convert = converter(kind, nullable=True, default="0")
    assert convert is not None
    for value in ODD:
        try:
            convert(value)
        except UnfitValue:
            assert not fits_of(kind, nullable=True)([value]), value


def test_large_rows_are_fetched_few_at_a_time() -> None:
    large, most = session.FETCHED_BYTES // 2 + 1, session.FETCHED_BYTES

    assert list(session._counts([(1,)] * 9)) == [9]
    assert list(session._counts([(1,), (large,), (large,), (9 * most,), (1,)])) == [2, 1, 1, 1]
