"""The origin of an execution that a person made, and its payload before they changed it."""

from collections.abc import Collection
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from app import db
from app.audit import Actor
from app.db.models import execution_origins, execution_requests, forgotten_keys, trigger_executions

REPLAY, RUN_AGAIN = "replay", "run_again"
MISMATCH, DUPLICATE, ACCEPTED = "mismatch", "duplicate", "accepted"
"""Kinds of origins; a plain replay has none, since its `replay_of_id` says it all."""
LONGEST_NAME = 200

_columns = execution_origins.c


class EditedPayload(NamedTuple):
    """A payload that a person changed: the event, and the body of its request if one is kept."""

    event_data: str
    body: bytes | None


def record(
    connection: Connection, ids: tuple[int, int], kind: str, actor: Actor, **values: object
) -> None:
    """Write the origin of an execution that a person just made; `ids` are its trigger's and its."""
    fixed: dict[str, object] = {"trigger_id": ids[0], "execution_id": ids[1]}
    fixed |= {"kind": kind, "made_by": actor.name[:LONGEST_NAME]}
    insert = sa.insert(execution_origins)
    connection.execute(insert.values(**fixed, made_at=db.utc_now(), **values))


def originals(connection: Connection, trigger_id: int, execution_id: int) -> dict[str, object]:
    """Return the payload of an execution, to be kept beside a changed copy of it."""
    events, requests = trigger_executions.c, execution_requests.c
    query = sa.select(events.event_data).where(
        db.same_trigger(events.trigger_id, trigger_id), events.id == execution_id
    )
    body = sa.select(requests.body).where(
        db.same_trigger(requests.trigger_id, trigger_id), requests.execution_id == execution_id
    )
    return {
        "edited": True,
        "original_event_data": connection.execute(query).scalar_one_or_none(),
        "original_body": connection.execute(body).scalar_one_or_none(),
    }


def of(connection: Connection, execution_id: int) -> sa.Row[Any] | None:
    """Return the origin of the execution; None if no person made it."""
    query = sa.select(execution_origins).where(_columns.execution_id == execution_id)
    return connection.execute(query).one_or_none()


def made_from(connection: Connection, execution_id: int, at_most: int = 20) -> list[int]:
    """Return the executions that persons made from this one, newest first."""
    query = sa.select(_columns.execution_id).where(_columns.of_execution_id == execution_id)
    newest = query.order_by(_columns.execution_id.desc()).limit(at_most)
    return list(connection.execute(newest).scalars())


def is_edited() -> sa.Label[bool]:
    """Return the column `edited` of a list: if a person changed the payload of the execution."""
    executions = trigger_executions.c
    changed = sa.exists().where(
        _columns.execution_id == executions.id,
        db.same_trigger(_columns.trigger_id, executions.trigger_id),
        _columns.edited,
    )
    return changed.label("edited")


def edited(connection: Connection, ids: Collection[int]) -> set[int]:
    """Return those of the executions that run a payload which a person changed."""
    query = sa.select(_columns.execution_id)
    query = query.where(_columns.execution_id.in_(sorted(ids)), _columns.edited)
    return set(connection.execute(query).scalars())


def forgotten_key(connection: Connection, execution_id: int) -> sa.Row[Any] | None:
    """Return the key that a person released from the execution; None if none was released."""
    query = sa.select(forgotten_keys).where(forgotten_keys.c.execution_id == execution_id)
    return connection.execute(query).one_or_none()
