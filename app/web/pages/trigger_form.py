"""The form of a trigger: its fields as text, and what they say as the API takes it. Pure."""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from app.executions import retry_policy
from app.web.api.schemas.triggers import Trigger

PLAIN = (
    "name",
    "type",
    "source",
    "event_filter",
    "action_type",
    "action_payload",
    "agent",
    "remote_trigger_id",
    "source_plugin",
    "missing_key",
)
LIFETIMES = ("keep_payload_seconds", "keep_rows_seconds")
NUMBERS = ("tolerance_seconds", "max_concurrency", *LIFETIMES)
RETRY = ("max_attempts", "base_seconds", "factor", "cap_seconds", "max_age_seconds")
FIELDS = (*PLAIN, *NUMBERS, "idempotency_key_from", *(f"retry_{name}" for name in RETRY))
RETRY_DEFAULTS = {name: getattr(retry_policy.DEFAULT, name) for name in RETRY}
_WHOLE = re.compile("-?[0-9]{1,15}")
_BROKEN = re.compile(r"-?[0-9]{0,15}\.[0-9]{1,15}")
NEVER_EMPTY = ("name", "type", "source", "action_type")
"""Without a word the API says that they are missing, and not that they are empty."""


def empty() -> dict[str, str]:
    """The form of a trigger that is yet to be made."""
    chosen = {"type": "webhook", "source": "custom", "action_type": "script"}
    return dict.fromkeys(FIELDS, "") | chosen


def texts(trigger: Trigger) -> dict[str, str]:
    """The trigger as its form shows it."""
    shown: Mapping[str, Any] = trigger
    filled = {name: shown[name] or "" for name in PLAIN}
    filled |= {name: _number(shown[name]) for name in NUMBERS}
    filled["event_filter"] = json.dumps(shown["event_filter"]) if shown["event_filter"] else ""
    filled["idempotency_key_from"] = "\n".join(shown["idempotency_key_from"])
    policy = shown["retry_policy"] or {}
    filled |= {f"retry_{name}": _number(policy.get(name)) for name in RETRY}
    return {name: str(filled[name]) for name in FIELDS}


def posted(fields: Mapping[str, str]) -> dict[str, str]:
    """The form as it was sent back."""
    return {name: fields.get(name, "").strip() for name in FIELDS}


def given(form: Mapping[str, str], changed: Iterable[str] = FIELDS) -> dict[str, Any]:
    """What these fields say, as the API's JSON; an empty one says: none."""
    named = set(changed)
    said: dict[str, Any] = {name: form[name] or None for name in PLAIN if name in named}
    said |= {name: _value(form[name]) for name in NUMBERS if name in named}
    if "idempotency_key_from" in named:
        lines = [each.strip() for each in form["idempotency_key_from"].splitlines()]
        said["idempotency_key_from"] = [each for each in lines if each] or None
    if any(name.startswith("retry_") for name in named):
        policy = {name: _value(form[f"retry_{name}"]) for name in RETRY if form[f"retry_{name}"]}
        said["retry_policy"] = policy or None
    return {name: value for name, value in said.items() if value or name not in NEVER_EMPTY}


def changed(form: Mapping[str, str], before: Mapping[str, str]) -> list[str]:
    """The fields that a person changed."""
    return [name for name in FIELDS if form[name] != before[name].strip()]


def _number(value: Any) -> str:
    return (
        "" if value is None else f"{value:.15g}" if isinstance(value, int | float) else str(value)
    )


def _value(text: str) -> int | float | str | None:
    """The number; text that is none is left to whoever says so."""
    if _WHOLE.fullmatch(text):
        return int(text)
    return float(text) if _BROKEN.fullmatch(text) else text or None
