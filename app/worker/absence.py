"""Retry an attempt whose script or module is absent, if its trigger has worked before.

A deployment replaces files in several steps, and what runs meanwhile finds some of them missing.
A file that was never there, or stays away, is a mistake of the configuration.
"""

from collections.abc import Sequence
from dataclasses import replace

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from app.db.models import trigger_executions
from app.lifecycle import COMPLETED, TRANSIENT
from app.worker.attempt import FinishedAttempt

ATTEMPTS = 8
"""Number of the attempt at which an absent file is a permanent failure, at the latest: after about
two minutes with the default retry policy."""
NEWEST = 1_000
"""Executions of the trigger in which a completed one is looked for, newest first."""

_executions = trigger_executions.c


def retried(connection: Connection, batch: Sequence[FinishedAttempt]) -> list[FinishedAttempt]:
    """Return the attempts; an absent file is transient if its trigger worked, for some attempts."""
    return [
        replace(each, outcome=replace(each.outcome, category=TRANSIENT))
        if _may_return(each) and _has_worked(connection, each.terms.trigger_id)
        else each
        for each in batch
    ]


def _may_return(finished: FinishedAttempt) -> bool:
    last = min(finished.terms.policy.max_attempts, ATTEMPTS)
    return finished.outcome.absent and finished.lease.number < last


def _has_worked(connection: Connection, trigger_id: int) -> bool:
    newest = (
        sa.select(_executions.status)
        .where(_executions.trigger_id == trigger_id)
        .order_by(_executions.id.desc())
        .limit(NEWEST)
        .subquery("newest")
    )
    completed = sa.select(sa.literal(1)).where(newest.c.status == COMPLETED).limit(1)
    return connection.execute(completed).first() is not None
