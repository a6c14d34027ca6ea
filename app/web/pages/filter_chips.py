"""The filters that a list was asked for, each as a label with a link that removes it. Pure."""

from collections.abc import Iterable, Mapping
from typing import Any

import sqlalchemy as sa

LABELS = {
    "trigger_id": "trigger",
    "source": "sender",
    "status": "status",
    "outcome": "outcome",
    "category": "category",
    "reason": "reason",
    "key": "key",
    "key_prefix": "key begins with",
    "request_id": "request id",
    "address": "address",
    "execution_id": "duplicates of execution",
    "http_status": "HTTP status",
    "event_type": "event type",
    "text": "text",
    "since": "after",
    "until": "before",
}
"""Labels of the filters by parameter."""


def chosen(query: object) -> dict[str, Any]:
    """Return the filters of the query by parameter, without its position; None: any."""
    return {name: getattr(query, name) for name in LABELS if hasattr(query, name)}


def chips(filters: Mapping[str, Any], triggers: Iterable[sa.Row[Any]]) -> list[dict[str, Any]]:
    """Return a label for each filter that is set, and the filters without it."""
    names = {each.id: each.name for each in triggers}
    return [
        {"label": _label(name, value, names), "without": {**filters, name: None}}
        for name, value in filters.items()
        if value is not None
    ]


def _label(name: str, value: Any, trigger_names: Mapping[int, str]) -> str:
    shown = trigger_names.get(value, value) if name == "trigger_id" else value
    zone = " UTC" if name in ("since", "until") else ""
    return f"{LABELS[name]}: {shown}{zone}"
