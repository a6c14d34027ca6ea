"""Triggers as a file declares them: plan the changes, apply them, and keep a person's edits.

A column that a person changed after the file was last applied keeps the person's value; the audit
log tells who changed which column. Only columns that the file names are compared.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from app.audit import Actor
from app.db import Database
from app.db.models import audit, triggers
from app.errors import SecretSealed
from app.tolerant_json import json_object
from app.triggers import definition, lookup, manage
from app.triggers.definition import NewTrigger
from app.triggers.fields import COLUMNS

SECRET = "secret"  # noqa: S105, the name of a column
JSON_COLUMNS = frozenset(
    name for name, field in COLUMNS.items() if field.kind in ("object", "text_or_object")
)
SOMEBODY = "a person"

Kind = Literal["create", "update", "unchanged"]


@dataclass(frozen=True, slots=True)
class DeclaredTrigger:
    """A trigger as a file declares it; the slug of its name identifies it."""

    slug: str
    columns: Mapping[str, Any]
    """The columns that the file names, as they are stored."""
    secret: str | None = None


@dataclass(frozen=True, slots=True)
class Difference:
    """A column's value in the database and in the file."""

    current: Any
    declared: Any


@dataclass(frozen=True, slots=True)
class KeptEdit:
    """A difference that is kept because a person made it."""

    current: Any
    declared: Any
    edited_by: str


@dataclass(frozen=True, slots=True)
class PlannedChange:
    """The change that one declared trigger needs."""

    declared: DeclaredTrigger
    kind: Kind
    row: sa.Row[Any] | None = None
    """The trigger as it is; None for one that is to be created."""
    changes: Mapping[str, Difference] = dataclasses.field(default_factory=dict)
    kept: Mapping[str, KeptEdit] = dataclasses.field(default_factory=dict)


def require_valid(entry: DeclaredTrigger) -> None:
    """Return if a trigger could be created from the entry; else raise InvalidTrigger."""
    columns = NewTrigger(name="").columns() | dict(entry.columns)
    definition.require_valid(columns)
    definition.require_secret(entry.secret, columns["source"], columns["verification"])


def plan(
    database: Database, entries: Sequence[DeclaredTrigger], *, force: bool = False
) -> list[PlannedChange]:
    """Plan the change of each entry; `force` includes columns that a person edited."""
    with database.reading() as connection:
        return [_step(database, connection, entry, force) for entry in entries]


def carry_out(
    database: Database, step: PlannedChange, actor: Actor, grace_seconds: float
) -> sa.Row[Any] | None:
    """Make the planned change and return the trigger; None if there was nothing to change."""
    if step.row is None:
        new = NewTrigger(**step.declared.columns, secret=step.declared.secret)
        return manage.add_trigger(database, new, actor, declared=True)
    if not step.changes:
        return None
    return manage.apply_trigger(
        database,
        step.row,
        {name: each.declared for name, each in step.changes.items() if name != SECRET},
        actor,
        secret=step.declared.secret if SECRET in step.changes else None,
        grace_seconds=grace_seconds,
    )


def _step(
    database: Database, connection: Connection, entry: DeclaredTrigger, force: bool
) -> PlannedChange:
    row = _find(connection, entry)
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


def _find(connection: Connection, entry: DeclaredTrigger) -> sa.Row[Any] | None:
    """Return the trigger of this slug, else the one of the slug that the older system would make.

    Otherwise the file of that system would make each of its triggers a second time.
    """
    older = definition.older_slug(entry.columns["name"])
    query = sa.select(triggers).where(triggers.c.slug.in_({entry.slug, older}))
    rows = {row.slug: row for row in connection.execute(query)}
    return rows.get(entry.slug, rows.get(older))


def _differences(
    database: Database, row: sa.Row[Any], entry: DeclaredTrigger
) -> dict[str, Difference]:
    current = dict(row._mapping)
    with suppress(SecretSealed):  # a payload that no key opens differs from every other
        current["action_payload"] = database.secret_box.payload(row)
    differences = {
        name: Difference(current[name], value)
        for name, value in entry.columns.items()
        if not _same(name, current[name], value)
    }
    if entry.secret is not None and entry.secret != database.secret_box.decrypt(row):
        differences[SECRET] = Difference(None, None)  # a secret is not shown
    return differences


def _edits(connection: Connection, row: sa.Row[Any]) -> dict[str, str]:
    """Return who last edited each column, leaving out columns that a file changed since.

    Every column of a trigger that no file ever declared counts as a person's edit.
    """
    query = sa.select(audit.c.action, audit.c.actor, audit.c.after)
    query = query.where(audit.c.subject == lookup.subject(row.id)).order_by(audit.c.id)
    all_names = (*NewTrigger(name="").columns(), SECRET)
    edits = {} if row.from_yaml else dict.fromkeys(all_names, SOMEBODY)
    for action, actor, after in connection.execute(query):
        names = set(json_object(after) or {})
        if action == manage.APPLIED:
            names |= {SECRET} if "previous_secret_expires_at" in names or "slug" in names else set()
            edits = {name: by for name, by in edits.items() if name not in names}
        elif action == "trigger.add":
            edits |= dict.fromkeys(all_names, actor)
        elif action in ("trigger.update", manage.ROTATED):
            # releases before recorded a secret of PATCH as an update
            names |= {SECRET} if "previous_secret_expires_at" in names else set()
            edits |= dict.fromkeys(names, actor)
    return edits


def _same(name: str, current: Any, declared: Any) -> bool:
    if current == declared:
        return True
    return name in JSON_COLUMNS and json_object(current) == json_object(declared) is not None
