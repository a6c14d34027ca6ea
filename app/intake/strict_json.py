"""JSON as RFC 8259 has it and no further: one verdict, whatever parser or database comes next."""

import json
import math
from typing import Never

from app.errors import Unreadable
from app.intake.message import Json

DEPTH_LIMIT = 100
"""Nothing real nests this deep, and parsers of many languages fail a little further on."""


def loads(text: bytes | str) -> Json:
    """What the text says; Unreadable if it is not JSON, or nests too deep."""
    try:
        read = _text(text)
        parsed = _DECODER.decode(read)
    except RecursionError as error:
        raise Unreadable(f"the JSON nests deeper than {DEPTH_LIMIT} levels") from error
    except ValueError as error:
        raise Unreadable(f"the body is not JSON: {error}") from error
    if read.count("{") + read.count("[") > DEPTH_LIMIT:
        _limit_depth(parsed)
    return parsed


def _text(text: bytes | str) -> str:
    """As `json.loads` reads bytes: by the encoding that they show, and without their mark."""
    if isinstance(text, str):
        return text
    return text.decode(json.detect_encoding(text), "surrogatepass")


def _refuse_constant(name: str) -> Never:
    raise ValueError(f"{name} is not JSON")


def _finite(digits: str) -> float:
    """Python reads a number beyond all bounds as infinity, which JSON cannot say again."""
    number = float(digits)
    if math.isinf(number):
        raise ValueError("a number lies beyond all bounds")
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
    inside = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    return [child for child in inside if isinstance(child, dict | list)]
