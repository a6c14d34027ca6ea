"""Template filters that make stored text readable: bounded in length, with no hidden characters.

The templates escape markup. The filters replace characters that escaping leaves invisible, such as
those that reverse the direction of writing. Pure.
"""

import json
import re
from datetime import timedelta
from itertools import zip_longest
from typing import Any
from urllib.parse import urlencode

from app import clock

_TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z)")
SHOWN_CHARACTERS = 20_000
"""Characters of one text that a page shows; the download has all of it."""
LINE_CHARACTERS = 120
_INVISIBLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f"
    "\ud800-\udfff\ufeff\ufff0-\uffff\U000e0000-\U000e007f]"
)


def visible(text: object, limit: int = SHOWN_CHARACTERS) -> str:
    """Return the text with invisible characters as escapes, cut with an ellipsis at the limit."""
    whole = "" if text is None else str(text)
    cut = whole[:limit]
    escaped = _INVISIBLE.sub(_escaped, cut)
    return escaped if len(whole) <= limit else f"{escaped}…"


def line(text: object, limit: int = LINE_CHARACTERS) -> str:
    """Return the text on one line."""
    whole = "" if text is None else str(text)[: limit * 4]
    return visible(" ".join(whole.split()), limit)


def excerpt(text: object, limit: int = LINE_CHARACTERS) -> str:
    """Return the first and last line of the text on one line; a traceback's error is its last."""
    first, *others = [each for each in str(text or "").splitlines() if each.strip()] or [""]
    if not others or len(str(text)) <= limit:
        return line(text, limit)
    beginning = line(first, limit // 3).removesuffix("…").strip()
    return f"{beginning} … {line(others[-1], limit - limit // 3)}"


def pretty(value: Any) -> str:
    """Return the value as indented JSON, and text unchanged."""
    if isinstance(value, str):
        return value
    try:
        return json.dumps(value, indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return str(value)


def ascii_json(text: object) -> str:
    """Return the text as JSON in ASCII: a script reads it whole, and no character is invisible."""
    return json.dumps(str(text))


def split_times(text: str) -> list[tuple[str, str | None]]:
    """Return a sentence's parts and the times between them, for a page to show in local time."""
    parts = _TIME.split(text)
    return list(zip_longest(parts[::2], parts[1::2]))


def timestamp(text: str | None) -> str:
    """Return a time in the API's format as `2026-01-31 23:59:59`."""
    return "" if not text else text[:19].replace("T", " ")


def hours_ago(hours: float) -> str:
    """Return the time so many hours ago, in UTC, as a field of a form sends it."""
    return (clock.now() - timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M")


def number(value: float) -> str:
    """Return `1 234 567`: narrow no-break spaces cannot be mistaken for a decimal sign."""
    return f"{value:,}".replace(",", "\u202f")


def counted(value: int, noun: str, at_most: int | None = None) -> str:
    """Return `1 execution` or `2 executions`; from `at_most` on, where counting ends, `or more`."""
    more = " or more" if at_most is not None and value >= at_most else ""
    return f"{number(value)}{more} {noun if value == 1 else f'{noun}s'}"


def words(name: str | None) -> str:
    """Return an identifier such as `failed_retryable` with spaces."""
    return (name or "").replace("_", " ")


def link(path: str, **parameters: Any) -> str:
    """Return the path with the parameters that are not empty as its query string."""
    filled = {name: value for name, value in parameters.items() if value not in (None, "")}
    return f"{path}?{urlencode(filled, errors='replace')}" if filled else path


def _escaped(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def safe_path(text: str | None) -> str:
    """Return the path to redirect to after login; `/` unless it is one of our own paths.

    A browser reads `//host`, `/\\host` and even `/<tab>/host` as another host.
    """
    path = text or ""
    ours = re.fullmatch(r"/(?![/\\])[!-\[\]-~]*", path)
    return path if ours and not path.startswith(("/login", "/logout")) else "/"
