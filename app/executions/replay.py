"""Replay a dead letter: create a new execution with the same idempotency key, exactly once.

The old row gets the status `replayed`. Its successor points at it (`replay_of_id`) and at the first
of the chain (`chain_id`), whose id is the Idempotency-Key that the target receives.
"""

import logging
import math
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError

from app import audit, db, lifecycle, log
from app.audit import UNNAMED, Actor
from app.db import IDEMPOTENCY_INDEX, REPLAY_INDEX, Database, models, schema, utc_now, violates
from app.db.models import execution_requests, trigger_executions
from app.errors import DatabaseUnavailable, NotFound, NotReplayable, RateLimited, SchemaMoved
from app.executions.creation import EXECUTION_FIELDS, REQUEST_FIELDS, initial_values

PAUSE_SECONDS = 60
"""Shortest time between two replays of one chain: enough to see how the last one ended."""
SINCE_REVISION = "0008"
"""First revision with the columns of replays; below it a replay is refused."""
INCOMING_INDEX = f"{IDEMPOTENCY_INDEX}_incoming"
"""Index that a downgrade builds; no replay may be added while it exists."""
TAKEN_BACK = "a downgrade is removing replays; try again when the migration has ended"
_HIGHEST_ID = 2**63 - 1

logger = logging.getLogger("hookonce.replay")
_columns = trigger_executions.c


def replay(database: Database, execution_id: int, actor: Actor = UNNAMED) -> int:
    """Replay the dead letter; return the id of the new execution, which is due at once.

    Raises NotFound, NotReplayable with the current status, or RateLimited, in this order. Of two
    replays at the same time one wins; the other raises NotReplayable. Raises DatabaseUnavailable
    if the schema has no replays. The executions of a disabled trigger can be replayed too.
    """
    try:
        with database.writing() as connection:
            _require_lineage(connection)
            _require_replayable(connection, execution_id)
            # again, now that the query above keeps migrations from altering the table
            _require_lineage(connection)
            columns = db.columns(connection)
            successor = _add_successor(connection, columns, execution_id)
            _mark_replayed(connection, execution_id)
            if f"{models.audit.name}.actor" in columns:  # a later revision than replays
                _record(connection, actor, execution_id, successor)
    except IntegrityError as error:
        raise _translate(database, execution_id, error) from error
    except SchemaMoved as error:
        raise DatabaseUnavailable("a migration is under way; try again") from error
    database.notifier.notify()
    log.event(logger, logging.INFO, "replayed", execution_id=execution_id, successor=successor)
    return successor


def _record(connection: Connection, actor: Actor, execution_id: int, successor: int) -> None:
    subject, after = f"execution:{execution_id}", {"new_execution_id": successor}
    audit.record(connection, actor, "execution.replay", subject, after=after)


def _require_lineage(connection: Connection) -> None:
    """Raise DatabaseUnavailable unless the revision has replays.

    The revision decides, not the columns: a migration creates those before it fills them.
    """
    current = schema.current_revision(connection)
    history = schema.history()
    if current is None or current in history[: history.index(SINCE_REVISION)]:
        raise DatabaseUnavailable(
            f"a replay needs revision {SINCE_REVISION}; {schema.explanation(current)}"
        )
    # a replay added now would make the build of this index fail
    if sa.inspect(connection).has_index(trigger_executions.name, INCOMING_INDEX):
        raise DatabaseUnavailable(TAKEN_BACK)


