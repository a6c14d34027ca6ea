"""Rows and payloads as they may be shown: the one list of what is secret. Pure."""

import json
import re
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from app import clock

SECRET_COLUMNS = frozenset(
    {
        "secret",
        "previous_secret",
        "sealed_secret",
        "sealed_previous_secret",
        "token_hash",
        "session_hash",
        "csrf_token",
    }
)
"""Values that no answer and no audit row shows, of whatever table."""
MASK = "********"
"""Stands where a secret is; sent back unchanged it means: as it was."""
_SECRET_NAME = re.compile(r"(?i)secret|apikey|api[-_]key|token|password|authorization|cookie")


def masked(payload: str | None) -> str | None:
    """The action's payload as anyone may see it: options by the name of a secret are masked."""
    options = _options(payload)
    return payload if options is None else json.dumps(_mask(options), ensure_ascii=False)


def restored(given: str, stored: str | None) -> str:
    """The payload as given, with what is masked in it as it is stored."""
    options, before = _options(given), _options(stored)
    if options is None or before is None or MASK not in given:
        return given
    return json.dumps(_restore(options, before), ensure_ascii=False)


def _options(payload: str | None) -> dict[str, Any] | None:
    try:
        options = json.loads(payload or "")
    except (ValueError, RecursionError):
        return None
    return options if isinstance(options, dict) else None


def _mask(value: Any, name: str = "") -> Any:
    if isinstance(value, dict):
        return {key: _mask(each, key) for key, each in value.items()}
    return MASK if isinstance(value, str) and value and _SECRET_NAME.search(name) else value


def _restore(given: Any, before: Any) -> Any:
    if isinstance(given, dict) and isinstance(before, dict):
        return {key: _restore(each, before.get(key)) for key, each in given.items()}
    return before if given == MASK and isinstance(before, str) else given


def public(row: sa.Row[Any] | Mapping[Any, Any]) -> dict[str, Any]:
    """Return the row's values as anyone may see them: no secret, times as the API writes them."""
    values = row._mapping if isinstance(row, sa.Row) else row
    shown = {name: value for name, value in values.items() if name not in SECRET_COLUMNS}
    if "action_payload" in shown:
        shown["action_payload"] = masked(shown["action_payload"])
    return {
        name: clock.text(value) if hasattr(value, "astimezone") else value
        for name, value in shown.items()
    }
