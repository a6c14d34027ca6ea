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
from app.db import (
    IDEMPOTENCY_INDEX,
    REPLAY_INDEX,
    Database,
    models,
    or_now,
    same_trigger,
    schema,
    utc_now,
    violates,
)
from app.db.models import execution_requests, trigger_executions
from app.errors import (
    DatabaseUnavailable,
    NotPossible,
    NotReplayable,
    RateLimited,
    SchemaMoved,
    existing,
)
from app.executions import origins
from app.executions.creation import EXECUTION_FIELDS, REQUEST_FIELDS, initial_values
from app.executions.origins import EditedPayload
from app.executions.rerun import OldExecution, Rerun

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


def run_again(
    database: Database,
    execution_id: int,
    actor: Actor,
    *,
    own_key: bool = False,
    edited: EditedPayload | None = None,
) -> int:
    """Run a completed execution again, once; return the new one, which points at the old one.

    With its old Idempotency-Key a careful target does nothing; with its own it acts again. The
    rules are those of a replay. Raises NotFound, NotPossible with the status, or RateLimited.
    """
    rerun = Rerun((lifecycle.COMPLETED,), origins.RUN_AGAIN, own_key, edited)
    try:
        return _run(database, execution_id, actor, rerun)
    except NotReplayable as error:
        status = error.current_status
        raise NotPossible(_not_completed(execution_id, status), status) from error


def _not_completed(execution_id: int, status: str) -> str:
    if status == lifecycle.COMPLETED:
        return f"execution {execution_id} was run again before: run the newest of its chain"
    return f"execution {execution_id} is {status}: only a completed one can be run again"


def replay(
    database: Database,
    execution_id: int,
    actor: Actor = UNNAMED,
    edited: EditedPayload | None = None,
) -> int:
    """Replay the dead letter; return the id of the new execution, which is due at once.

    Raises NotFound, NotReplayable with the current status, or RateLimited, in this order. Of two
    replays at the same time one wins; the other raises NotReplayable. Raises DatabaseUnavailable
    if the schema has no replays. The executions of a disabled trigger can be replayed too.
    """
    return _run(database, execution_id, actor, Rerun(edited=edited))


def _run(database: Database, execution_id: int, actor: Actor, rerun: Rerun) -> int:
    try:
        with database.writing() as connection:
            _require_lineage(connection)
            old = OldExecution(execution_id, _require_replayable(connection, execution_id, rerun))
            # again, now that the query above keeps migrations from altering the table
            _require_lineage(connection)
            columns = db.columns(connection)
            successor = _add_successor(connection, columns, old, rerun)
            _mark_replayed(connection, old, rerun)
            if f"{models.audit.name}.actor" in columns:  # a later revision than replays
                _record(connection, actor, execution_id, successor, rerun)
            if rerun.edited is not None or not rerun.takes_over:
                _record_origin(connection, columns, actor, (old, successor), rerun)
    except IntegrityError as error:
        raise _translate(database, execution_id, error, rerun) from error
    except SchemaMoved as error:
        raise DatabaseUnavailable("a migration is under way; try again") from error
    database.notifier.notify()
    name = "replayed" if rerun.takes_over else "run_again"
    log.event(logger, logging.INFO, name, execution_id=execution_id, successor=successor)
    return successor


def _record(
    connection: Connection, actor: Actor, execution_id: int, successor: int, rerun: Rerun
) -> None:
    subject, after = f"execution:{execution_id}", {"new_execution_id": successor}
    changed = {} if rerun.edited is None else {"edited": True}
    own = {} if rerun.takes_over else {"own_key": rerun.own_key}
    audit.record(
        connection, actor, f"execution.{rerun.kind}", subject, after={**after, **changed, **own}
    )


def _record_origin(
    connection: Connection,
    columns: frozenset[str],
    actor: Actor,
    ids: tuple[OldExecution, int],
    rerun: Rerun,
) -> None:
    if "execution_origins.trigger_id" not in columns:
        raise DatabaseUnavailable("this needs revision 0029: run `alembic upgrade head`")
    (execution_id, trigger_id), successor = ids
    kept = {} if rerun.edited is None else origins.originals(connection, trigger_id, execution_id)
    made = {"of_execution_id": execution_id, **kept}
    origins.record(connection, (trigger_id, successor), rerun.kind, actor, **made)


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


def _require_replayable(connection: Connection, execution_id: int, rerun: Rerun) -> int:
    """Return the trigger of the execution. Raises NotFound, NotReplayable or RateLimited."""
    before = trigger_executions.alias("before")
    query = (
        sa.select(
            _columns.trigger_id,
            _columns.status,
            utc_now().label("now"),
            _columns.last_replay_at,
            before.c.last_replay_at.label("chain_replay_at"),
        )
        .outerjoin(
            before,
            (before.c.id == _columns.replay_of_id)
            & same_trigger(before.c.trigger_id, _columns.trigger_id),
        )
        .where(_columns.id == execution_id)
    )
    found = connection.execute(query).one_or_none() if 0 < execution_id <= _HIGHEST_ID else None
    row = existing(found, f"there is no execution {execution_id}")
    if row.status not in rerun.statuses:
        raise NotReplayable(execution_id, row.status)
    for replayed_at in (row.last_replay_at, row.chain_replay_at):
        elapsed = PAUSE_SECONDS if replayed_at is None else (row.now - replayed_at).total_seconds()
        # a time far in the future is a mistake in an adopted row: nobody can wait for it
        if abs(elapsed) < PAUSE_SECONDS:
            raise RateLimited(min(PAUSE_SECONDS, math.ceil(PAUSE_SECONDS - elapsed)))
    return int(row.trigger_id)


