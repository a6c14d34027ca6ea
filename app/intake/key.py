"""Find an event's idempotency key, by which two deliveries are the same event. Pure."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from app.errors import InvalidTrigger

if TYPE_CHECKING:  # commands read the parts of a key, and none of these types
    from app.intake.message import Event, Json, Request, Source

LONGEST = 255
"""Most characters of a key: the width of its column."""
PLACES = (("idempotency_key",), ("messageId",), ("data", "messageId"))
"""Places of a key by default; the first that has one wins."""
PROVIDER = "provider"
HASH = "hash"
NONE = "none"
_HEADER = "header:"
_BODY = "body:"
_DIGEST = "sha256:"
_DIGEST_FORM = re.compile(f"{_DIGEST}[0-9a-f]{{64}}")
_PART = re.compile(rf"{PROVIDER}|{HASH}|{_HEADER}[!-~]+|{_BODY}[^.]+(\.[^.]+)*")


def parts(text: str | None) -> tuple[str, ...]:
    """Return the parts of `idempotency_key_from`: one as it is written, several as a JSON list."""
    if not text:
        return ()
    return tuple(json.loads(text)) if text.startswith("[") else (text,)


def of(event: Event, request: Request, source: Source, key_from: tuple[str, ...]) -> str | None:
    """Return the event's key as it is stored, or None: then every delivery is a new execution."""
    whole = unlimited(event, request, source, key_from)
    return None if whole is None else storable(whole)


def unlimited(
    event: Event, request: Request, source: Source, key_from: tuple[str, ...]
) -> str | None:
    """Return the event's key at any length, or None if it has none.

    `key_from` lists the parts of the key; a key with a missing part is none. If it is empty, the
    default places are searched, but first the source's own id where the source is keyed by it: its
    payload may use the names of the default places for something else.
    """
    if not key_from:
        return _joined(_provider(event, request, source)) or _default(event, source)
    if key_from == (NONE,):
        return None
    values: list[str] = []
    for part in key_from:
        of_part = _part(part, event, request, source)
        if not of_part:
            return None
        values += of_part
    return _joined(values)


def of_new_trigger(source: Source) -> str | None:
    """Return the part that keys a new trigger of this source if nobody chooses: its own id.

    None where the default places do: a source that is keyed by its own id anyway searches them for
    an event without one, and a source without an id has nothing else.
    """
    return PROVIDER if source.has_event_id and not source.keyed_by_default else None


def in_words(source: Source, key_from: tuple[str, ...]) -> str:
    """Return the places of the key of a trigger of this source, in words."""
    if key_from == (NONE,):
        return "none: each delivery is a new execution"
    if key_from:
        return " and ".join(key_from)
    *places, last = (".".join(place) for place in PLACES if place not in source.other_places)
    default = f"{', '.join(places)} or {last} in the body"
    if source.keyed_by_default:
        return f"{PROVIDER}, otherwise {default}"
    if source.has_event_id:
        return f"{default}; not {PROVIDER}, so that a redelivery is a new execution"
    return default


def require_valid(key_from: Iterable[str]) -> None:
    """Return if these parts can make a key; else raise InvalidTrigger with a sentence."""
    parts = tuple(key_from)
    if parts == (NONE,):
        return
    for part in parts:
        if not _PART.fullmatch(part):
            raise InvalidTrigger(
                f"{part!r} is not a part of a key: use provider, hash, header:<Name> or "
                "body:<a.b.c>, several of them for one key, or none alone"
            )


def _default(event: Event, source: Source) -> str | None:
    """Search each default place in the sender's payload, then in the normalised event.

    A place that the source uses for something else is left out.
    """
    for place in PLACES:
        if place in source.other_places:
            continue
        for whole in (event.payload, event.normalised):
            key = _text(_at(whole, place))
            if key is not None:
                return key
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
    """Return the digest of the body, or of the event's own item in a batch; none if empty."""
    if not request.body.strip():
        return ()
    content = request.body
    if event.batched:
        content = json.dumps(event.payload, sort_keys=True).encode()
    return ("body-sha256:" + hashlib.sha256(content).hexdigest(),)


def _joined(values: Iterable[str]) -> str | None:
    """Return one value as it is, and several as a JSON list, in which a|bc differs from ab|c."""
    parts = list(values)
    if not parts:
        return None
    if len(parts) == 1:
        return parts[0]
    return json.dumps(parts, ensure_ascii=False, separators=(",", ":"))


def _at(whole: Json, place: tuple[str, ...]) -> Json:
    for name in place:
        if not isinstance(whole, dict):
            return None
        whole = whole.get(name)
    return whole


def _text(value: Json) -> str | None:
    """Return text or a whole number as text. `true` is no key: to one database it equals 1."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    return str(value) or None


def storable(key: str) -> str:
    """Return the key if both databases store it exactly; else its digest, never a part of it.

    A key in the form of a digest is replaced by its own digest: it could pose as a long key.
    """
    if _storable(key) and not is_digest(key):
        return key
    return _DIGEST + hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()


def former(key: str) -> str | None:
    """Return the key as earlier versions stored it, where they stored it in another form."""
    return key if is_digest(key) else None


def is_digest(key: str) -> bool:
    """Return True if the key has the form of the digest of a key."""
    return key.startswith(_DIGEST) and _DIGEST_FORM.fullmatch(key) is not None


def _storable(key: str) -> bool:
    return len(key) <= LONGEST and "\0" not in key and _encodable(key)


def _encodable(key: str) -> bool:
    try:
        key.encode()
    except UnicodeEncodeError:
        return False
    return True
