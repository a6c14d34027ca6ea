"""Changes of triggers by a person; the API, the pages and the commands all call these functions."""

import json
import secrets
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError

from app import audit, clock, masking
from app.audit import UNNAMED, Actor
from app.db import Database, found_triggers
from app.db.models import TEST_DUE, trigger_executions, triggers
from app.db.types import UtcDateTime
from app.errors import InvalidTrigger, NameTaken, SecretSealed
from app.executions.creation import initial_values
from app.triggers import definition, fields, lookup, switching, unverified
from app.triggers.definition import KEY_FROM, NewTrigger

__all__ = ["NewTrigger"]
SECRET_BYTES = 32
TEST_EVENT = "test"
APPLIED = "trigger.apply"
"""Audit action of a change that a file made, and no person."""
ROTATED = "trigger.rotate_secret"
"""Audit action of a new secret, however a person gave it; a file must not undo it."""


def add_trigger(
    database: Database,
    new: NewTrigger,
    actor: Actor = UNNAMED,
    *,
    declared: bool = False,
    any_source: bool = False,
) -> sa.Row[Any]:
    """Store the trigger and return its row; `database.secret_box` decrypts its secret.

    `declared`: a file declares it, and no person. `any_source`: also one that is not known, as a
    row of an older system may have. Raises InvalidTrigger with a sentence for each mistake.
    """
    described = new.columns()
    unchecked = {"source"} if any_source else set()
    definition.require_valid(described, frozenset(described.keys() - unchecked), new.secret)
    now = clock.now()
    secret = database.secret_box.columns("secret", new.secret or secrets.token_hex(SECRET_BYTES))
    payload = database.secret_box.payload_columns(described["action_payload"])
    values = (
        described | secret | payload | {"from_yaml": declared, "created_at": now, "updated_at": now}
    )
    insert = sa.insert(triggers).values(values).returning(*triggers.c)
    action = APPLIED if declared else "trigger.add"
    try:
        with database.writing() as connection:
            row = connection.execute(insert).one()
            found_triggers.exclude(connection, row.id)
            audit.record(connection, actor, action, lookup.subject(row.id), after=row._mapping)
    except IntegrityError as error:
        raise NameTaken(f"there is a trigger named {new.name!r} already") from error
    unverified.log_unverified(None, row)
    return row


def update_trigger(
    database: Database,
    name_or_id: str | int,
    changes: Mapping[str, Any],
    actor: Actor = UNNAMED,
    *,
    secret: str | None = None,
    grace_seconds: float = 0.0,
) -> sa.Row[Any]:
    """Change these columns and return the trigger; its id, and so its address, stays.

    `secret`: a new one; the old one stays valid for the grace period. Raises InvalidTrigger with a
    sentence for each change that cannot work.
    """
    try:
        with database.writing() as connection:
            before = lookup.locked_trigger(connection, name_or_id)
            changed = valid_changes(database, before, changes, secret)
            sealed = _sealed(database, changed)
            row = before
            if sealed or secret is None:
                row = _change(connection, row, sealed, "trigger.update", actor)
            if secret is not None:
                rotated = _rotated(database, before, secret, grace_seconds)
                row = _change(connection, row, rotated, ROTATED, actor)
            return row
    except IntegrityError as error:
        raise NameTaken(f"there is a trigger named {changes.get('name')!r} already") from error


def valid_changes(
    database: Database, before: sa.Row[Any], changes: Mapping[str, Any], secret: str | None
) -> dict[str, Any]:
    """Return the changes that differ from the trigger; InvalidTrigger if they cannot work."""
    current = _opened(database, before, changes)
    given = _keyed(before, _unmasked(current, changes))
    changed = {name: value for name, value in given.items() if current[name] != value}
    definition.require_valid(current | changed, frozenset(changed), secret)
    if secret is None:
        _require_usable_secret(database, before, changed)
    return changed


def _keyed(before: sa.Row[Any], changes: dict[str, Any]) -> dict[str, Any]:
    """Return the changes with the key of the source in place of a choice that is taken back.

    A trigger that never had one keeps none: its flow stays as it was.
    """
    if changes.get(KEY_FROM, KEY_FROM) or before.idempotency_key_from is None:
        return changes
    return changes | {KEY_FROM: definition.key_from(dict(before._mapping) | changes)}


