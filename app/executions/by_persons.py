"""The decisions of persons about an execution: its origin, its released key, what it led to."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from app.executions import origins
from app.masking import public

_ORIGIN = ("kind", "of_execution_id", "delivery_id", "made_by", "made_at", "edited")
_FORGOTTEN = ("idempotency_key", "forgotten_by", "forgotten_at")


def shown(connection: Connection, execution_id: int) -> dict[str, Any]:
    """Return the origin of the execution, the executions made from it, and its released key."""
    origin = origins.of(connection, execution_id)
    forgotten = origins.forgotten_key(connection, execution_id)
    return {
        "origin": _only(origin, _ORIGIN),
        "original_payload": None if origin is None else _original(origin),
        "made_from": origins.made_from(connection, execution_id),
        "forgotten_key": _only(forgotten, _FORGOTTEN),
    }


def _only(row: sa.Row[Any] | None, names: tuple[str, ...]) -> dict[str, Any] | None:
    if row is None:
        return None
    values = public(row)
    return {name: values[name] for name in names}


def _original(origin: sa.Row[Any]) -> str | None:
    """Return the payload before a person changed it, as text."""
    if origin.original_body is not None:
        return bytes(origin.original_body).decode("utf-8", "backslashreplace")
    return None if origin.original_event_data is None else str(origin.original_event_data)
