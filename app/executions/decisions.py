"""A person's decisions about one execution: cancel it, retry it now, forget its key.

Each is a compare-and-set with its audit row in the same transaction.
"""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from app import audit, lifecycle
from app.audit import Actor
from app.db import Database, same_trigger, utc_now
from app.db.models import forgotten_keys, trigger_executions
from app.errors import NotPossible, existing
from app.executions.held import LONGEST_ACTOR
from app.executions.origins import LONGEST_NAME

_columns = trigger_executions.c


def cancel(database: Database, execution_id: int, actor: Actor) -> None:
    """End a waiting execution as `failed` with the reason `cancelled`.

    It can be replayed by its id, but a bulk replay leaves it out. Raises NotFound, or NotPossible
    if it does not wait.
    """
    name = actor.name[:LONGEST_ACTOR]
    values = {
        "status": lifecycle.FAILED,
        "completed_at": utc_now(),
        "next_attempt_at": None,
        "error": f"cancelled by {name}",
        "error_category": lifecycle.PERMANENT,
        "error_reason": lifecycle.CANCELLED,
        "finished_by": name,
    }
    with database.writing() as connection:
        _move(connection, execution_id, values, "be cancelled")
        _record(connection, actor, "execution.cancel", execution_id)


def retry_now(database: Database, execution_id: int, actor: Actor) -> None:
    """Make a waiting execution due now; an open circuit breaker or a pause still holds it back.

    Raises NotFound, or NotPossible if it does not wait.
    """
    with database.writing() as connection:
        _move(connection, execution_id, {"next_attempt_at": utc_now()}, "be retried now")
        _record(connection, actor, "execution.retry_now", execution_id)
    database.notifier.notify()


def forget_key(database: Database, execution_id: int, actor: Actor) -> str:
    """Release the idempotency key of a finished execution, and return it.

    The next event with this key is admitted. Raises NotFound, or NotPossible if the execution has
    no key, if it is a replay (the first of its chain holds the key), or if it has not finished: the
    next event would run at the same time.
    """
    with database.writing() as connection:
        row = _locked(connection, execution_id)
        _require_releasable(connection, row)
        released = connection.execute(
            sa.update(trigger_executions)
            .where(_columns.trigger_id == row.trigger_id, _columns.id == execution_id)
            .where(_columns.idempotency_key == row.idempotency_key)
            .where(_columns.status == row.status)
            .values(idempotency_key=None)
        )
        if released.rowcount != 1:
            raise NotPossible(f"execution {execution_id} has just changed; look at it again")
        key = str(row.idempotency_key)
        by = {"forgotten_by": actor.name[:LONGEST_NAME], "forgotten_at": utc_now()}
        insert = sa.insert(forgotten_keys)
        ids = {"trigger_id": row.trigger_id, "execution_id": row.id}
        connection.execute(insert.values(**ids, idempotency_key=key, **by))
        forgotten = {"idempotency_key": key}
        _record(connection, actor, "execution.forget_key", execution_id, before=forgotten)
    return key


def _require_releasable(connection: Connection, row: sa.Row[Any]) -> None:
    if row.idempotency_key is None:
        raise NotPossible(f"execution {row.id} has no key", row.status)
    if row.replay_of_id is not None:
        first = row.chain_id or row.replay_of_id
        raise NotPossible(f"execution {row.id} is a replay: execution {first} holds the key")
    unfinished = _unfinished_of_chain(connection, row)
    if unfinished is not None:
        raise NotPossible(f"execution {unfinished} of this key has not finished: cancel it first")


def _unfinished_of_chain(connection: Connection, row: sa.Row[Any]) -> int | None:
    """Return an unfinished execution with this key of this trigger; replays carry it along."""
    same_key = _columns.idempotency_key == row.idempotency_key
    query = sa.select(_columns.id).where(same_key, _columns.trigger_id == row.trigger_id)
    query = query.where(_columns.status.in_(lifecycle.UNFINISHED))
    return connection.execute(query.limit(1)).scalar_one_or_none()


def _move(connection: Connection, execution_id: int, values: dict[str, Any], action: str) -> None:
    """Change a waiting execution; one whose attempt is just being claimed or settled is waited for.

    Raises NotFound, or NotPossible if it does not wait.
    """
    row = _locked(connection, execution_id)
    if row.status not in lifecycle.WAITING:
        message = f"execution {execution_id} is {row.status} and cannot {action}"
        raise NotPossible(message, row.status)
    same = (same_trigger(_columns.trigger_id, row.trigger_id), _columns.id == _id(execution_id))
    connection.execute(sa.update(trigger_executions).where(*same).values(values))


def _locked(connection: Connection, execution_id: int) -> sa.Row[Any]:
    """Return the execution, locked until the transaction ends. Raises NotFound."""
    columns = (
        *(_columns.id, _columns.status, _columns.trigger_id, _columns.idempotency_key),
        *(_columns.replay_of_id, _columns.chain_id),
    )
    same = _columns.id == _id(execution_id)
    trigger_id = _trigger_of(connection, execution_id)
    query: sa.Select[Any] = sa.select(*columns).where(same, _columns.trigger_id == trigger_id)
    row: sa.Row[Any] | None = connection.execute(query.with_for_update()).one_or_none()
    return existing(row, f"there is no execution {execution_id}")


def _trigger_of(connection: Connection, execution_id: int) -> int:
    """Return the trigger of the execution, so that the next statement concerns one shard."""
    query = sa.select(_columns.trigger_id).where(_columns.id == _id(execution_id))
    trigger_id = connection.execute(query).scalar_one_or_none()
    return int(existing(trigger_id, f"there is no execution {execution_id}"))


def _id(execution_id: int) -> sa.ColumnElement[int]:
    return sa.literal(execution_id, sa.BigInteger)


def _record(
    connection: Connection, actor: Actor, action: str, execution_id: int, **values: Any
) -> None:
    audit.record(connection, actor, action, f"execution:{execution_id}", **values)
