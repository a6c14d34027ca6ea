"""Parse a body: JSON, a form, or anything else, which is kept as it is. Filter events."""

import base64
import fnmatch
import re
from collections.abc import Mapping
from functools import lru_cache

from app.errors import TooLarge, Unreadable
from app.intake import strict_json
from app.intake.message import FORM, Event, Json, Request

ALIASES = {"event": "event_type"}
"""Names in a filter that also mean another one.

The older system documented `{"event": "push"}`, and its events had no such member.
"""
LARGE_BYTES = 2 * 1_048_576
"""Bytes of a body from which on its values are counted before it is parsed."""
VALUES_AT_MOST = 2_500_000
"""Values of a large body: they become at most some 300 MB of objects, however small they are."""
_JSON_BEGINS = re.compile(rb"\s*(\xef\xbb\xbf)?\s*[{\[]")


def payload(request: Request) -> Json:
    """Return the body as a JSON value; an empty body is an empty object.

    It is parsed as JSON if its Content-Type says so, or if it has none and looks like JSON;
    malformed JSON raises Unreadable. A form becomes an object, unless it is really JSON, which
    careless clients label as a form. Anything else is `{"text": ...}` or `{"base64": ...}`.
    """
    if not request.body.strip():
        return {}
    kind = request.content_type
    looks_like_json = bool(_JSON_BEGINS.match(request.body))
    if kind.endswith(("/json", "+json")) or (not kind and looks_like_json):
        return strict_json.loads(request.body)
    if looks_like_json:
        try:
            return strict_json.loads(request.body)
        except Unreadable:
            pass  # it only looked like JSON: the Content-Type is right
    if kind == FORM:
        return request.form()
    return _opaque(request.body)


def require_parsable(body: bytes) -> None:
    """Raise TooLarge if a large body has so many values that they would fill the memory.

    25 MB of text become 200 MB of objects, but 25 MB of empty lists a gigabyte.
    """
    if len(body) > LARGE_BYTES:
        count = body.count(b",") + body.count(b"{") + body.count(b"[")
        if count > VALUES_AT_MOST:
            raise TooLarge(f"the body may have at most {VALUES_AT_MOST} values")


def passes_filter(event: Event, event_filter: Mapping[str, Json]) -> bool:
    """Return whether every name of the filter has its value, in the event or in its data."""
    return all(_matches(event, name, value) for name, value in event_filter.items())


def stored(event: Event) -> str:
    """Return the event as text to store; raise Unreadable if JSON cannot represent it."""
    try:
        return event.text()
    except (ValueError, RecursionError) as error:
        raise Unreadable(f"the body holds a value that JSON cannot represent: {error}") from error


def _opaque(body: bytes) -> Json:
    try:
        return {"text": body.decode()}
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(body).decode()}


def _matches(event: Event, name: str, expected: Json) -> bool:
    data = event.normalised.get("data")
    real = ALIASES.get(name)
    if real is not None and real in event.normalised and _equals(event.normalised[real], expected):
        return True
    return any(
        _equals(place[name], expected)
        for place in (event.normalised, data)
        if isinstance(place, Mapping) and name in place
    )


def _equals(value: Json, expected: Json) -> bool:
    if isinstance(expected, str) and "*" in expected:
        return isinstance(value, str | int) and bool(_glob(expected).fullmatch(str(value)))
    if isinstance(expected, str) and isinstance(value, int) and not isinstance(value, bool):
        return str(value) == expected
    return type(value) is type(expected) and bool(value == expected)


@lru_cache(maxsize=1024)
def _glob(pattern: str) -> re.Pattern[str]:
    """Return the pattern's regular expression; only `*` is special, not the shell's `?` and `[`."""
    literal = re.sub(r"([?\[\]])", r"[\1]", pattern)
    return re.compile(fnmatch.translate(literal))
