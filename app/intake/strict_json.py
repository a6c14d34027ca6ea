"""Parse JSON as RFC 8259 defines it and no further, so that every later parser accepts it."""

import json
import math
from typing import Never

from app.errors import Unreadable
from app.intake.message import Json

DEPTH_LIMIT = 100
"""Levels of nesting. No real payload has as many, and many parsers fail a little further on."""


def loads(text: bytes | str) -> Json:
    """Return the parsed text; raise Unreadable if it is not JSON, or nests too deep."""
    try:
        decoded = _decode(text)
        parsed = _DECODER.decode(decoded)
    except RecursionError as error:
        raise Unreadable(f"the JSON nests deeper than {DEPTH_LIMIT} levels") from error
    except ValueError as error:
        raise Unreadable(f"the body is not JSON: {error}") from error
    if decoded.count("{") + decoded.count("[") > DEPTH_LIMIT:
        _limit_depth(parsed)
    return parsed


def _decode(text: bytes | str) -> str:
    """Decode bytes as `json.loads` does: in the encoding they show, without a byte order mark."""
    if isinstance(text, str):
        return text
    return text.decode(json.detect_encoding(text), "surrogatepass")


def _refuse_constant(name: str) -> Never:
    raise ValueError(f"{name} is not JSON")


def _finite(digits: str) -> float:
    """Return the number; raise ValueError if Python reads it as infinity, which is not JSON."""
    number = float(digits)
    if math.isinf(number):
        raise ValueError("a number is too large")
    return number


_DECODER = json.JSONDecoder(parse_constant=_refuse_constant, parse_float=_finite)


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
