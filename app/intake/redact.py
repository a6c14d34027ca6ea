"""What a sender puts into its payload that must not be stored: its own secrets. Pure."""

import json
from dataclasses import replace
from urllib.parse import parse_qsl, urlencode

from app.errors import Unreadable
from app.intake import strict_json
from app.intake.message import FORM, Event, Json, Request

REDACTED = "[redacted]"
WRAPPED_AT_MOST = 10
"""How often a value may be text within text and still be looked into. Each layer doubles what
escapes the one before, so ten take a thousand times their size; deeper is nobody's object."""
DEEP_AT_MOST = 300
"""Levels of all layers together: each may nest as deep as the whole, and Python's stack ends."""


def event(said: Event, names: frozenset[str]) -> Event:
    """The event without the values of these names, at any depth."""
    return replace(said, normalised=_without(said.normalised, names)) if names else said


def part(said: Event, names: frozenset[str]) -> bytes:
    """This event's share of a request with several, in JSON, without the values of these names."""
    alone = said.payload if said.alone is None else said.alone
    return json.dumps(_without(alone, names) if names else alone).encode()


def request(arrived: Request, payload: Json, names: frozenset[str]) -> Request:
    """The request as it may be kept: byte for byte, unless its payload held a secret."""
    if not names or not _holds(payload, names):
        return arrived
    if arrived.content_type == FORM and payload == arrived.form():
        return replace(arrived, body=_form_without(arrived.body, names))
    return replace(arrived, body=json.dumps(_without(payload, names)).encode())


def _form_without(body: bytes, names: frozenset[str]) -> bytes:
    pairs = parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True)
    kept = [(name, _without({name: value}, names)[name]) for name, value in pairs]
    return urlencode(kept).encode()


def _holds(
    value: Json, names: frozenset[str], layers: int = WRAPPED_AT_MOST, room: int = DEEP_AT_MOST
) -> bool:
    if not room:
        return False
    if isinstance(value, dict):
        return any(
            name in names or _holds(inner, names, layers, room - 1) for name, inner in value.items()
        )
    if isinstance(value, list):
        return any(_holds(inner, names, layers, room - 1) for inner in value)
    if isinstance(value, str) and layers:
        return _holds(_wrapped(value), names, layers - 1, room - 1)
    return False


def _without(
    value: Json, names: frozenset[str], layers: int = WRAPPED_AT_MOST, room: int = DEEP_AT_MOST
) -> Json:
    if isinstance(value, dict):
        return {
            name: REDACTED if name in names else _without(inner, names, layers, room - 1)
            for name, inner in value.items()
        }
    if isinstance(value, list):
        return [_without(inner, names, layers, room - 1) for inner in value]
    if isinstance(value, str) and _holds(value, names, layers, room):
        return json.dumps(_without(_wrapped(value), names, layers - 1, room - 1))
    return value


def _wrapped(text: str) -> Json:
    """What a sender wrote as JSON text into a field, as forms do; else None."""
    if not text.lstrip().startswith(("{", "[", '"')):
        return None
    try:
        return strict_json.loads(text.encode("utf-8", "surrogatepass"))
    except Unreadable:
        return None
