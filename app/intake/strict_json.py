"""Parse JSON as RFC 8259 defines it and no further, so that every later parser accepts it."""

import json
import math
from typing import Any, Never

from app.errors import Unreadable
from app.intake.message import Json

DEPTH_LIMIT = 100
"""Levels of nesting. No real payload has as many, and many parsers fail a little further on."""

TOO_LARGE = "a number is too large"
_UTF_8_BEGINNINGS = (b'{"', b"{\n", b"{ ", b"[{")
"""Beginnings of most bodies, which tell their encoding by the same bytes as json looks at."""


def loads(text: bytes | str) -> Json:
    """Return the parsed text; raise Unreadable if it is not JSON, or nests too deep."""
    try:
        decoded = _decode(text)
        parsed = _parse(decoded)
    except RecursionError as error:
        raise Unreadable(f"the JSON nests deeper than {DEPTH_LIMIT} levels") from error
    except ValueError as error:
        raise Unreadable(f"the body is not JSON: {_reason(error)}") from error
    if _has_many_brackets(decoded):
        _limit_depth(parsed)
    return parsed


def _parse(text: str) -> Json:
    """Return the parsed text; most bodies have no white space around an object or a list."""
    if text.startswith(("{", "[")):
        try:
            parsed, end = _DECODER.scan_once(text, 0)
        except StopIteration:
            end = None  # a value is missing: `decode` raises the error with its place
        if end == len(text):
            return parsed
    return _DECODER.decode(text)


def _decode(text: bytes | str) -> str:
    """Decode bytes as `json.loads` does: in the encoding they show, without a byte order mark."""
    if isinstance(text, str):
        return text
    if text.startswith(_UTF_8_BEGINNINGS):
        return text.decode("utf-8", "surrogatepass")
    return text.decode(json.detect_encoding(text), "surrogatepass")


def _reason(error: ValueError) -> str:
    """Return the reason; of an integer that is too long Python gives advice to programmers."""
    return TOO_LARGE if "set_int_max_str_digits" in str(error) else str(error)


def _refuse_constant(name: str) -> Never:
    raise ValueError(f"{name} is not JSON")


def _finite(digits: str) -> float:
    """Return the number; raise ValueError if Python reads it as infinity, which is not JSON."""
    number = float(digits)
    if math.isinf(number):
        raise ValueError(TOO_LARGE)
    return number


def _has_many_brackets(text: str) -> bool:
    """Return whether more brackets open than levels may nest; `str.count` would read all text."""
    number = 0
    for bracket in "{[":
        position = text.find(bracket)
        while position >= 0:
            number += 1
            if number > DEPTH_LIMIT:
                return True
            position = text.find(bracket, position + 1)
    return False


_DECODER: Any = json.JSONDecoder(parse_constant=_refuse_constant, parse_float=_finite)


def _limit_depth(parsed: Json) -> None:
    level = [parsed]
    for _ in range(DEPTH_LIMIT):
        level = [child for node in level for child in _children(node)]
        if not level:
            return
    raise Unreadable(f"the JSON nests deeper than {DEPTH_LIMIT} levels")


def _children(node: Json) -> list[Json]:
    children = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    return [child for child in children if isinstance(child, dict | list)]
