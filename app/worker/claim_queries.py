"""Select the executions of one trigger that may be claimed, in the order that the trigger needs."""

from collections.abc import Callable, Mapping
from typing import Literal

import sqlalchemy as sa

from app.db import is_one_of, prefer_partial_index, same_trigger, utc_now
from app.db.models import trigger_executions
from app.executions.due_queries import first_due, first_retried, tests
from app.lifecycle import WAITING

Order = Literal["tests", "in order", "longest due"]
"""The order in which a trigger's executions are claimed."""
TRIGGER = sa.bindparam("the_trigger", type_=sa.Integer)
LIMIT = sa.bindparam("at_most", type_=sa.Integer, literal_execute=True)
_executions = trigger_executions.c
_waiting = is_one_of(_executions.status, WAITING)


def due_query() -> sa.Select[int]:
    """Select the due executions of one trigger, longest waiting first."""
    return (
        sa.select(_executions.id)
        .where(_executions.trigger_id == TRIGGER)
        .where(_waiting, prefer_partial_index(_waiting, _executions.id))
        .where(_executions.next_attempt_at <= utc_now())
        .order_by(_executions.next_attempt_at, _executions.id)
        .limit(LIMIT)
    )


def in_order_query() -> sa.Select[int]:
    """Select the next execution of a trigger that runs one at a time, if it is due.

    A retry comes first: it was admitted before every execution that has not begun.
    """
    first = sa.func.coalesce(
        first_retried(_executions.id, TRIGGER).scalar_subquery(),
        first_due(_executions.id, TRIGGER).scalar_subquery(),
    )
    return (
        sa.select(_executions.id)
        .where(same_trigger(_executions.trigger_id, TRIGGER), _executions.id == first, _waiting)
        .where(_executions.next_attempt_at <= utc_now())
        .limit(LIMIT)
    )


def tests_query() -> sa.Select[int]:
    """Select the test events of one trigger: they pass its breaker and its pause."""
    return tests(TRIGGER).limit(LIMIT)


QUERIES: Mapping[Order, Callable[[], sa.Select[int]]] = {
    "tests": tests_query,
    "in order": in_order_query,
    "longest due": due_query,
}
"""The query of each order."""
