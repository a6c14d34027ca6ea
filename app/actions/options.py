"""Read `action_payload`: plain text, or a JSON object of options. Pure.

Each mistake is one sentence (InvalidTrigger): the author of the trigger sees it, and a row that
another system wrote fails with the same sentence.
"""

import json
import math
import re
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from urllib3.exceptions import LocationParseError
from urllib3.util import Url, parse_url

from app.actions.work import Work
from app.errors import ActionFailed, InvalidTrigger
from app.lifecycle import CONFIGURATION

T = TypeVar("T")
LONGEST_SECONDS = 86_400.0
"""Seconds of the longest timeout that an option may set: one day."""
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE = re.compile(r"[\t\x20-\x7e\xa0-\xff]*")


def of(work: Work, read: Callable[[str], T]) -> T:
    """Read the work's payload; one that cannot work is a permanent failure."""
    try:
        return read(work.action_payload)
    except InvalidTrigger as error:
        raise ActionFailed(str(error), permanent=True, reason=CONFIGURATION) from error


def either(payload: str, plain: str, names: tuple[str, ...]) -> dict[str, Any]:
    """Return the options; text that is no JSON object is the value of the option `plain`."""
    text = payload.strip()
    if not text.startswith("{"):
        return {plain: text} if text else {}
    return options(text, names)


def options(payload: str, names: tuple[str, ...]) -> dict[str, Any]:
    """Return the JSON object of options; InvalidTrigger if it has other names than these."""
    try:
        parsed = json.loads(payload)
    except (ValueError, RecursionError) as error:
        raise InvalidTrigger(f"the payload is not JSON: {error}") from error
    if not isinstance(parsed, dict):
        raise InvalidTrigger(f"the payload must be a JSON object with {', '.join(names)}")
    if unknown := sorted(set(parsed) - set(names)):
        raise InvalidTrigger(
            f"the payload has no option {unknown[0]!r}; there are {', '.join(names)}"
        )
    return parsed


def words(given: Mapping[str, Any], name: str) -> str | None:
    """Return the option as text; None if it is not given."""
    value = given.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or not value.strip():
        raise InvalidTrigger(f"the option {name!r} must be text")
    return value


def seconds(given: Mapping[str, Any], name: str = "timeout_seconds") -> float | None:
    """Return the option as seconds; None if it is not given."""
    value = given.get(name)
    if value is None:
        return None
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not math.isfinite(value) or not 0.1 <= value <= LONGEST_SECONDS:
        raise InvalidTrigger(
            f"the option {name!r} must be a number from 0.1 to {LONGEST_SECONDS:g}"
        )
    return float(value)


def address(given: Mapping[str, Any], name: str = "url") -> Url:
    """Return the option as an http or https address."""
    text = words(given, name) or ""
    if not text.lower().startswith(("http://", "https://")):
        raise InvalidTrigger(f"{_shown(text)} is not an http:// or https:// address")
    try:
        url = parse_url(text)
    except LocationParseError as error:
        raise InvalidTrigger(f"{_shown(text)} is not a valid address") from error
    if not url.host or url.port == 0 or re.search(r"[\s\x00-\x1f\x7f]", text):
        raise InvalidTrigger(f"{_shown(text)} is not a valid address")
    if url.auth is not None:
        raise InvalidTrigger("an address must not hold a user or password; send them in a header")
    return url


def headers(given: Mapping[str, Any], reserved: frozenset[str]) -> dict[str, str]:
    """Return the option `headers`; InvalidTrigger for one that is reserved or cannot be sent."""
    value = given.get("headers")
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise InvalidTrigger("the option 'headers' must be an object of names and values")
    for name, content in value.items():
        if not _HEADER_NAME.fullmatch(name) or not is_header_value(content):
            raise InvalidTrigger(f"the header {name!r} cannot be sent as it is written")
        if name.lower() in reserved:
            raise InvalidTrigger(f"the header {name!r} is set by Hookonce itself")
    return value


def is_header_value(value: object) -> bool:
    """Return True if a header can carry the value unchanged."""
    return isinstance(value, str) and bool(_HEADER_VALUE.fullmatch(value))


def _shown(text: str) -> str:
    """Return the beginning of an address for a message: its query may hold a secret."""
    return repr(text.partition("?")[0][:200]) if "@" not in text else "the payload"
