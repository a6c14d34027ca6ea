"""Compare two JSON payloads member by member, bounded in number and length. Pure."""

import json
from collections.abc import Iterator
from itertools import islice
from typing import Any, NamedTuple

LISTED = 200
"""Differences that are listed; more are counted up to COUNTED."""
COUNTED = 2_000
DEEPEST = 60
"""Levels that are compared; deeper values are compared as a whole."""
LONGEST_VALUE = 2_000
"""Characters of a value in a difference."""
_ABSENT = object()


class PayloadDifference(NamedTuple):
    """A place where two payloads differ; a value that does not exist is None."""

    path: str
    change: str
    """`added`, `removed` or `changed`."""
    stored: Any
    received: Any


def differences(stored: Any, received: Any) -> tuple[list[PayloadDifference], int]:
    """Return the first LISTED differences, and the number of those beyond them."""
    every = _compared(stored, received, "$", DEEPEST)
    listed = list(islice(every, LISTED))
    return listed, sum(1 for _ in islice(every, COUNTED))


def _compared(stored: Any, received: Any, path: str, depth: int) -> Iterator[PayloadDifference]:
    if depth and isinstance(stored, dict) and isinstance(received, dict):
        for name in dict.fromkeys((*stored, *received)):
            sides = (stored.get(name, _ABSENT), received.get(name, _ABSENT))
            yield from _member(*sides, f"{path}.{name[:100]}", depth)
    elif depth and isinstance(stored, list) and isinstance(received, list):
        for number in range(max(len(stored), len(received))):
            sides = (_item(stored, number), _item(received, number))
            yield from _member(*sides, f"{path}[{number}]", depth)
    elif type(stored) is not type(received) or stored != received:
        yield PayloadDifference(path[:1_000], "changed", _short(stored), _short(received))


def _member(stored: Any, received: Any, path: str, depth: int) -> Iterator[PayloadDifference]:
    if stored is _ABSENT:
        yield PayloadDifference(path[:1_000], "added", None, _short(received))
    elif received is _ABSENT:
        yield PayloadDifference(path[:1_000], "removed", _short(stored), None)
    else:
        yield from _compared(stored, received, path, depth - 1)


def _item(items: list[Any], number: int) -> Any:
    return items[number] if number < len(items) else _ABSENT


def _short(value: Any) -> Any:
    """Return the value; of a long one its beginning as text."""
    text = json.dumps(value, ensure_ascii=False)
    if len(text) <= LONGEST_VALUE:
        return value
    return text[:LONGEST_VALUE] + "…"
