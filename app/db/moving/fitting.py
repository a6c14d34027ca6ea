"""Test whole columns of a batch for values that are in their common form already.

Nearly all values are. A function of Python for each value took more time than the databases did.
"""

import re
from collections.abc import Callable, Sequence
from itertools import repeat
from operator import contains
from typing import Any

import sqlalchemy as sa

from app.db.moving.values import WHOLE_NUMBER_BITS

Fits = Callable[[Sequence[Any]], bool]
"""Function that returns True if `values.converter` would return each value as it is."""

_DATE = (
    r"(?!0000)[0-9]{4}-(?:(?:0[1-9]|1[0-2])-(?:0[1-9]|1[0-9]|2[0-8])"
    r"|(?:0[13-9]|1[0-2])-(?:29|30)|(?:0[13578]|1[02])-31)"
)
_TIME = re.compile(rf"{_DATE} (?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]\.[0-9]{{6}}")
"""A time in its common form, without 29 February, whose year has to be looked at."""
_NONE = type(None)


def test_of(kind: sa.types.TypeEngine[Any], *, nullable: bool) -> Fits:
    """Return the test for the values of a column of this type in the target."""
    expected, is_fit = _of_type(kind)

    def fits(values: Sequence[Any]) -> bool:
        types = set(map(type, values))
        if _NONE in types:
            if not nullable:
                return False
            types.discard(_NONE)
            values = [value for value in values if value is not None]
        return not values or (types == {expected} and is_fit(values))

    return fits


def _of_type(kind: sa.types.TypeEngine[Any]) -> tuple[type, Fits]:
    if isinstance(kind, sa.Boolean):
        return int, lambda values: set(values) <= {0, 1}
    if isinstance(kind, sa.Integer):
        bits = next((b for k, b in WHOLE_NUMBER_BITS.items() if isinstance(kind, k)), 31)
        most = (1 << bits) - 1
        return int, lambda values: -most - 1 <= min(values) and max(values) <= most
    if isinstance(kind, sa.Float):
        return float, lambda values: all(value == value for value in values)
    if isinstance(kind, sa.DateTime):
        return str, lambda values: all(map(_TIME.fullmatch, values))
    if isinstance(kind, sa.String):
        return str, _text(kind.length)
    return bytes, lambda _values: True


def _text(limit: int | None) -> Fits:
    def fits(values: Sequence[Any]) -> bool:
        if limit is not None and max(map(len, values)) > limit:
            return False
        return not any(map(contains, values, repeat("\0")))

    return fits
