"""Run the payload of a duplicate or a mismatch as an execution of its own, without a key.

The key that it came with stays with the first execution. Where the key is too coarse, the event is
another one, and a person may want it to run.
"""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError

from app import audit
from app.audit import Actor
from app.db import Database, same_trigger, violates
from app.db.errors import PAYLOAD_INDEX
from app.db.models import execution_requests, mismatched_payloads, trigger_executions
from app.errors import NotPossible, existing
from app.executions import origins
from app.executions.creation import initial_values
from app.executions.prune import EMPTY

_executions, _mismatches, _requests = (
    table.c for table in (trigger_executions, mismatched_payloads, execution_requests)
)


def run_mismatch(database: Database, execution_id: int, digest: str, actor: Actor) -> int:
    """Run the payload that came with the key of this execution; return the new execution.

    Each payload is run once. Raises NotFound, or NotPossible if it was run before.
    """
    try:
        with database.writing() as connection:
            new = mismatch_in(connection, execution_id, digest, actor)
    except IntegrityError as error:
        if violates(error, PAYLOAD_INDEX):
            raise NotPossible("this payload was run before as an execution of its own") from error
        raise
    database.notifier.notify()
    return new


def mismatch_in(
    connection: Connection,
    execution_id: int,
    digest: str,
    actor: Actor,
    delivery_id: int | None = None,
) -> int:
    """Insert the execution of a mismatch's payload in this transaction; return its id."""
    query = sa.select(mismatched_payloads).where(_mismatches.execution_id == execution_id)
    found = connection.execute(query.where(_mismatches.digest == digest)).one_or_none()
    row = existing(found, f"the payload {digest[:12]} of execution {execution_id} is not kept")
    values = {"trigger_id": row.trigger_id, "event_data": row.event_data, "payload_digest": digest}
    request = {"content_type": row.content_type, "headers": row.headers, "body": row.body}
    new = _insert(connection, values, request)
    made = {"of_execution_id": execution_id, "digest": digest, "delivery_id": delivery_id}
    origins.record(connection, (row.trigger_id, new), origins.MISMATCH, actor, **made)
    _record(connection, actor, execution_id, new, digest=digest)
    return new


def duplicate_in(connection: Connection, execution_id: int, actor: Actor, delivery_id: int) -> int:
    """Insert another execution of the payload that a duplicate repeated; return its id."""
    query = sa.select(_executions.trigger_id, _executions.event_data, _executions.payload_digest)
    found = connection.execute(query.where(_executions.id == execution_id)).one_or_none()
    row = existing(found, f"there is no execution {execution_id} any more")
    stored = sa.select(_requests.content_type, _requests.headers, _requests.body)
    of_trigger = same_trigger(_requests.trigger_id, row.trigger_id)
    same = stored.where(of_trigger, _requests.execution_id == execution_id)
    request = connection.execute(same).first()
    if request is None and row.event_data in (None, EMPTY):
        raise NotPossible(f"the payload of execution {execution_id} is no longer kept")
    new = _insert(connection, row._asdict(), None if request is None else request._asdict())
    made = {"of_execution_id": execution_id, "delivery_id": delivery_id}
    origins.record(connection, (row.trigger_id, new), origins.DUPLICATE, actor, **made)
    _record(connection, actor, execution_id, new, delivery_id=delivery_id)
    return new


def _insert(connection: Connection, values: dict[str, Any], request: dict[str, Any] | None) -> int:
    insert = sa.insert(trigger_executions).values({**values, **initial_values()})
    new = int(connection.execute(insert.returning(_executions.id)).scalar_one())
    if request is not None:
        request = {"trigger_id": values["trigger_id"], "execution_id": new, **request}
        connection.execute(sa.insert(execution_requests).values(request))
    return new


def _record(
    connection: Connection, actor: Actor, execution_id: int, new: int, **more: object
) -> None:
    after = {"new_execution_id": new, **more}
    audit.record(connection, actor, "execution.run_own", f"execution:{execution_id}", after=after)
