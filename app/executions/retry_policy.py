"""Read a trigger's retry policy: number of attempts, waits and longest age. Pure."""

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
    """The number of attempts, the waits between them, and the age limit of an execution."""

    max_attempts: int = 8
    base_seconds: float = 2.0
    factor: float = 2.0
    cap_seconds: float = 3600.0
    max_age_seconds: float | None = None
    """Age beyond which an execution becomes a dead letter instead of being retried; None: none."""


DEFAULT = RetryPolicy()
_A_YEAR = 31_536_000
LIMITS: Mapping[str, tuple[float, float]] = {
    "max_attempts": (1, 1000),
    "base_seconds": (0, _A_YEAR),
    "factor": (1, 1000),
    "cap_seconds": (0, _A_YEAR),
    "max_age_seconds": (1, 100 * _A_YEAR),
}
_KIND: Mapping[str, Callable[[float], float]] = {"max_attempts": int}


def read(text: str) -> RetryPolicy:
    """Return the policy of a JSON object; fields that it omits have their default.

    Raises InvalidTrigger with a sentence for each mistake.
    """
    try:
        values = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidTrigger(f"the retry policy is not JSON: {error}") from error
    if not isinstance(values, dict):
        raise InvalidTrigger('the retry policy must be an object such as {"max_attempts": 3}')
    unknown = sorted(set(values) - set(LIMITS))
    if unknown:
        known = ", ".join(each.name for each in fields(RetryPolicy))
        raise InvalidTrigger(
            f"the retry policy has no field {unknown[0]!r}; its fields are {known}"
        )
    return RetryPolicy(**_numbers(values))


def read_or_default(text: str | None) -> RetryPolicy:
    """Return a trigger's stored policy; the default, and one warning, if it is invalid."""
    if text is None or not text.strip():
        return DEFAULT
    return _read_or_default(text)


@lru_cache(maxsize=1000)
def _read_or_default(text: str) -> RetryPolicy:
    try:
        return read(text)
    except InvalidTrigger as error:
        log.event(logger, logging.WARNING, "retry_policy_ignored", detail=error, found=text[:200])
        return DEFAULT


def _numbers(values: Mapping[str, object]) -> dict[str, Any]:
    numbers: dict[str, Any] = {}
    mistakes = []
    for name, value in values.items():
        try:
            numbers[name] = _number(name, value)
        except InvalidTrigger as error:
            mistakes.append(str(error))
    if mistakes:
        raise InvalidTrigger("; ".join(mistakes))
    return numbers


def _number(name: str, value: object) -> float | None:
    if value is None and name == "max_age_seconds":
        return None
    lowest, highest = LIMITS[name]
    kind = _KIND.get(name, float)
    # True is an int in Python; NaN is outside all limits
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidTrigger(f"{name} of the retry policy must be a number")
    if not lowest <= value <= highest:
        raise InvalidTrigger(f"{name} of the retry policy must be {lowest:g} to {highest:g}")
    if kind(value) != value:
        raise InvalidTrigger(f"{name} of the retry policy must be a whole number")
    return kind(value)
