"""Read stored or typed JSON that may be none: the text's value, or a default instead of an error.

Rows that an older system wrote, and what people type, may hold any text. The strict reader of
requests is app/intake/strict_json.py. Pure.
"""

import json
import math
from typing import Any, Never


def json_value(text: str | None, default: Any = None) -> Any:
    """Return the value that the text holds in JSON; `default` if it is no JSON.

    No JSON is also: None, an integer of more than 4,300 digits, nesting beyond Python's stack.
    NaN and Infinity are read as Python's parser reads them.
    """
    try:
        return json.loads(text)  # type: ignore[arg-type]
    except (TypeError, ValueError, RecursionError):
        return default


def json_object(text: str | None) -> dict[str, Any] | None:
    """Return the object that the text holds in JSON; None if it holds none."""
    value = json_value(text)
    return value if isinstance(value, dict) else None


def portable_json(text: str | None) -> Any:
    """Return the value that the text holds in JSON, or the text itself where it holds none.

    NaN and Infinity, which Python reads and writes, are none: no other program would read them.
    """
    try:
        return _PORTABLE.decode(text)  # type: ignore[arg-type]
    except (TypeError, ValueError, RecursionError):
        return text


def _refused(constant: str) -> Never:
    raise ValueError(f"{constant} is no JSON")


def _finite(digits: str) -> float:
    number = float(digits)
    return number if math.isfinite(number) else _refused(digits)


_PORTABLE = json.JSONDecoder(parse_constant=_refused, parse_float=_finite)
