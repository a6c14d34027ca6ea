"""Who changed what: each change leaves a row here, in the transaction that makes it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from app import clock
from app.actions.masking import masked
from app.db.models import audit

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
LONGEST = {"actor": 200, "origin": 100, "action": 50, "subject": 100}


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts, and from where."""

    name: str
    origin: str | None = None


UNNAMED = Actor("unnamed")
"""Code that acts for no person: tests and benchmarks."""


def record(
    connection: Connection,
    actor: Actor,
    action: str,
    subject: str,
    *,
    before: Mapping[Any, Any] | None = None,
    after: Mapping[Any, Any] | None = None,
) -> None:
    """The change is on record once the transaction that made it commits, and never without it.

    `before` and `after` are kept without secrets; where both are given, only what differs.
    """
    if before is not None and after is not None:
        before, after = _difference(before, after)
    named = {"actor": actor.name, "origin": actor.origin, "action": action, "subject": subject}
    connection.execute(
        sa.insert(audit).values(
            at=clock.now(),
            before=_text(before),
            after=_text(after),
            **{name: _cut(text, LONGEST[name]) for name, text in named.items()},
        )
    )


def without_secrets(values: Mapping[Any, Any]) -> dict[str, Any]:
    """The values that may be shown, times as the API writes them."""
    shown = {name: value for name, value in values.items() if name not in SECRET_COLUMNS}
    if "action_payload" in shown:
        shown["action_payload"] = masked(shown["action_payload"])
    return {
        name: clock.text(value) if hasattr(value, "astimezone") else value
        for name, value in shown.items()
    }


def _difference(
    before: Mapping[Any, Any], after: Mapping[Any, Any]
) -> tuple[dict[str, Any], dict[str, Any]]:
    names = before.keys() | after.keys()
    changed = sorted(name for name in names if before.get(name) != after.get(name))
    return (
        {name: before[name] for name in changed if name in before},
        {name: after[name] for name in changed if name in after},
    )


def _text(values: Mapping[Any, Any] | None) -> str | None:
    return None if values is None else json.dumps(without_secrets(values), default=str)


def _cut(text: str | None, length: int) -> str | None:
    return None if text is None else text[:length]
