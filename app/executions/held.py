"""Count, release or give up held executions: those that an adopted database left unscheduled."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from app import audit, lifecycle
from app.audit import UNNAMED, Actor
from app.db import Database, utc_now
from app.db.models import trigger_executions, triggers
from app.lifecycle import RUNNING, WAITING

LONGEST_ACTOR = 100
"""Characters of the actor's name that are stored with an execution."""


def held() -> sa.ColumnElement[bool]:
    """Return the SQL condition of held executions: unfinished, neither scheduled nor leased."""
    columns = trigger_executions.c
    waiting = columns.status.in_(WAITING) & columns.next_attempt_at.is_(None)
    return waiting | ((columns.status == RUNNING) & columns.lease_expires_at.is_(None))


def by_trigger(connection: Connection) -> Sequence[sa.Row[Any]]:
    """Return (slug, status, executions, oldest_id, newest_id) of held executions."""
    columns = trigger_executions.c
    query = (
        sa.select(
            triggers.c.slug,
            columns.status,
            sa.func.count().label("executions"),
            sa.func.min(columns.id).label("oldest_id"),
            sa.func.max(columns.id).label("newest_id"),
        )
        .outerjoin(
            triggers, triggers.c.id == columns.trigger_id
        )  # the trigger of an adopted row may be missing
        .where(held())
        .group_by(triggers.c.slug, columns.status)
    )
    return connection.execute(query.order_by(triggers.c.slug, columns.status)).all()


def release(database: Database, actor: Actor = UNNAMED) -> int:
    """Make held executions due now; return their number."""
    columns = trigger_executions.c
    waiting = sa.case(
        (columns.status == lifecycle.RUNNING, lifecycle.RETRYING), else_=columns.status
    )
    release = sa.update(trigger_executions).where(held())
    with database.writing() as connection:
        due_now = {"next_attempt_at": utc_now(), "completed_at": None, "lease_owner": None}
        count = connection.execute(release.values(status=waiting, **due_now)).rowcount
        audit.record(connection, actor, "held.release", "executions", after={"count": count})
    database.notifier.notify()
    return count


def give_up(database: Database, actor: Actor = UNNAMED) -> int:
    """Make held executions dead letters; return their number.

    Each looks as if a worker had run it and failed, so an operator may still replay it.
    """
    give_up = (
        sa.update(trigger_executions)
        .where(held())
        .values(
            status=lifecycle.FAILED,
            completed_at=utc_now(),
            lease_owner=None,
            error="unfinished when the database was adopted, and given up by an operator",
            error_category=lifecycle.PERMANENT,
            finished_by=actor.name[:LONGEST_ACTOR],
        )
    )
    with database.writing() as connection:
        count = connection.execute(give_up).rowcount
        audit.record(connection, actor, "held.give_up", "executions", after={"count": count})
        return count
