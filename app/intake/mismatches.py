"""Store the payload of an event whose key is known with a different payload.

Its sender is answered as for a duplicate. Where the key is too coarse the event is another one, so
its payload is kept before the answer, as an execution would keep it, and a person can run it.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError

from app import cooperative, db
from app.db import Database
from app.db.models import mismatched_payloads
from app.db.schema import SchemaWatch
from app.errors import DatabaseUnavailable
from app.executions.creation import NewExecution

KEPT_FOR_EACH = 10
"""Different payloads kept for one execution; a sender that changes a payload each time has more."""
TRIES = 3

Mismatched = tuple[int, NewExecution]
"""The execution that has the key, and the event that came with it as it would be stored."""

_columns = mismatched_payloads.c


@cooperative.offloaded
def keep(database: Database, schema: SchemaWatch, mismatched: Sequence[Mismatched]) -> None:
    """Store the payloads that are not kept yet; return once they are committed.

    Nothing is stored at a revision without the table. Raises DatabaseUnavailable also if the
    execution was just removed: when the event comes again it is admitted.
    """
    if not schema.current().has(mismatched_payloads.name, "digest"):
        return
    for _ in range(TRIES):
        with database.reading() as connection:
            missing = [each for each in mismatched if _is_missing(connection, *each)]
        if not missing:
            return
        try:
            with database.writing() as connection:
                for each in missing:
                    connection.execute(sa.insert(mismatched_payloads).values(_row(*each)))
            return
        except IntegrityError:
            continue  # another request kept it, or the execution is gone
    raise DatabaseUnavailable("the payload of a mismatch could not be kept; try again")


def _is_missing(connection: Connection, execution_id: int, event: NewExecution) -> bool:
    same = (_columns.trigger_id == event.trigger_id, _columns.execution_id == execution_id)
    query = sa.select(_columns.digest).where(*same)
    kept = connection.execute(query).scalars().all()
    return event.payload_digest not in kept and len(kept) < KEPT_FOR_EACH


def _row(execution_id: int, event: NewExecution) -> dict[str, object]:
    return {
        "execution_id": execution_id,
        "digest": event.payload_digest,
        "trigger_id": event.trigger_id,
        "received_at": db.utc_now(),
        "event_data": event.event_data,
        "content_type": event.content_type,
        "headers": event.headers,
        "body": event.body,
    }
