"""What does it say? JSON, a form, or whatever else was sent, kept as it is."""

import base64
import fnmatch
import re
from collections.abc import Mapping
from functools import lru_cache

from app.errors import Unreadable
from app.intake import strict_json
from app.intake.message import FORM, Event, Json, Request

_OPENS_JSON = re.compile(rb"\s*(\xef\xbb\xbf)?\s*[{\[]")


def payload(request: Request) -> Json:
    """The body as JSON would say it; an empty body is an empty object.

    JSON is what calls itself so, and what looks so under no Content-Type at all; malformed,
    it is Unreadable. A form becomes an object, unless it is really JSON, which clients that do
    not care label as a form. Anything else is `{"text": ...}` or `{"base64": ...}`.
    """
    if not request.body.strip():
        return {}
    kind = request.content_type
    looks_like_json = bool(_OPENS_JSON.match(request.body))
    if kind.endswith(("/json", "+json")) or (not kind and looks_like_json):
        return strict_json.loads(request.body)
    if looks_like_json:
        try:
            return strict_json.loads(request.body)
        except Unreadable:
            pass  # its Content-Type was right after all
    if kind == FORM:
        return request.form()
    return _opaque(request.body)


def wanted(event: Event, event_filter: Mapping[str, Json]) -> bool:
    """Whether the event passes the filter: every name has its value, in the event or its data."""
    return all(_matches(event, name, value) for name, value in event_filter.items())


def stored(event: Event) -> str:
    """The event as it is stored; Unreadable if JSON cannot say it."""
    try:
        return event.text()
    except (ValueError, RecursionError) as error:
        raise Unreadable(f"the body holds a value that JSON cannot say: {error}") from error


def _opaque(body: bytes) -> Json:
    try:
        return {"text": body.decode()}
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(body).decode()}


def _matches(event: Event, name: str, wanted_value: Json) -> bool:
    data = event.normalised.get("data")
    return any(
        _same(place[name], wanted_value)
        for place in (event.normalised, data)
        if isinstance(place, Mapping) and name in place
    )


def _same(found: Json, wanted_value: Json) -> bool:
    if isinstance(wanted_value, str) and "*" in wanted_value:
        return isinstance(found, str | int) and bool(_glob(wanted_value).fullmatch(str(found)))
    if isinstance(wanted_value, str) and isinstance(found, int) and not isinstance(found, bool):
        return str(found) == wanted_value
    return type(found) is type(wanted_value) and bool(found == wanted_value)


@lru_cache(maxsize=1024)
def _glob(pattern: str) -> re.Pattern[str]:
    """Only `*` is special; other signs that a shell knows mean themselves."""
    literal = re.sub(r"([?\[\]])", r"[\1]", pattern)
    return re.compile(fnmatch.translate(literal))
