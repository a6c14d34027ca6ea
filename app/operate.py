"""What a person may do to triggers; the API, the pages and the commands all come through here."""

import json
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError

from app import actions, clock, lifecycle, queries
from app.db import Database, utc_now
from app.errors import InvalidTrigger, NotFound
from app.models import trigger_executions, triggers

SECRET_BYTES = 32
LONGEST_NAME = 200
LONGEST_SECRET = 255


@dataclass(frozen=True, slots=True)
class NewTrigger:
    """A trigger as its operator describes it."""

    name: str
    source: str = "custom"
    action_type: str = "script"
    action_payload: str = ""
    event_filter: str = "{}"
    secret: str | None = None
    """None: one is made up."""
    key_from: tuple[str, ...] = ()
    """Where the idempotency key comes from; empty: the default places."""
    missing_key: str | None = None
    """What becomes of an event without a key: `accept` (also None) or `refuse`."""
    tolerance_seconds: float | None = None
    """How old a signed timestamp may be; None: as the source has it."""


def add_trigger(database: Database, new: NewTrigger, known_sources: list[str]) -> sa.Row[Any]:
    """The trigger, stored and enabled; its secret, which `database.safe` opens, is shown this once.

    Raises InvalidTrigger with a sentence for each description that cannot work.
    """
    _require_valid(new, known_sources)
    now = clock.now()
    insert = (
        sa.insert(triggers)
        .values(
            name=new.name,
            slug=slug(new.name),
            type="webhook",
            source=new.source,
            event_filter=new.event_filter,
            action_type=new.action_type,
            action_payload=new.action_payload,
            **database.safe.columns("secret", new.secret or secrets.token_hex(SECRET_BYTES)),
            enabled=True,
            from_yaml=False,
            created_at=now,
            updated_at=now,
            idempotency_key_from=_as_text(new.key_from),
            missing_key=new.missing_key,
            tolerance_seconds=new.tolerance_seconds,
        )
        .returning(*triggers.c)
    )
    try:
        with database.writing() as connection:
            return connection.execute(insert).one()
    except IntegrityError as error:
        raise InvalidTrigger(f"there is a trigger named {new.name!r} already") from error


def rotate_secret(
    database: Database, name_or_id: str, grace_seconds: float, secret: str | None = None
) -> sa.Row[Any]:
    """The trigger with a new secret; the old one stays as good for the grace period."""
    if secret is not None and not 0 < len(secret) <= LONGEST_SECRET:
        raise InvalidTrigger(f"a secret has 1 to {LONGEST_SECRET} characters")
    now = clock.now()
    with database.writing() as connection:
        trigger = find_trigger(connection, name_or_id)
        change = sa.update(triggers).where(triggers.c.id == trigger.id)
        connection.execute(
            change.values(
                **database.safe.columns("secret", secret or secrets.token_hex(SECRET_BYTES)),
                **database.safe.columns("previous_secret", database.safe.opened(trigger)),
                previous_secret_expires_at=now + timedelta(seconds=grace_seconds),
                updated_at=now,
            )
        )
        return find_trigger(connection, str(trigger.id))


def set_enabled(database: Database, name_or_id: str, enabled: bool) -> sa.Row[Any]:
    """The trigger, from now on enabled or not; receivers follow within two seconds."""
    with database.writing() as connection:
        trigger = find_trigger(connection, name_or_id)
        change = sa.update(triggers).where(triggers.c.id == trigger.id)
        connection.execute(change.values(enabled=enabled, updated_at=clock.now()))
        return find_trigger(connection, str(trigger.id))


def remove_trigger(database: Database, name_or_id: str) -> sa.Row[Any]:
    """The trigger as it was; it is gone, and its executions with it."""
    with database.writing() as connection:
        trigger = find_trigger(connection, name_or_id)
        connection.execute(sa.delete(triggers).where(triggers.c.id == trigger.id))
        return trigger


def find_trigger(connection: Connection, name_or_id: str) -> sa.Row[Any]:
    """The trigger by id, slug or name; NotFound if there is none."""
    columns = triggers.c
    same = sa.or_(columns.slug == name_or_id, columns.name == name_or_id)
    if name_or_id.isascii() and name_or_id.isdigit() and len(name_or_id) < 10:
        same = sa.or_(columns.id == int(name_or_id), same)
    row = connection.execute(sa.select(triggers).where(same).order_by(columns.id)).first()
    if row is None:
        raise NotFound(f"there is no trigger {name_or_id!r}; `hookonce trigger list` shows all")
    return row


def release_held(database: Database) -> int:
    """How many executions that were held back are due from now on."""
    columns = trigger_executions.c
    waiting = sa.case(
        (columns.status == lifecycle.RUNNING, lifecycle.RETRYING), else_=columns.status
    )
    release = sa.update(trigger_executions).where(queries.held())
    with database.writing() as connection:
        due_now = {"next_attempt_at": utc_now(), "completed_at": None, "lease_owner": None}
        return connection.execute(release.values(status=waiting, **due_now)).rowcount


def give_up_held(database: Database) -> int:
    """How many executions that were held back are dead letters from now on.

    Each stands as though a worker had taken it and failed: a replay is still a person's choice.
    """
    give_up = (
        sa.update(trigger_executions)
        .where(queries.held())
        .values(
            status=lifecycle.FAILED,
            completed_at=utc_now(),
            lease_owner=None,
            error="found unfinished when the database was taken over, and given up by a person",
            error_category=lifecycle.PERMANENT,
        )
    )
    with database.writing() as connection:
        return connection.execute(give_up).rowcount


def slug(name: str) -> str:
    """The name as it may stand in an address: `Order Paid!` is `order-paid`."""
    return re.sub(r"[^\w]+", "-", name.strip().lower()).strip("-") or "trigger"


def _as_text(key_from: tuple[str, ...]) -> str | None:
    if len(key_from) > 1:
        return json.dumps(key_from)
    return key_from[0] if key_from else None


def _require_valid(new: NewTrigger, known_sources: list[str]) -> None:
    if not new.name.strip() or len(new.name) > LONGEST_NAME:
        raise InvalidTrigger(f"a trigger needs a name of 1 to {LONGEST_NAME} characters")
    if new.source not in known_sources:
        raise InvalidTrigger(
            f"there is no source {new.source!r}; there are {', '.join(known_sources)}"
        )
    if len(new.secret or "") > LONGEST_SECRET:
        raise InvalidTrigger(f"a secret has at most {LONGEST_SECRET} characters")
    actions.validate(new.action_type, new.action_payload)
    try:
        event_filter = json.loads(new.event_filter)
    except ValueError as error:
        raise InvalidTrigger(f"the event filter is not JSON: {error}") from error
    if not isinstance(event_filter, Mapping):
        raise InvalidTrigger('the event filter must be an object such as {"action": "opened"}')