def _opened(database: Database, row: sa.Row[Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return the trigger's columns, with the action's payload opened if the changes concern it.

    A payload that no key opens can still be replaced whole.
    """
    columns = dict(row._mapping)
    if changes.keys() & {"action_type", "action_payload"}:
        try:
            columns["action_payload"] = database.secret_box.payload(row)
        except SecretSealed:
            payload = changes.get("action_payload")
            if payload is None or masking.masked_options(payload):
                raise
    return columns


def _sealed(database: Database, changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return the changes as they are stored."""
    if "action_payload" not in changes:
        return dict(changes)
    return {**changes, **database.secret_box.payload_columns(changes["action_payload"])}


def _unmasked(before: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return the changes with masked options of the action as they are stored."""
    payload = changes.get("action_payload")
    if not payload:
        return dict(changes)
    same = changes.get("action_type", before["action_type"]) == before["action_type"]
    stored = before["action_payload"]
    return {**changes, "action_payload": masking.restored(payload, stored, same_action=same)}


def apply_trigger(
    database: Database,
    seen: sa.Row[Any],
    changes: Mapping[str, Any],
    actor: Actor = UNNAMED,
    *,
    secret: str | None = None,
    grace_seconds: float = 0.0,
) -> sa.Row[Any]:
    """Change these columns, and the secret if one is given, as a file declares them.

    Raises InvalidTrigger also where the row is no longer as it was `seen`: another change came
    first, and must not be overwritten.
    """
    with database.writing() as connection:
        before = lookup.locked_trigger(connection, seen.id)
        if before != seen:
            raise InvalidTrigger(f"{seen.slug} was just changed elsewhere: run the command again")
        changed = {**changes, "from_yaml": True}
        columns = _opened(database, before, changes) | changed
        definition.require_valid(columns, frozenset(changes), secret)
        if secret is None:
            _require_usable_secret(database, before, changes)
        changed = _sealed(database, changed)
        if secret is not None:
            changed |= _rotated(database, before, secret, grace_seconds)
        return _change(connection, before, changed, APPLIED, actor)


def rotate_secret(
    database: Database,
    name_or_id: str | int,
    grace_seconds: float,
    secret: str | None = None,
    actor: Actor = UNNAMED,
) -> sa.Row[Any]:
    """Give the trigger a new secret; the old one stays valid for the grace period.

    `secret`: the sender's own; None for a random one.
    """
    with database.writing() as connection:
        before = lookup.locked_trigger(connection, name_or_id)
        definition.require_secret(secret, before.source, before.verification)
        changed = _rotated(
            database, before, secret or secrets.token_hex(SECRET_BYTES), grace_seconds
        )
        return _change(connection, before, changed, ROTATED, actor)


def try_trigger(
    database: Database, name_or_id: str | int, data: Any = None, actor: Actor = UNNAMED
) -> int:
    """Store an execution with a test event, due at once, and return its id.

    It has no key and no sender, and runs also while the trigger is disabled or paused, or its
    breaker is open: an operator tries out the action. By `_test` a script tells it from a real
    event, as in the older system.
    """
    with database.writing() as connection:
        trigger = lookup.find_trigger(connection, name_or_id)
        event = {"_test": True, "event_type": TEST_EVENT, "source": trigger.source}
        event |= {"timestamp": clock.text(clock.now()), "data": data or {}}
        values = {"trigger_id": trigger.id, "event_data": json.dumps(event)} | initial_values()
        values["next_attempt_at"] = sa.literal(TEST_DUE, UtcDateTime)
        insert = sa.insert(trigger_executions).values(values).returning(trigger_executions.c.id)
        execution_id = int(connection.execute(insert).scalar_one())
        after = {"execution_id": execution_id}
        audit.record(connection, actor, "trigger.test", lookup.subject(trigger.id), after=after)
    database.notifier.notify()
    return execution_id


def _require_usable_secret(
    database: Database, before: sa.Row[Any], changes: Mapping[str, Any]
) -> None:
    """Raise InvalidTrigger if the secret that stays cannot be used as a new description says."""
    if changes.get("verification") is not None:
        secret = database.secret_box.decrypt(before)
        definition.require_secret(secret or None, before.source, changes["verification"])


def _rotated(
    database: Database, before: sa.Row[Any], secret: str, grace_seconds: float
) -> dict[str, Any]:
    if not 0 <= grace_seconds <= fields.LONGEST_LIFETIME_SECONDS:  # NaN is refused, too
        raise InvalidTrigger("the grace period must be 0 seconds to a hundred years")
    # Without a grace period the old secret is not decrypted: its key may be lost.
    previous = database.secret_box.decrypt(before) if grace_seconds else None
    if secret == previous:
        return {}  # a request that is sent twice must not end the overlap with the secret before
    return {
        **database.secret_box.columns("secret", secret),
        **database.secret_box.columns("previous_secret", previous),
        "previous_secret_expires_at": clock.now() + timedelta(seconds=grace_seconds),
    }


def _change(
    connection: Connection,
    before: sa.Row[Any],
    changed: Mapping[str, Any],
    action: str,
    actor: Actor,
) -> sa.Row[Any]:
    """Write the change with its audit row and return the trigger as it is now."""
    row = switching.write(connection, before, changed, action, actor)
    unverified.log_unverified(before.verification, row)
    return row
