"""Claim due executions: lease each to one worker, and count its attempt."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.sql.dml import ReturningUpdate

from app.actions.work import Work
from app.db import (
    combines_statements,
    is_distributed,
    on_shard,
    or_now,
    same_trigger,
    skip_locked,
    utc_now,
)
from app.db.encryption import SecretBox
from app.db.models import execution_attempts, execution_requests, trigger_executions, triggers
from app.errors import ActionFailed, SecretSealed
from app.executions import retry_policy
from app.executions.due import ONE_AT_A_TIME, DueTrigger, age_seconds
from app.executions.due_queries import running_count
from app.lifecycle import CONFIGURATION, RUNNING
from app.settings import Settings
from app.worker import circuit_breaker, pace
from app.worker.attempt import Attempt, Lease, RetryTerms, named_headers, request_id
from app.worker.claim_queries import QUERIES, TRIGGER, Order

EventHeaders = Mapping[str, tuple[str, ...]]
"""Names of the headers that an action may see, by source."""
NO_HEADERS: EventHeaders = {}
_executions = trigger_executions.c
_OWNER = sa.bindparam("owner", type_=sa.String)


def by_one_statement(due_trigger: DueTrigger) -> bool:
    """Return True if one statement can claim: no limit, breaker or pace has to be asked first."""
    flows = due_trigger.probe_in_seconds is None and due_trigger.batch_in_seconds is None
    return due_trigger.max_concurrency is None and (due_trigger.test_is_due or flows)


def due(
    connection: Connection,
    owner: str,
    shares: Iterable[tuple[DueTrigger, int]],
    settings: Settings,
    *,
    event_headers: EventHeaders = NO_HEADERS,
) -> list[Attempt]:
    """Claim up to so many due executions of each trigger, each under a lease of this owner.

    The attempt is counted here: an execution that kills its worker runs out of attempts too.
    """
    claimed: list[Any] = []
    for due_trigger, count in shares:
        allowed = _allowed_count(connection, due_trigger, count, settings)
        if allowed > 0:
            claimed += _claim(
                connection, owner, due_trigger, allowed, settings.hookonce_lease_seconds
            )
    if claimed and not combines_statements(connection):
        claimed = _begin_attempts(connection, owner, claimed)
    claimed.sort(key=lambda row: row.id)
    return [
        _attempt(
            Lease(row.id, row.attempt_count, owner),
            row,
            settings,
            named_headers(row.headers, event_headers.get(row.source, ())),
        )
        for row in claimed
    ]


def _allowed_count(
    connection: Connection, due_trigger: DueTrigger, count: int, settings: Settings
) -> int:
    """Return how many of `count` may still be claimed, and lock the trigger if it has a limit.

    Other workers may have claimed since the triggers were read.
    """
    probed = due_trigger.probe_in_seconds is not None and not due_trigger.test_is_due
    if probed:
        seconds = settings.hookonce_breaker_seconds
        if not circuit_breaker.let_through(connection, due_trigger.trigger_id, seconds):
            return 0
        count = 1
    count = _within_limit(connection, due_trigger, count)
    if due_trigger.batch_in_seconds is None or due_trigger.test_is_due or count <= 0:
        return count
    return pace.take_batch(connection, due_trigger.trigger_id, count)


def _within_limit(connection: Connection, due_trigger: DueTrigger, count: int) -> int:
    if due_trigger.max_concurrency is None:
        return count
    limit = sa.select(triggers.c.max_concurrency).where(triggers.c.id == due_trigger.trigger_id)
    locked = connection.execute(skip_locked(limit)).first()
    if locked is None:
        return 0  # another worker is claiming executions of it
    if locked.max_concurrency is None:
        return count
    query = running_count(sa.literal(due_trigger.trigger_id))
    query = query.where(on_shard(_executions.trigger_id, due_trigger.trigger_id))
    running = connection.execute(query).scalar_one()
    return min(count, int(locked.max_concurrency - running))


def _claim(
    connection: Connection, owner: str, due_trigger: DueTrigger, count: int, lease_seconds: float
) -> Sequence[sa.Row[Any]]:
    """Claim executions; on PostgreSQL also insert their attempts and read all that they need."""
    query = _claim_and_begin_query if combines_statements(connection) else _claim_query
    order = _order_of(due_trigger)
    values = {
        "the_trigger": due_trigger.trigger_id,
        "at_most": count,
        "owner": owner,
        "lease_seconds": lease_seconds,
    }
    if is_distributed(connection):
        return _claim_on_shard(connection, order, values)
    return connection.execute(query(order), values).all()


def _claim_on_shard(
    connection: Connection, order: Order, values: dict[str, Any]
) -> Sequence[sa.Row[Any]]:
    """Claim by two statements that each name the trigger: Citus locks rows of one shard only."""
    ids = connection.execute(skip_locked(QUERIES[order]()), values).scalars().all()
    return connection.execute(_lease_query(), values | {"ids": ids}).all() if ids else []


def _order_of(due_trigger: DueTrigger) -> Order:
    if due_trigger.test_is_due:
        return "tests"
    return "in order" if due_trigger.max_concurrency == ONE_AT_A_TIME else "longest due"


def _begin_attempts(
    connection: Connection, owner: str, claimed: Sequence[sa.Row[Any]]
) -> list[sa.Row[Any]]:
    """Insert the attempts and read all that they need: SQLite has no single statement for it."""
    begin = sa.insert(execution_attempts).values(started_at=utc_now())
    connection.execute(
        begin,
        [
            {
                "trigger_id": row.trigger_id,
                "execution_id": row.id,
                "number": row.attempt_count,
                "worker": owner,
            }
            for row in claimed
        ],
    )
    ids, of_triggers = [row.id for row in claimed], sorted({row.trigger_id for row in claimed})
    return list(connection.execute(_details_by_id(), {"ids": ids, "of_triggers": of_triggers}))


@cache
def _details_by_id() -> sa.Select[Any]:
    of_triggers = sa.bindparam("of_triggers", type_=sa.ARRAY(sa.Integer))
    ids = _executions.id.in_(sa.bindparam("ids", expanding=True))
    return _details(_executions).where(on_shard(_executions.trigger_id, of_triggers), ids)


@cache
def _claim_query(order: Order) -> ReturningUpdate[*tuple[Any, ...]]:
    # A CTE is evaluated once; PostgreSQL may evaluate a plain sub-select again and take more.
    locked = skip_locked(QUERIES[order]()).cte("locked")
    return _leasing(_executions.id.in_(sa.select(locked.c.id)))


@cache
def _lease_query() -> ReturningUpdate[*tuple[Any, ...]]:
    ids = _executions.id.in_(sa.bindparam("ids", expanding=True))
    return _leasing(sa.and_(_executions.trigger_id == TRIGGER, ids))


def _leasing(chosen: sa.ColumnElement[bool]) -> ReturningUpdate[*tuple[Any, ...]]:
    return (
        sa.update(trigger_executions)
        .where(chosen)
        .values(
            status=RUNNING,
            attempt_count=_executions.attempt_count + 1,
            lease_owner=_OWNER,
            lease_expires_at=utc_now(sa.bindparam("lease_seconds", type_=sa.Float)),
            started_at=or_now(_executions.started_at),
        )
        .returning(*(_executions[name] for name in _CLAIMED_COLUMNS))
    )


@cache
def _claim_and_begin_query(order: Order) -> sa.Select[Any]:
    chosen = QUERIES[order]().add_columns(_executions.trigger_id)
    locked = skip_locked(chosen).cte("locked")
    # both columns from the CTE: with the trigger as a constant all its executions might be read
    both = sa.tuple_(_executions.id, _executions.trigger_id)
    claimed = _leasing(both.in_(sa.select(locked.c.id, locked.c.trigger_id))).cte("claimed")
    row = sa.select(claimed.c.trigger_id, claimed.c.id, claimed.c.attempt_count, _OWNER, utc_now())
    names = ["trigger_id", "execution_id", "number", "worker", "started_at"]
    begun = sa.insert(execution_attempts).from_select(names, row).cte("begun")
    return _details(claimed.c).add_cte(begun)


_CLAIMED_COLUMNS = (
    "id",
    "attempt_count",
    "trigger_id",
    "event_data",
    "chain_id",
    "received_at",
    "started_at",
)
"""Columns of an execution that its attempt needs."""


def _details(executions: Any) -> sa.Select[Any]:
    """Select these executions, each with its trigger and its request."""
    return (
        sa.select(
            executions.id,
            executions.attempt_count,
            executions.event_data,
            sa.func.coalesce(executions.chain_id, executions.id).label("chain_id"),
            age_seconds(executions).label("age_seconds"),
            triggers.c.id.label("trigger_id"),
            triggers.c.slug,
            triggers.c.source,
            triggers.c.secret,
            triggers.c.sealed_secret,
            triggers.c.action_type,
            triggers.c.action_payload,
            triggers.c.sealed_action_payload,
            triggers.c.agent,
            triggers.c.retry_policy,
            execution_requests.c.body,
            execution_requests.c.content_type,
            execution_requests.c.headers,
        )
        .join(triggers, triggers.c.id == executions.trigger_id)
        .outerjoin(
            execution_requests,
            (execution_requests.c.execution_id == executions.id)
            & same_trigger(execution_requests.c.trigger_id, executions.trigger_id),
        )
    )


def _attempt(
    lease: Lease, row: Any, settings: Settings, event_headers: Mapping[str, str]
) -> Attempt:
    """Return the attempt of a claimed row.

    A secret that cannot be decrypted fails this attempt, and so delays only its own trigger.
    """
    secret, payload, precondition_error = "", "", None
    secret_box = SecretBox(settings.hookonce_secret_key)
    try:
        secret = secret_box.decrypt(row) or ""
        payload = secret_box.payload(row) or ""
    except SecretSealed as error:
        precondition_error = ActionFailed(str(error), permanent=False, reason=CONFIGURATION)
    terms = RetryTerms(
        row.trigger_id, retry_policy.read_or_default(row.retry_policy), row.age_seconds
    )
    work = replace(_work(row, lease, settings), event_headers=event_headers)
    work = replace(work, trigger_secret=secret, action_payload=payload)
    return Attempt(lease, work, terms, precondition_error, request_id(row.headers))


def _work(row: Any, lease: Lease, settings: Settings) -> Work:
    """Return the work without its secrets."""
    return Work(
        execution_id=lease.execution_id,
        attempt_number=lease.number,
        action_type=row.action_type or "",
        action_payload="",
        event_data=row.event_data or "{}",
        body=row.body,
        content_type=row.content_type,
        trigger_id=row.trigger_id,
        trigger_slug=row.slug or "",
        trigger_secret="",
        settings=settings,
        agent=row.agent or "",
        chain_id=row.chain_id,
    )
