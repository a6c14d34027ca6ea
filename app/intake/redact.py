"""Remove from a payload the secrets that its sender puts in, before it is stored. Pure."""

import json
from collections.abc import Callable
from dataclasses import replace
from urllib.parse import parse_qsl, urlencode

from app.errors import Unreadable
from app.intake import strict_json
from app.intake.message import FORM, Event, Json, Request

REDACTED = "[redacted]"
WRAPPED_AT_MOST = 10
"""Layers of JSON text within JSON text that are searched.

Each layer doubles the escapes of the one before, so ten take a thousand times the size: no real
payload has more.
"""
WRAPPER = "payload"
"""Field of a form that holds the whole payload as JSON text."""
DEEP_AT_MOST = 300
"""Levels of nesting that are searched in all layers together, since Python's stack is limited.

Each layer may nest as deep as a whole payload.
"""


def event(original: Event, names: frozenset[str], *, top_only: bool = False) -> Event:
    """Return the event without the values of these names, at any depth.

    With `top_only` without those that the payload itself has: deeper ones are a person's words.
    """
    if not names:
        return original
    if not top_only:
        return replace(original, normalised=_without(original.normalised, names))
    data = _without_own(original.normalised.get("data"), names)
    return replace(original, normalised={**original.normalised, "data": data})


def part(original: Event, names: frozenset[str], *, top_only: bool = False) -> bytes:
    """Return the event's part of a request with several, as JSON without these names' values."""
    alone = original.payload if original.alone is None else original.alone
    without = _without_own if top_only else _without
    return json.dumps(without(alone, names) if names else alone).encode()


def request(
    original: Request, payload: Json, names: frozenset[str], *, top_only: bool = False
) -> Request:
    """Return the request as it may be stored: byte for byte, unless its payload holds a secret."""
    without = _without_own if top_only else _without
    if not names or not (top_only or _contains(payload, names)):
        return original
    if top_only and without(payload, names) == payload:
        return original
    if original.content_type == FORM and payload == original.form():
        return replace(original, body=_form_without(original.body, names, without))
    return replace(original, body=json.dumps(without(payload, names)).encode())


def _form_without(body: bytes, names: frozenset[str], without: Callable[..., Json]) -> bytes:
    pairs = parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True)
    kept = [(name, without({name: value}, names)[name]) for name, value in pairs]
    return urlencode(kept).encode()


def _without_own(payload: Json, names: frozenset[str]) -> Json:
    """Return the payload without its own members of these names, also where a form wraps it."""
    if not isinstance(payload, dict):
        return payload
    kept = {name: REDACTED if name in names else value for name, value in payload.items()}
    wrapped = kept.get(WRAPPER)
    inner = _parsed_text(wrapped) if isinstance(wrapped, str) else None
    if isinstance(inner, dict) and not names.isdisjoint(inner):
        kept[WRAPPER] = json.dumps(_without_own(inner, names))
    return kept


def _contains(
    value: Json, names: frozenset[str], layers: int = WRAPPED_AT_MOST, depth: int = DEEP_AT_MOST
) -> bool:
    if not depth:
        return False
    if isinstance(value, dict):
        return any(
            name in names or _contains(child, names, layers, depth - 1)
            for name, child in value.items()
        )
    if isinstance(value, list):
        return any(_contains(child, names, layers, depth - 1) for child in value)
    if isinstance(value, str) and layers:
        return _contains(_parsed_text(value), names, layers - 1, depth - 1)
    return False


def _without(
    value: Json, names: frozenset[str], layers: int = WRAPPED_AT_MOST, depth: int = DEEP_AT_MOST
) -> Json:
    if isinstance(value, dict):
        return {
            name: REDACTED if name in names else _without(child, names, layers, depth - 1)
            for name, child in value.items()
        }
    if isinstance(value, list):
        return [_without(child, names, layers, depth - 1) for child in value]
    if isinstance(value, str) and _contains(value, names, layers, depth):
        return json.dumps(_without(_parsed_text(value), names, layers - 1, depth - 1))
    return value


def _parsed_text(text: str) -> Json:
    """Return the JSON value that a field holds as text, as forms do; else None."""
    if not text.lstrip().startswith(("{", "[", '"')):
        return None
    try:
        return strict_json.loads(text.encode("utf-8", "surrogatepass"))
    except Unreadable:
        return None
