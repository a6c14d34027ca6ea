"""Send a dead letter again: a new execution takes over, under the same key, exactly once.

The old row stays as it ended, `replayed`; its successor points at it (`replay_of_id`) and at the
first of the chain (`chain_id`, what a target is told as the idempotency key).
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
"""Between two replays of one chain: time enough to see how the last one ended."""
SINCE_REVISION = "0008"
"""Below it, and while a migration is on its way to it, there is nowhere to write the lineage."""
INCOMING_INDEX = f"{IDEMPOTENCY_INDEX}_incoming"
TAKEN_BACK = "replays are being taken back by a migration; try again when it is through"
_HIGHEST_ID = 2**63 - 1

logger = logging.getLogger("hookonce.replay")
_columns = trigger_executions.c


def replay(database: Database, execution_id: int, actor: Actor = UNNAMED) -> int:
    """The id of the new execution, due at once; the dead letter is `replayed` from now on.

    Raises NotFound, NotReplayable with the status that it has, or RateLimited, in this order. Of
    two replays at once one wins; the other hears NotReplayable. DatabaseUnavailable where the
    schema knows no replays. A trigger that is disabled receives nothing, yet a person may replay.
    """
    try:
        with database.writing() as connection:
            _require_lineage(connection)
            _require_replayable(connection, execution_id)
            # which holds the table as it is: no migration can have come in between any more
            _require_lineage(connection)
            known = db.columns(connection)
            successor = _add_successor(connection, known, execution_id)
            _take_over(connection, execution_id)
            if f"{models.audit.name}.actor" in known:  # it came after replays did
                _remember(connection, actor, execution_id, successor)
    except IntegrityError as error:
        raise _meaning(database, execution_id, error) from error
    except SchemaMoved as error:
        raise DatabaseUnavailable("a migration is under way; try again") from error
    database.notifier.notify()
    log.event(logger, logging.INFO, "replayed", execution_id=execution_id, successor=successor)
    return successor


def _remember(connection: Connection, actor: Actor, execution_id: int, successor: int) -> None:
    subject, after = f"execution:{execution_id}", {"new_execution_id": successor}
    audit.record(connection, actor, "execution.replay", subject, after=after)


def _require_lineage(connection: Connection) -> None:
    """Asked of the revision, not of the columns: a migration fills those after it made them."""
    current = schema.standing(connection)
    history = schema.history()
    if current is None or current in history[: history.index(SINCE_REVISION)]:
        raise DatabaseUnavailable(
            f"a replay needs revision {SINCE_REVISION}; {schema.explanation(current)}"
        )
    # an index that knows no replays is being built, and each replay would make it fail
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
        # a moment far in the future is a found row's mistake: waiting for it would not end
        if abs(elapsed) < PAUSE_SECONDS:
            raise RateLimited(min(PAUSE_SECONDS, math.ceil(PAUSE_SECONDS - elapsed)))


def _add_successor(connection: Connection, known: frozenset[str], execution_id: int) -> int:
    """The new execution with its original request; made before the old row is touched.

    So it waits for whoever deletes the trigger rather than being waited for, and a second replay
    is refused by the unique index whatever became of the old row.
    """
    first = trigger_executions.alias("first")
    # a downgrade that is under way has put the keys of replays aside, never that of the first
    key = sa.select(first.c.idempotency_key).where(first.c.id == _columns.chain_id)
    own_key = sa.func.coalesce(_columns.idempotency_key, key.scalar_subquery())
    values: dict[str, sa.ColumnElement[Any]] = {
        **{name: _columns[name] for name in EXECUTION_FIELDS},
        **initial_values(),
        "idempotency_key": own_key,
        "replay_of_id": _columns.id,
        "chain_id": sa.func.coalesce(_columns.chain_id, _columns.id),
    }
    values = {name: values[name] for name in values if f"trigger_executions.{name}" in known}
    dead = sa.select(*values.values()).where(_dead(execution_id))
    insert = sa.insert(trigger_executions).from_select(list(values), dead).returning(_columns.id)
    successor = connection.execute(insert).scalar_one_or_none()
    if successor is None:
        raise NotReplayable(execution_id, _status(connection, execution_id))
    _copy_request(connection, known, execution_id, successor)
    return int(successor)


def _copy_request(
    connection: Connection, known: frozenset[str], execution_id: int, successor: int
) -> None:
    """Nothing to copy where it was pruned: the action is then given the event alone."""
    original = execution_requests.c
    names = [name for name in REQUEST_FIELDS if f"execution_requests.{name}" in known]
    request = sa.select(sa.literal(successor), *(original[name] for name in names))
    request = request.where(original.execution_id == execution_id)
    insert = sa.insert(execution_requests).from_select(["execution_id", *names], request)
    connection.execute(insert)


def _take_over(connection: Connection, execution_id: int) -> None:
    moved = connection.execute(
        sa.update(trigger_executions)
        .where(_dead(execution_id))
        .values(
            status=lifecycle.REPLAYED,
            last_replay_at=utc_now(),
            completed_at=sa.func.coalesce(_columns.completed_at, utc_now()),
        )
    )
    if moved.rowcount != 1:
        raise NotReplayable(execution_id, _status(connection, execution_id))


def _dead(execution_id: int) -> sa.ColumnElement[bool]:
    return (_columns.id == execution_id) & _columns.status.in_(lifecycle.DEAD)


def _status(connection: Connection, execution_id: int) -> str:
    query = sa.select(_columns.status).where(_columns.id == execution_id)
    status = connection.execute(query).scalar_one_or_none()
    if status is None:
        raise NotFound(f"there is no execution {execution_id}")
    return str(status)


def _meaning(database: Database, execution_id: int, error: IntegrityError) -> Exception:
    """What it means that a constraint refused the successor."""
    if violates(error, REPLAY_INDEX):
        return NotReplayable(execution_id, lifecycle.REPLAYED)
    if violates(error, IDEMPOTENCY_INDEX):
        return DatabaseUnavailable(TAKEN_BACK)
    with database.reading() as connection:
        _status(connection, execution_id)  # its trigger may have gone, and it with it
    return error
