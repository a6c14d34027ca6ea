"""Turn the values of a row into the one form that both databases can store, and refuse the rest.

Whole numbers and truth values are `int`, times are text in UTC with microseconds.
"""

import hashlib
import marshal
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa

from app import clock

TIME_LENGTH = len("2026-01-31 23:59:59.000000")
MASK = (1 << 128) - 1
"""Bits of the sum of the digests of rows."""
_TIME_FORMAT = "%Y-%m-%d %H:%M:%S.%f"
WHOLE_NUMBER_BITS: dict[type[sa.types.TypeEngine[Any]], int] = {
    sa.SmallInteger: 15,
    sa.BigInteger: 63,
}

Convert = Callable[[Any], Any]
"""Function from a stored value to its common form; it raises UnfitValue."""


class UnfitValue(Exception):
    """A value that the target cannot store as it is."""

    def __init__(self, problem: str, remedy: str = "NULL") -> None:
        super().__init__(problem)
        self.problem = problem
        self.remedy = remedy
        """SQL expression of a value that fits, with {0} for the column."""


class InvalidText(bytes):
    """Bytes that SQLite stores as text although they are not UTF-8."""


def decoded(value: bytes) -> str | InvalidText:
    """Return the text, or its bytes marked as invalid; for `text_factory` of SQLite."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return InvalidText(value)


def decoded_with_replacement(value: bytes) -> str:
    """Return the text as Hookonce reads it: U+FFFD in place of invalid bytes and of NUL."""
    return value.decode("utf-8", "replace").replace("\0", "\ufffd")


def converter(kind: sa.types.TypeEngine[Any], *, nullable: bool, default: str) -> Convert | None:
    """Return the function for a column of this type in the target; None for an unknown type."""
    convert = _of_type(kind)
    if convert is None:
        return None

    def checked(value: Any) -> Any:
        if value is not None:
            return convert(value)
        if nullable:
            return None
        raise UnfitValue("NULL, and the target requires a value", default)

    return checked


def digest(row: tuple[Any, ...]) -> int:
    """Return the digest of a row in its common form, as a number of 128 bits."""
    # version 2 writes equal values as equal bytes, later versions also how objects are shared
    written = marshal.dumps(row, 2)
    return int.from_bytes(hashlib.blake2b(written, digest_size=16).digest(), "big")


def _of_type(kind: sa.types.TypeEngine[Any]) -> Convert | None:
    if isinstance(kind, sa.Boolean):
        return _truth
    if isinstance(kind, sa.Integer):
        return _whole_number(
            next((b for k, b in WHOLE_NUMBER_BITS.items() if isinstance(kind, k)), 31)
        )
    if isinstance(kind, sa.Float):
        return _number
    if isinstance(kind, sa.DateTime):
        return _time
    if isinstance(kind, sa.String) and not isinstance(kind, sa.Enum):
        return _text(kind.length)
    return _bytes if isinstance(kind, sa.LargeBinary | sa.types._Binary) else None


def _truth(value: Any) -> int:
    if type(value) is int and value in (0, 1):
        return value
    is_true = str(value).strip().lower() in ("true", "t", "yes", "y", "on") or value == 1
    raise UnfitValue(f"{_shown(value)} in place of 0 or 1", "1" if is_true else "0")


def _whole_number(bits: int) -> Convert:
    most = (1 << bits) - 1

    def convert(value: Any) -> int:
        if type(value) is not int:
            raise UnfitValue(f"{_shown(value)} in place of a whole number", "CAST({0} AS INTEGER)")
        if not -most - 1 <= value <= most:
            raise UnfitValue(f"{value}, which is more than {bits + 1} bits hold", str(most))
        return value

    return convert


def _number(value: Any) -> float:
    if isinstance(value, int | float) and value == value and float(value) == value:
        return float(value)
    problem = "NaN" if value != value else f"{_shown(value)} in place of a number"
    raise UnfitValue(problem, "NULL" if value != value else "CAST({0} AS REAL)")


def _text(limit: int | None) -> Convert:
    def convert(value: Any) -> str:
        if type(value) is not str:
            raise _no_text(value)
        if "\0" in value:
            raise UnfitValue(f"text with a NUL character: {_shown(value)}", "")
        if limit is not None and len(value) > limit:
            problem = f"text of {len(value)} characters, where the target has room for {limit}"
            raise UnfitValue(problem, f"substr({{0}}, 1, {limit})")
        return value

    return convert


def _no_text(value: Any) -> UnfitValue:
    if isinstance(value, InvalidText):
        return UnfitValue(f"text that is not UTF-8: {bytes(value[:40])!r}", "")
    return UnfitValue(f"{_shown(value)} in place of text", "CAST({0} AS TEXT)")


def _bytes(value: Any) -> bytes:
    if isinstance(value, bytes) and not isinstance(value, InvalidText):
        return value
    raise UnfitValue(f"{_shown(value)} in place of bytes", "CAST({0} AS BLOB)")


def _time(value: Any) -> str:
    """Return the time in its common form, if the service would read it as the same time."""
    moment = clock.moment(value) if isinstance(value, str) and "\0" not in value else None
    if moment is None:
        raise UnfitValue(f"{_shown(value)} in place of a time")
    if len(value) == TIME_LENGTH and value[10] == " " and value[20:].isdigit():
        return str(value)
    text = moment.strftime(_TIME_FORMAT)
    return text.zfill(TIME_LENGTH)  # Linux writes the year 999 with three digits


def _shown(value: Any) -> str:
    return repr(value)[:60]
