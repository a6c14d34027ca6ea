"""What a sender puts into its payload that must not be stored: its own secrets. Pure."""

import json
from dataclasses import replace

from app.intake.message import Event, Json, Request

REDACTED = "[redacted]"


def event(said: Event, names: frozenset[str]) -> Event:
    """The event without the values of these names, at any depth."""
    return replace(said, normalised=_without(said.normalised, names)) if names else said


def request(arrived: Request, payload: Json, names: frozenset[str]) -> Request:
    """The request as it may be kept: byte for byte, unless its payload held a secret."""
    if not names or not _holds(payload, names):
        return arrived
    return replace(arrived, body=json.dumps(_without(payload, names)).encode())


def _holds(value: Json, names: frozenset[str]) -> bool:
    if isinstance(value, dict):
        return any(name in names or _holds(inner, names) for name, inner in value.items())
    return isinstance(value, list) and any(_holds(inner, names) for inner in value)


def _without(value: Json, names: frozenset[str]) -> Json:
    if isinstance(value, dict):
        return {
            name: REDACTED if name in names else _without(inner, names)
            for name, inner in value.items()
        }
    return [_without(inner, names) for inner in value] if isinstance(value, list) else value
