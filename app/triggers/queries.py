"""Questions that only read: what the commands, the API and the pages show."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from app import clock
from app.actions.masking import masked
from app.db.models import trigger_breakers, trigger_executions, triggers
from app.lifecycle import RUNNING, WAITING

_SECRET_COLUMNS = {"secret", "previous_secret", "sealed_secret", "sealed_previous_secret"}


def all_triggers(connection: Connection) -> Sequence[sa.Row[Any]]:
    """Every trigger, newest first, with `execution_count`."""
    count = (
        sa.select(sa.func.count())
        .where(trigger_executions.c.trigger_id == triggers.c.id)
        .scalar_subquery()
        .label("execution_count")
    )
    return connection.execute(sa.select(triggers, count).order_by(triggers.c.id.desc())).all()


def execution_count(connection: Connection, trigger_id: int) -> int:
    """How many executions the trigger has."""
    same = trigger_executions.c.trigger_id == trigger_id
    return int(connection.execute(sa.select(sa.func.count()).where(same)).scalar_one())


def executions_of(connection: Connection, trigger_id: int, limit: int) -> Sequence[sa.Row[Any]]:
    """The trigger's executions, newest first."""
    columns = trigger_executions.c
    query = sa.select(trigger_executions).where(columns.trigger_id == trigger_id)
    return connection.execute(query.order_by(columns.id.desc()).limit(limit)).all()


def breaker_of(connection: Connection, trigger_id: int) -> dict[str, Any]:
    """How often its target failed in a row, and since when it is left in peace; {} if it works."""
    columns = trigger_breakers.c
    query: sa.Select[Any] = sa.select(
        columns.failure_count.label("failures_in_a_row"),
        columns.opened_at.label("breaker_open_since"),
        columns.probe_at.label("breaker_asks_again_at"),
    )
    row = connection.execute(query.where(columns.trigger_id == trigger_id)).first()
    return {} if row is None else public(row)


def held() -> sa.ColumnElement[bool]:
    """Unfinished, and neither scheduled nor leased: so a found database's executions stand."""
    columns = trigger_executions.c
    return sa.or_(
        columns.status.in_(WAITING) & columns.next_attempt_at.is_(None),
        (columns.status == RUNNING) & columns.lease_expires_at.is_(None),
    )


def held_by_trigger(connection: Connection) -> Sequence[sa.Row[Any]]:
    """(slug, status, executions, oldest_id, newest_id) of what is held back."""
    columns = trigger_executions.c
    query = (
        sa.select(
            triggers.c.slug,
            columns.status,
            sa.func.count().label("executions"),
            sa.func.min(columns.id).label("oldest_id"),
            sa.func.max(columns.id).label("newest_id"),
        )
        .outerjoin(triggers, triggers.c.id == columns.trigger_id)  # found rows may be orphans
        .where(held())
        .group_by(triggers.c.slug, columns.status)
    )
    return connection.execute(query.order_by(triggers.c.slug, columns.status)).all()


def public(row: sa.Row[Any]) -> dict[str, Any]:
    """The row as the API shows it: times as text, and never a secret."""
    shown = {name: value for name, value in row._mapping.items() if name not in _SECRET_COLUMNS}
    if "action_payload" in shown:
        shown["action_payload"] = masked(shown["action_payload"])
    return {
        name: clock.text(value) if hasattr(value, "astimezone") else value
        for name, value in shown.items()
    }
