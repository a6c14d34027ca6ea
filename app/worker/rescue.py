"""Whose worker fell silent? Leases are renewed while they are held, and expire when not."""

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from app.db import locked_for_claim, utc_now
from app.lifecycle import RUNNING
from app.models import trigger_executions
from app.worker.attempt import Lease

_executions = trigger_executions.c


def expired_query(limit: int) -> sa.Select[tuple[int, int, str]]:
    """Running executions whose lease ran out, from ix_trigger_executions_leased."""
    return (
        sa.select(_executions.id, _executions.attempt_count, _executions.lease_owner)
        .where(_executions.status == RUNNING, _executions.lease_expires_at < utc_now())
        .order_by(_executions.lease_expires_at)
        .limit(limit)
    )


def expired(connection: Connection, limit: int) -> list[Lease]:
    """Leases that nobody renewed, locked for this transaction to settle as lost."""
    query = locked_for_claim(expired_query(limit), connection.dialect)
    return [Lease(row.id, row.attempt_count, row.lease_owner) for row in connection.execute(query)]


def renew(
    connection: Connection, owner: str, execution_ids: list[int], lease_seconds: float
) -> int:
    """How many of the executions are still this owner's, for another lease time."""
    renewed = connection.execute(
        sa.update(trigger_executions)
        .where(
            _executions.id.in_(execution_ids),
            _executions.status == RUNNING,
            _executions.lease_owner == owner,
        )
        .values(lease_expires_at=utc_now(lease_seconds))
    )
    return renewed.rowcount
