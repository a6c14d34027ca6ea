"""Read `action_payload`: plain text, or a JSON object of options. Pure.

Each mistake is one sentence (InvalidTrigger): whoever makes the trigger sees it, and a row that
was made elsewhere fails with the same words.
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
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE = re.compile(r"[\t\x20-\x7e\xa0-\xff]*")


def of(work: Work, read: Callable[[str], T]) -> T:
    """What `read` makes of the payload; a payload that cannot work fails for good."""
    try:
        return read(work.action_payload)
    except InvalidTrigger as error:
        raise ActionFailed(str(error), permanent=True, reason=CONFIGURATION) from error


def either(payload: str, plain: str, names: tuple[str, ...]) -> dict[str, Any]:
    """The options; text that is no object is the one named `plain`."""
    text = payload.strip()
    if not text.startswith("{"):
        return {plain: text} if text else {}
    return options(text, names)


def options(payload: str, names: tuple[str, ...]) -> dict[str, Any]:
    """The JSON object, which has no other names than these."""
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
    """The option as text, None where it is not given."""
    value = given.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or not value.strip():
        raise InvalidTrigger(f"the option {name!r} must be text")
    return value


def seconds(given: Mapping[str, Any], name: str = "timeout_seconds") -> float | None:
    """The option as a duration, None where it is not given."""
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
    """The option as an http or https address that can be called."""
    text = words(given, name) or ""
    if not text.lower().startswith(("http://", "https://")):
        raise InvalidTrigger(f"{_shown(text)} is no http:// or https:// address")
    try:
        url = parse_url(text)
    except LocationParseError as error:
        raise InvalidTrigger(f"{_shown(text)} is no address that can be called") from error
    if not url.host or url.port == 0 or re.search(r"[\s\x00-\x1f\x7f]", text):
        raise InvalidTrigger(f"{_shown(text)} is no address that can be called")
    if url.auth is not None:
        raise InvalidTrigger("an address holds no user or password; name them in a header")
    return url


def headers(given: Mapping[str, Any], reserved: frozenset[str]) -> dict[str, str]:
    """The option `headers`: names and values that may be sent, and none that are ours."""
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
    """Whether it is text that a header can carry as it is."""
    return isinstance(value, str) and bool(_HEADER_VALUE.fullmatch(value))


def _shown(text: str) -> str:
    """Enough of an address to recognise it: what follows a question mark may be a secret."""
    return repr(text.partition("?")[0][:200]) if "@" not in text else "the payload"
