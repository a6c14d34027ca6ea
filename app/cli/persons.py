"""Print the decisions of persons about an execution as fields of its record."""

from typing import Any

CHANGED = "edited"
"""Word for an execution whose payload a person changed before it ran."""


def fields(decisions: dict[str, Any]) -> dict[str, Any]:
    """Return the fields for the person at a terminal; a program reads the decisions as JSON."""
    origin, forgotten = decisions["origin"], decisions["forgotten_key"]
    made_from = ", ".join(map(str, decisions["made_from"]))
    return {
        "made_by": None if origin is None else _origin(origin),
        "original_payload": decisions["original_payload"],
        "executions_made_from_it": made_from or None,
        "key_forgotten": None if forgotten is None else _forgotten(forgotten),
    }


def mark(row: dict[str, Any]) -> dict[str, Any]:
    """Return the row of a list with a word for an edited payload, and nothing for another."""
    return row | {CHANGED: CHANGED if row[CHANGED] else None}


def _origin(origin: dict[str, Any]) -> str:
    kind = str(origin["kind"]).replace("_", " ")
    of_id = origin["of_execution_id"]
    of = f"delivery {origin['delivery_id']}" if of_id is None else f"execution {of_id}"
    payload = ", payload edited" if origin["edited"] else ""
    return f"{origin['made_by']} at {origin['made_at']}: {kind} of {of}{payload}"


def _forgotten(forgotten: dict[str, Any]) -> str:
    key, name = forgotten["idempotency_key"], forgotten["forgotten_by"]
    return f"{key}, by {name} at {forgotten['forgotten_at']}"
