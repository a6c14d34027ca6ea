"""Rows and payloads as they may be shown: the one list of names that are secret. Pure."""

import json
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import sqlalchemy as sa

from app import clock
from app.tolerant_json import json_object

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
"""Columns that no response and no audit row shows, in any table."""
MASK = "********"
"""The text shown in place of a secret; sent back unchanged, it keeps the stored secret."""
_SECRET_NAME = re.compile(
    r"secret|password|token|cookie|auth|api[-_]?key|signature|hmac", re.IGNORECASE
)
"""The words that make a name secret; `auth` covers Authorization and every `*-auth-*`."""
NAMES_REMEMBERED = 1024
"""Verdicts on names that are kept in memory: senders choose the names of their headers."""


@lru_cache(maxsize=NAMES_REMEMBERED)
def is_secret_name(name: str) -> bool:
    """Return True if a header, option or field of this name holds a secret.

    A request's header of such a name is not stored; an action's option of such a name is masked.
    """
    return _SECRET_NAME.search(name) is not None


def masked(payload: str | None) -> str | None:
    """Return the action's payload with the secrets among its options masked.

    Text that is no JSON object is returned as it is; an object too deep to look through is masked
    whole.
    """
    options = json_object(payload)
    if options is None:
        return payload
    try:
        return json.dumps(_mask(options), ensure_ascii=False)
    except RecursionError:
        return MASK


def restored(payload: str, stored: str | None) -> str:
    """Return the payload with each masked option as it is in the stored payload."""
    if stored is not None and payload == masked(stored):
        return stored
    options, before = json_object(payload), json_object(stored)
    if options is None or before is None or MASK not in payload:
        return payload
    try:
        return json.dumps(_restore(options, before), ensure_ascii=False)
    except RecursionError:
        return payload


def _mask(value: Any, name: str = "") -> Any:
    if isinstance(value, dict):
        return {key: _mask(each, key) for key, each in value.items()}
    return MASK if isinstance(value, str) and value and is_secret_name(name) else value


def _restore(value: Any, before: Any) -> Any:
    if isinstance(value, dict) and isinstance(before, dict):
        return {key: _restore(each, before.get(key)) for key, each in value.items()}
    return before if value == MASK and isinstance(before, str) else value


def public(row: sa.Row[Any] | Mapping[Any, Any]) -> dict[str, Any]:
    """Return the row's values without secrets, with times as the API writes them."""
    values = row._mapping if isinstance(row, sa.Row) else row
    shown = {name: value for name, value in values.items() if name not in SECRET_COLUMNS}
    if "action_payload" in shown:
        shown["action_payload"] = masked(shown["action_payload"])
    return {
        name: clock.text(value) if hasattr(value, "astimezone") else value
        for name, value in shown.items()
    }
