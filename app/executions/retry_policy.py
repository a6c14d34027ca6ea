"""How often a failed execution is tried again: what a trigger may say about it. Pure."""

import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from functools import lru_cache
from typing import Any

from app import log
from app.errors import InvalidTrigger

logger = logging.getLogger("hookonce.retry_policy")


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Attempts in all, the waits between them, and how old an execution may grow, in seconds."""

    max_attempts: int = 8
    base_seconds: float = 2.0
    factor: float = 2.0
    cap_seconds: float = 3600.0
    max_age_seconds: float | None = None
    """An execution older than this is given up instead of retried; None: whatever its age."""


DEFAULT = RetryPolicy()
_A_YEAR = 31_536_000
_LIMITS: Mapping[str, tuple[float, float]] = {
    "max_attempts": (1, 1000),
    "base_seconds": (0, _A_YEAR),
    "factor": (1, 1000),
    "cap_seconds": (0, _A_YEAR),
    "max_age_seconds": (1, 100 * _A_YEAR),
}
_KIND: Mapping[str, Callable[[float], float]] = {"max_attempts": int}


def read(text: str) -> RetryPolicy:
    """The policy that a JSON object describes; what it leaves out is as by default.

    Raises InvalidTrigger with one sentence for each mistake.
    """
    try:
        given = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidTrigger(f"the retry policy is not JSON: {error}") from error
    if not isinstance(given, dict):
        raise InvalidTrigger('the retry policy must be an object such as {"max_attempts": 3}')
    unknown = sorted(set(given) - set(_LIMITS))
    if unknown:
        known = ", ".join(each.name for each in fields(RetryPolicy))
        raise InvalidTrigger(f"the retry policy has no {unknown[0]!r}; there are {known}")
    numbers: dict[str, Any] = {name: _number(name, value) for name, value in given.items()}
    return RetryPolicy(**numbers)


def standing(text: str | None) -> RetryPolicy:
    """The policy that stands with a trigger; the default, and one warning, if it is none."""
    if text is None or not text.strip():
        return DEFAULT
    return _standing(text)


@lru_cache(maxsize=1000)
def _standing(text: str) -> RetryPolicy:
    try:
        return read(text)
    except InvalidTrigger as error:
        log.event(logger, logging.WARNING, "retry_policy_ignored", detail=error, found=text[:200])
        return DEFAULT


def _number(name: str, value: object) -> float | None:
    if value is None and name == "max_age_seconds":
        return None
    lowest, highest = _LIMITS[name]
    kind = _KIND.get(name, float)
    # True is a number to Python, and NaN lies outside any limits
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidTrigger(f"{name} of the retry policy must be a number")
    if not lowest <= value <= highest:
        raise InvalidTrigger(f"{name} of the retry policy must be {lowest:g} to {highest:g}")
    if kind(value) != value:
        raise InvalidTrigger(f"{name} of the retry policy must be a whole number")
    return kind(value)