def _require_replayable(connection: Connection, execution_id: int) -> None:
    before = trigger_executions.alias("before")
    query = (
        sa.select(
            _columns.status,
            utc_now().label("now"),
            _columns.last_replay_at,
            before.c.last_replay_at.label("chain_replay_at"),
        )
        .outerjoin(before, before.c.id == _columns.replay_of_id)
        .where(_columns.id == execution_id)
    )
    row = connection.execute(query).one_or_none() if 0 < execution_id <= _HIGHEST_ID else None
    if row is None:
        raise NotFound(f"there is no execution {execution_id}")
    if row.status not in lifecycle.DEAD:
        raise NotReplayable(execution_id, row.status)
    for replayed_at in (row.last_replay_at, row.chain_replay_at):
        elapsed = PAUSE_SECONDS if replayed_at is None else (row.now - replayed_at).total_seconds()
        # a time far in the future is a mistake in an adopted row: nobody can wait for it
        if abs(elapsed) < PAUSE_SECONDS:
            raise RateLimited(min(PAUSE_SECONDS, math.ceil(PAUSE_SECONDS - elapsed)))


def _add_successor(connection: Connection, columns: frozenset[str], execution_id: int) -> int:
    """Insert the new execution and a copy of its request; return its id.

    The insert comes before the update of the old row. So it waits for a deletion of the trigger
    instead of blocking it, and the unique index refuses a second replay in any case.
    """
    first = trigger_executions.alias("first")
    # a downgrade under way has stashed the keys of replays, never that of the first execution
    key = sa.select(first.c.idempotency_key).where(first.c.id == _columns.chain_id)
    own_key = sa.func.coalesce(_columns.idempotency_key, key.scalar_subquery())
    values: dict[str, sa.ColumnElement[Any]] = {
        **{name: _columns[name] for name in EXECUTION_FIELDS},
        **initial_values(),
        "idempotency_key": own_key,
        "replay_of_id": _columns.id,
        "chain_id": sa.func.coalesce(_columns.chain_id, _columns.id),
    }
    values = {name: values[name] for name in values if f"trigger_executions.{name}" in columns}
    dead = sa.select(*values.values()).where(_dead(execution_id))
    insert = sa.insert(trigger_executions).from_select(list(values), dead).returning(_columns.id)
    successor = connection.execute(insert).scalar_one_or_none()
    if successor is None:
        raise NotReplayable(execution_id, _status(connection, execution_id))
    _copy_request(connection, columns, execution_id, successor)
    return int(successor)


def _copy_request(
    connection: Connection, columns: frozenset[str], execution_id: int, successor: int
) -> None:
    """Copy the original request; if it was pruned, the action gets only the event."""
    original = execution_requests.c
    names = [name for name in REQUEST_FIELDS if f"execution_requests.{name}" in columns]
    request = sa.select(sa.literal(successor), *(original[name] for name in names))
    request = request.where(original.execution_id == execution_id)
    insert = sa.insert(execution_requests).from_select(["execution_id", *names], request)
    connection.execute(insert)


def _mark_replayed(connection: Connection, execution_id: int) -> None:
    updated = connection.execute(
        sa.update(trigger_executions)
        .where(_dead(execution_id))
        .values(
            status=lifecycle.REPLAYED,
            last_replay_at=utc_now(),
            completed_at=sa.func.coalesce(_columns.completed_at, utc_now()),
        )
    )
    if updated.rowcount != 1:
        raise NotReplayable(execution_id, _status(connection, execution_id))


def _dead(execution_id: int) -> sa.ColumnElement[bool]:
    return (_columns.id == execution_id) & _columns.status.in_(lifecycle.DEAD)


def _status(connection: Connection, execution_id: int) -> str:
    query = sa.select(_columns.status).where(_columns.id == execution_id)
    status = connection.execute(query).scalar_one_or_none()
    if status is None:
        raise NotFound(f"there is no execution {execution_id}")
    return str(status)


def _translate(database: Database, execution_id: int, error: IntegrityError) -> Exception:
    """Return the error to raise for the constraint that refused the successor."""
    if violates(error, REPLAY_INDEX):
        return NotReplayable(execution_id, lifecycle.REPLAYED)
    if violates(error, IDEMPOTENCY_INDEX):
        return DatabaseUnavailable(TAKEN_BACK)
    with database.reading() as connection:
        _status(connection, execution_id)  # raises NotFound if it was deleted with its trigger
    return error
