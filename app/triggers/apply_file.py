"""Triggers as a file declares them: what is to be made and changed, and what a person's edit keeps.

What a person changed after the file was last applied stays as they left it, column by column: the
audit log says who changed what. Only what the file names is compared.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from app.audit import Actor
from app.db import Database
from app.db.models import audit, triggers
from app.tolerant_json import json_object
from app.triggers import definition, manage
from app.triggers.definition import NewTrigger

SECRET = "secret"  # noqa: S105, the name of a column
JSON_COLUMNS = frozenset({"event_filter", "retry_policy", "action_payload"})
SOMEBODY = "a person"

Kind = Literal["create", "update", "unchanged"]


@dataclass(frozen=True, slots=True)
class DeclaredTrigger:
    """One trigger as a file has it; its name, as a slug, says which one it is."""

    slug: str
    columns: Mapping[str, Any]
    """Only those that the file names, as they are stored."""
    secret: str | None = None


@dataclass(frozen=True, slots=True)
class Difference:
    """What a column is, and what the file says."""

    current: Any
    declared: Any


@dataclass(frozen=True, slots=True)
class KeptEdit:
    """A difference that stays, since a person made it."""

    current: Any
    declared: Any
    edited_by: str


@dataclass(frozen=True, slots=True)
class PlannedChange:
    """What is to be done about one declared trigger."""

    declared: DeclaredTrigger
    kind: Kind
    row: sa.Row[Any] | None = None
    """The trigger as it stands; None for one that is to be made."""
    changes: Mapping[str, Difference] = field(default_factory=dict)
    kept: Mapping[str, KeptEdit] = field(default_factory=dict)


def require_valid(entry: DeclaredTrigger, known_sources: list[str]) -> None:
    """Return if a trigger could be made of it; else raise InvalidTrigger."""
    described = NewTrigger(name="").columns() | dict(entry.columns)
    definition.require_valid(described, known_sources)
    definition.require_secret(entry.secret, described["source"])


def plan(
    database: Database, entries: Sequence[DeclaredTrigger], *, force: bool = False
) -> list[PlannedChange]:
    """What applying them would do; `force`: also to what a person edited."""
    with database.reading() as connection:
        return [_step(database, connection, entry, force) for entry in entries]


def carry_out(
    database: Database,
    step: PlannedChange,
    known_sources: list[str],
    actor: Actor,
    grace_seconds: float,
) -> sa.Row[Any] | None:
    """The trigger as it is now; None if nothing was to be done."""
    if step.row is None:
        return _made(database, step.declared, known_sources, actor)
    if not step.changes:
        return None
    return manage.apply_trigger(
        database,
        step.row,
        {name: each.declared for name, each in step.changes.items() if name != SECRET},
        known_sources,
        actor,
        secret=step.declared.secret if SECRET in step.changes else None,
        grace_seconds=grace_seconds,
    )


def _step(
    database: Database, connection: Connection, entry: DeclaredTrigger, force: bool
) -> PlannedChange:
    query = sa.select(triggers).where(triggers.c.slug == entry.slug)
    row = connection.execute(query).one_or_none()
    if row is None:
        return PlannedChange(entry, "create")
    differences = _differences(database, row, entry)
    edits = {} if force else _edits(connection, row)
    kept = {
        name: KeptEdit(each.current, each.declared, edits[name])
        for name, each in differences.items()
        if name in edits
    }
    changes = {name: each for name, each in differences.items() if name not in kept}
    return PlannedChange(entry, "update" if changes else "unchanged", row, changes, kept)


def _differences(
    database: Database, row: sa.Row[Any], entry: DeclaredTrigger
) -> dict[str, Difference]:
    found = {
        name: Difference(row._mapping[name], value)
        for name, value in entry.columns.items()
        if not _same(name, row._mapping[name], value)
    }
    if entry.secret is not None and entry.secret != database.secret_box.decrypt(row):
        found[SECRET] = Difference(None, None)  # neither is to be shown
    return found


def _edits(connection: Connection, row: sa.Row[Any]) -> dict[str, str]:
    """Who last changed which column by hand, of those that no file has changed since.

    A trigger that no file ever made is all a person's.
    """
    query = sa.select(audit.c.action, audit.c.actor, audit.c.after)
    query = query.where(audit.c.subject == manage.subject(row.id)).order_by(audit.c.id)
    everything = (*NewTrigger(name="").columns(), SECRET)
    edits = {} if row.from_yaml else dict.fromkeys(everything, SOMEBODY)
    for action, actor, after in connection.execute(query):
        names = set(json_object(after) or {})
        if action == manage.APPLIED:
            names |= {SECRET} if "previous_secret_expires_at" in names or "slug" in names else set()
            edits = {name: by for name, by in edits.items() if name not in names}
        elif action == "trigger.rotate_secret":
            edits[SECRET] = actor
        elif action in ("trigger.add", "trigger.update"):
            edits |= dict.fromkeys(everything if action == "trigger.add" else names, actor)
    return edits


def _same(name: str, current: Any, declared: Any) -> bool:
    if current == declared:
        return True
    return name in JSON_COLUMNS and json_object(current) == json_object(declared) is not None


def _made(
    database: Database, entry: DeclaredTrigger, known_sources: list[str], actor: Actor
) -> sa.Row[Any]:
    columns = dict(entry.columns)
    key_from = columns.pop("idempotency_key_from", None) or ""
    parts = tuple(json.loads(key_from)) if key_from.startswith("[") else (key_from,)
    new = NewTrigger(**columns, key_from=parts if key_from else (), secret=entry.secret)
    return manage.add_trigger(database, new, known_sources, actor, declared=True)
