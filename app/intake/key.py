"""What makes two events the same event: their idempotency key. Pure."""

import hashlib
import json
import re
from collections.abc import Iterable

from app.errors import InvalidTrigger
from app.intake.message import Event, Json, Request, Source

LONGEST = 255
"""The column's width in characters."""
PLACES = (("idempotency_key",), ("messageId",), ("data", "messageId"))
"""Where a key stands by default; the first place that has one wins."""
PROVIDER = "provider"
HASH = "hash"
NONE = "none"
_HEADER = "header:"
_BODY = "body:"
_PART = re.compile(rf"{PROVIDER}|{HASH}|{_HEADER}[!-~]+|{_BODY}[^.]+(\.[^.]+)*")


def of(event: Event, request: Request, source: Source, key_from: tuple[str, ...]) -> str | None:
    """The event's key, or None if it has none: then every delivery is a new execution.

    `key_from` lists the parts that make it; empty means the default places, but first the source's
    own id where the source is keyed by that: it knows best, and may use the names of our places
    for something else. A key of which a part is missing is none.
    """
    if not key_from:
        return _joined(_provider(event, request, source)) or _default(event)
    if key_from == (NONE,):
        return None
    values: list[str] = []
    for part in key_from:
        found = _part(part, event, request, source)
        if not found:
            return None
        values += found
    return _joined(values)


def require_valid(key_from: Iterable[str]) -> None:
    """Return if these parts can make a key; else raise InvalidTrigger with a sentence."""
    parts = tuple(key_from)
    if parts == (NONE,):
        return
    for part in parts:
        if not _PART.fullmatch(part):
            raise InvalidTrigger(
                f"{part!r} is no place for a key: there are provider, hash, header:<Name> and "
                "body:<a.b.c>, several of them make one key, and none alone"
            )


def _default(event: Event) -> str | None:
    """Each place is looked up in what the sender wrote, then in the normalised event."""
    for place in PLACES:
        for whole in (event.payload, event.normalised):
            key = _text(_at(whole, place))
            if key is not None:
                return _storable(key)
    return None


def _provider(event: Event, request: Request, source: Source) -> Iterable[str]:
    return source.provider_key(request, event) or () if source.keyed_by_default else ()


def _part(part: str, event: Event, request: Request, source: Source) -> tuple[str, ...]:
    if part == PROVIDER:
        return source.provider_key(request, event) or ()
    if part == HASH:
        return _hash(event, request)
    if part.startswith(_HEADER):
        value = request.headers.get(part.removeprefix(_HEADER).lower(), "").strip()
        return (value,) if value else ()
    place = tuple(part.removeprefix(_BODY).split("."))
    value_in_body = _text(_at(event.payload, place)) or _text(_at(event.normalised, place))
    return (value_in_body,) if value_in_body else ()


def _hash(event: Event, request: Request) -> tuple[str, ...]:
    """Of the body, or of its own item in a batch; an empty body says nothing, so it is no key."""
    if not request.body.strip():
        return ()
    said = request.body
    if event.batched:
        said = json.dumps(event.payload, sort_keys=True).encode()
    return ("body-sha256:" + hashlib.sha256(said).hexdigest(),)


def _joined(values: Iterable[str]) -> str | None:
    """One value is the key as it is; several are a JSON list, in which `a|bc` is not `ab|c`."""
    parts = list(values)
    if not parts:
        return None
    if len(parts) == 1:
        return _storable(parts[0])
    return _storable(json.dumps(parts, ensure_ascii=False, separators=(",", ":")))


def _at(whole: Json, place: tuple[str, ...]) -> Json:
    for name in place:
        if not isinstance(whole, dict):
            return None
        whole = whole.get(name)
    return whole


def _text(value: Json) -> str | None:
    """Text and whole numbers are keys; to one database `true` equals 1, so it is none to us."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    return str(value) or None


def _storable(key: str) -> str:
    """The key itself where both databases store it exactly; else its digest, never a piece."""
    if len(key) <= LONGEST and "\0" not in key and _encodable(key):
        return key
    return "sha256:" + hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()


def _encodable(key: str) -> bool:
    try:
        key.encode()
    except UnicodeEncodeError:
        return False
    return True
