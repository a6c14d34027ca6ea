"""Run the action of a trigger with a copy of an event that came before, as a test."""

import json
from typing import Any

import sqlalchemy as sa

from app import audit
from app.audit import UNNAMED, Actor
from app.db import Database, same_trigger
from app.db.models import TEST_DUE, execution_requests, trigger_executions
from app.db.types import UtcDateTime
from app.errors import InvalidRequest, existing
from app.executions.creation import initial_values
from app.tolerant_json import json_object
from app.triggers import lookup


def as_test(
    database: Database, name_or_id: str | int, execution_id: int, actor: Actor = UNNAMED
) -> int:
    """Store a test event with the event and the request of the execution; return its id.

    It has no key, so nothing counts as its duplicate, and it passes pauses and breakers as any test
    event does. Raises NotFound if the trigger has no such execution, or its event was pruned.
    """
    with database.writing() as connection:
        trigger = lookup.find_trigger(connection, name_or_id)
        columns = trigger_executions.c
        same = (columns.id == execution_id, columns.trigger_id == trigger.id)
        row = connection.execute(sa.select(columns.event_data).where(*same)).one_or_none()
        absent = f"trigger {trigger.slug} has no execution {execution_id}"
        pruned = f"the event of execution {execution_id} is no longer kept: its retention has ended"
        event = existing(existing(row, absent).event_data, pruned)
        values = {"trigger_id": trigger.id, "event_data": _marked(event)} | initial_values()
        values["next_attempt_at"] = sa.literal(TEST_DUE, UtcDateTime)
        insert = sa.insert(trigger_executions).values(values).returning(columns.id)
        made = int(connection.execute(insert).scalar_one())
        connection.execute(_copied_request(trigger.id, execution_id, made))
        after = {"execution_id": made, "like": execution_id}
        audit.record(connection, actor, "trigger.test", lookup.subject(trigger.id), after=after)
    database.notifier.notify()
    return made


def _marked(event: str) -> str:
    """Return the event with the mark by which a script tells a test from a real event."""
    members = json_object(event)
    if members is None:
        raise InvalidRequest("the event is not a JSON object, and cannot be marked as a test")
    return json.dumps({"_test": True, **members})


def _copied_request(trigger_id: int, source_id: int, target_id: int) -> sa.Insert:
    columns = execution_requests.c
    ids = (sa.literal(trigger_id, sa.Integer), sa.literal(target_id, sa.BigInteger))
    copied = sa.select(*ids, columns.content_type, columns.headers, columns.body).where(
        columns.execution_id == source_id, same_trigger(columns.trigger_id, trigger_id)
    )
    names: list[Any] = ["trigger_id", "execution_id", "content_type", "headers", "body"]
    return sa.insert(execution_requests).from_select(names, copied)
