"""What stands in a database, made fit for reading: bounded, visible, and never markup. Pure.

Markup is escaped by the templates; here it is about signs that no escaping shows, such as those
that turn the direction of writing around.
"""

import json
import re
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from app import clock

SHOWN_CHARACTERS = 20_000
"""Of one text on a page; all of it is a link away."""
IN_A_LINE = 120
_INVISIBLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f"
    "\ud800-\udfff\ufeff\ufff0-\uffff\U000e0000-\U000e007f]"
)
_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"))


def seen(text: object, limit: int = SHOWN_CHARACTERS) -> str:
    """The text with its invisible signs named, and cut with an ellipsis beyond the limit."""
    whole = "" if text is None else str(text)
    cut = whole[:limit]
    shown = _INVISIBLE.sub(_named, cut)
    return shown if len(whole) <= limit else f"{shown}…"


def line(text: object, limit: int = IN_A_LINE) -> str:
    """The text on one line."""
    whole = "" if text is None else str(text)[: limit * 4]
    return seen(" ".join(whole.split()), limit)


def gist(text: object, limit: int = IN_A_LINE) -> str:
    """The text on one line: of several lines the first and the last, which says what it was."""
    first, *others = [each for each in str(text or "").splitlines() if each.strip()] or [""]
    if not others or len(str(text)) <= limit:
        return line(text, limit)
    began = line(first, limit // 3).removesuffix("…").strip()
    return f"{began} … {line(others[-1], limit - limit // 3)}"


def pretty(value: Any) -> str:
    """The value as indented JSON; text that is none, as it is."""
    if isinstance(value, str):
        return value
    try:
        return json.dumps(value, indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return str(value)


def when(text: str | None) -> str:
    """`2026-01-31 23:59:59` of a moment as the API writes it."""
    return "" if not text else text[:19].replace("T", " ")


def ago(text: str | None, now: datetime | None = None) -> str:
    """How long a moment lies back, or ahead, in one unit."""
    moment = clock.moment(text)
    if moment is None:
        return ""
    seconds = ((now or datetime.now(UTC)) - moment).total_seconds()
    return f"{span(seconds)} ago" if seconds >= 0 else f"in {span(-seconds)}"


def span(seconds: float | None) -> str:
    """`340 ms`, `12 s`, `5 min`, `3 h`, `2 d`."""
    if seconds is None:
        return ""
    for size, unit in _UNITS:
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"


def number(value: float) -> str:
    """`1 234 567`, in narrow no-break spaces, which no reader takes for a decimal sign."""
    return f"{value:,}".replace(",", "\u202f")


def words(name: str | None) -> str:
    """`failed_retryable` as people say it."""
    return (name or "").replace("_", " ")


def link(path: str, **given: Any) -> str:
    """The path with those of the parameters that are given."""
    query = urlencode({name: value for name, value in given.items() if value not in (None, "")})
    return f"{path}?{query}" if query else path


def _named(found: re.Match[str]) -> str:
    code = ord(found[0])
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def safe_path(text: str | None) -> str:
    """A path of our own to go on to after the login; `/` for anything else.

    A browser reads `//host`, `/\\host` and even `/<tab>/host` as another host.
    """
    given = text or ""
    ours = re.fullmatch(r"/(?![/\\])[!-\[\]-~]*", given)
    return given if ours and not given.startswith(("/login", "/logout")) else "/"
