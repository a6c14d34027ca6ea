"""The columns that a new execution is written with, declared once for every insert of one.

Receiving inserts by statement texts of its own (`app.intake.store`); a replay and a test run of a
trigger insert by SQLAlchemy. All of them take their column lists from here, so a column is added in
one place, and is written wherever the schema has it.
"""

from typing import Any, NamedTuple

import sqlalchemy as sa

from app.db import utc_now
from app.db.models import execution_requests, trigger_executions
from app.lifecycle import PENDING


class NewExecution(NamedTuple):
    """An execution to insert and the request it comes from; each field is named as its column."""

    trigger_id: int
    event_data: str
    idempotency_key: str | None
    payload_digest: str | None
    content_type: str | None
    headers: str
    body: bytes


EXECUTION_FIELDS = tuple(name for name in NewExecution._fields if name in trigger_executions.c)
"""Fields of a NewExecution that are columns of trigger_executions."""
REQUEST_FIELDS = tuple(name for name in NewExecution._fields if name in execution_requests.c)
"""Fields of a NewExecution that are columns of execution_requests."""
TIME_COLUMNS = ("next_attempt_at", "received_at")
"""Columns of trigger_executions that are set to the database's current time."""


def initial_values() -> dict[str, sa.ColumnElement[Any]]:
    """Return status and times of an execution that is due at once, by column."""
    return {"status": sa.literal(PENDING), **{name: utc_now() for name in TIME_COLUMNS}}