def _add_successor(
    connection: Connection, columns: frozenset[str], old: OldExecution, rerun: Rerun
) -> int:
    """Insert the new execution and a copy of its request; return its id.

    The insert comes before the update of the old row. So it waits for a deletion of the trigger
    instead of blocking it, and the unique index refuses a second replay in any case.
    """
    first = trigger_executions.alias("first")
    # a downgrade under way has stashed the keys of replays, never that of the first execution
    key = sa.select(first.c.idempotency_key).where(
        first.c.id == _columns.chain_id, same_trigger(first.c.trigger_id, old.trigger_id)
    )
    own_key = sa.func.coalesce(_columns.idempotency_key, key.scalar_subquery())
    values: dict[str, sa.ColumnElement[Any]] = {
        **db.drawn_id(connection),
        **{name: _columns[name] for name in EXECUTION_FIELDS},
        **initial_values(),
        "idempotency_key": own_key,
        "replay_of_id": _columns.id,
        "chain_id": sa.func.coalesce(_columns.chain_id, _columns.id),
    }
    if rerun.edited is not None:
        values |= {"event_data": sa.literal(rerun.edited.event_data), "payload_digest": sa.null()}
    values = {name: values[name] for name in values if f"trigger_executions.{name}" in columns}
    row = sa.select(*values.values()).where(_may_run(old, rerun))
    insert = sa.insert(trigger_executions).from_select(list(values), row).returning(_columns.id)
    successor = connection.execute(insert).scalar_one_or_none()
    if successor is None:
        raise NotReplayable(old.id, _status(connection, old.id))
    if rerun.own_key:
        itself = sa.update(trigger_executions).where(*_is(old._replace(id=successor)))
        connection.execute(itself.values(chain_id=successor))
    _copy_request(connection, columns, (old, successor), rerun.edited)
    return int(successor)


def _copy_request(
    connection: Connection,
    columns: frozenset[str],
    ids: tuple[OldExecution, int],
    edited: EditedPayload | None,
) -> None:
    """Copy the original request; if it was pruned, the action gets only the event."""
    old, successor = ids
    original = execution_requests.c
    names = [name for name in REQUEST_FIELDS if f"execution_requests.{name}" in columns]
    copied: dict[str, sa.ColumnElement[Any]] = {name: original[name] for name in names}
    if edited is not None and edited.body is not None:
        copied["body"] = sa.literal(edited.body, sa.LargeBinary)
    if "trigger_id" in copied:
        copied["trigger_id"] = sa.literal(old.trigger_id, sa.Integer)
    request = sa.select(sa.literal(successor), *copied.values())
    request = request.where(original.execution_id == old.id)
    if "trigger_id" in copied:
        request = request.where(same_trigger(original.trigger_id, old.trigger_id))
    insert = sa.insert(execution_requests).from_select(["execution_id", *names], request)
    connection.execute(insert)


def _mark_replayed(connection: Connection, old: OldExecution, rerun: Rerun) -> None:
    changes: dict[str, Any] = {"last_replay_at": utc_now()}
    if rerun.takes_over:
        changes |= {"status": lifecycle.REPLAYED, "completed_at": or_now(_columns.completed_at)}
    change = sa.update(trigger_executions).where(_may_run(old, rerun))
    updated = connection.execute(change.values(changes))
    if updated.rowcount != 1:
        raise NotReplayable(old.id, _status(connection, old.id))


def _may_run(old: OldExecution, rerun: Rerun) -> sa.ColumnElement[bool]:
    return sa.and_(*_is(old), _columns.status.in_(rerun.statuses))


def _is(old: OldExecution) -> tuple[sa.ColumnElement[bool], ...]:
    return same_trigger(_columns.trigger_id, old.trigger_id), _columns.id == old.id


def _status(connection: Connection, execution_id: int) -> str:
    query = sa.select(_columns.status).where(_columns.id == execution_id)
    status = connection.execute(query).scalar_one_or_none()
    return str(existing(status, f"there is no execution {execution_id}"))


def _translate(
    database: Database, execution_id: int, error: IntegrityError, rerun: Rerun
) -> Exception:
    """Return the error to raise for the constraint that refused the successor."""
    if violates(error, REPLAY_INDEX):
        status = lifecycle.REPLAYED if rerun.takes_over else lifecycle.COMPLETED
        return NotReplayable(execution_id, status)
    if violates(error, IDEMPOTENCY_INDEX):
        return DatabaseUnavailable(TAKEN_BACK)
    with database.reading() as connection:
        _status(connection, execution_id)  # raises NotFound if it was deleted with its trigger
    return error
