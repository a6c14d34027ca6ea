"""Let a person probe the target behind an open circuit breaker at once, or close the breaker."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from app import audit
from app.audit import UNNAMED, Actor
from app.db import Database, utc_now
from app.db.models import trigger_breakers
from app.errors import NotFound
from app.triggers import lookup

_breakers = trigger_breakers.c


def probe_now(database: Database, name_or_id: str | int, actor: Actor = UNNAMED) -> sa.Row[Any]:
    """Let the next execution through at once, and return the trigger.

    Raises NotFound if its breaker is closed.
    """
    with database.writing() as connection:
        trigger, before = _locked(connection, name_or_id)
        due = sa.update(trigger_breakers).where(_breakers.trigger_id == trigger.id)
        connection.execute(due.values(probe_at=utc_now()))
        _record(connection, actor, "breaker.probe", trigger.id, before)
    database.notifier.notify()
    return trigger


def close(database: Database, name_or_id: str | int, actor: Actor = UNNAMED) -> sa.Row[Any]:
    """Close the breaker, and return the trigger: everything that is due may run at once.

    Raises NotFound if the breaker is closed.
    """
    with database.writing() as connection:
        trigger, before = _locked(connection, name_or_id)
        connection.execute(sa.delete(trigger_breakers).where(_breakers.trigger_id == trigger.id))
        _record(connection, actor, "breaker.close", trigger.id, before)
    database.notifier.notify()
    return trigger


def _locked(connection: Connection, name_or_id: str | int) -> tuple[sa.Row[Any], sa.Row[Any]]:
    trigger = lookup.find_trigger(connection, name_or_id)
    query = sa.select(trigger_breakers).where(_breakers.trigger_id == trigger.id)
    row = connection.execute(query.with_for_update()).first()
    if row is None or row.opened_at is None:
        raise NotFound(f"the circuit breaker of {trigger.slug} is not open")
    return trigger, row


def _record(
    connection: Connection,
    actor: Actor,
    action: str,
    trigger_id: int,
    before: sa.Row[Any],
) -> None:
    shown = {name: before._mapping[name] for name in ("failure_count", "opened_at", "probe_at")}
    subject = lookup.subject(trigger_id)
    audit.record(connection, actor, action, subject, before=shown)
