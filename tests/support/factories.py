"""Insert rows for tests; omitted columns get values that fit the given ones."""

from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import sqlalchemy as sa

from app import lifecycle
from app.actions.work import Work
from app.db import Database, utc_now
from app.db.models import (
    execution_attempts,
    execution_requests,
    trigger_executions,
    triggers,
    workers,
)
from app.intake.message import Request
from app.settings import Settings
from tests.support.samples import SECRET, Sent

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
LEASE = timedelta(minutes=1)
_numbers = count(1)


def trigger(database: Database, **given: Any) -> int:
    """Insert an enabled trigger of source `custom`; return its id."""
    number = next(_numbers)
    values = {
        "name": f"trigger {number}",
        "slug": f"trigger-{number}",
        "type": "webhook",
        "source": "custom",
        "event_filter": "{}",
        "action_type": "script",
        "action_payload": "does-not-exist",
        "secret": SECRET,
        "enabled": True,
        "from_yaml": False,
        "created_at": LONG_AGO,
        "updated_at": LONG_AGO,
    }
    with database.writing() as connection:
        insert = sa.insert(triggers).values(values | given).returning(triggers.c.id)
        return int(connection.execute(insert).scalar_one())


def execution(database: Database, trigger_id: int, status: str = "pending", **given: Any) -> int:
    """Insert an execution whose times, lease and attempt fit its status; return its id."""
    values = {"trigger_id": trigger_id, "event_data": "{}", "status": status}
    values |= _of_status(status) | given
    with database.writing() as connection:
        insert = sa.insert(trigger_executions).values(values)
        made = connection.execute(insert.returning(trigger_executions.c.id)).scalar_one()
        if status == lifecycle.RUNNING and values["lease_owner"]:
            connection.execute(
                sa.insert(execution_attempts).values(
                    trigger_id=trigger_id,
                    execution_id=made,
                    number=values["attempt_count"],
                    worker=values["lease_owner"],
                    started_at=values["started_at"],
                )
            )
    return int(made)


def worker(database: Database, **given: Any) -> None:
    """Insert a worker whose last heartbeat was just now."""
    values = {"owner": "host:1:aa", "host": "host", "pid": 1, "version": "0", "slots": 4, "busy": 1}
    beats = {"started_at": utc_now(), "last_seen_at": utc_now()}
    with database.writing() as connection:
        connection.execute(sa.insert(workers).values(values | beats | given))


def request_of(
    database: Database, execution_id: int, body: bytes, content_type: str, headers: str = "{}"
) -> None:
    """Store the original request of the execution."""
    of_execution = trigger_executions.c.id == execution_id
    trigger_id = sa.select(trigger_executions.c.trigger_id).where(of_execution)
    values = {
        "execution_id": execution_id,
        "content_type": content_type,
        "headers": headers,
        "body": body,
    }
    with database.writing() as connection:
        values["trigger_id"] = connection.execute(trigger_id).scalar_one()
        connection.execute(sa.insert(execution_requests).values(values))


def executions(database: Database) -> list[Any]:
    """Return all executions, oldest first."""
    query = sa.select(trigger_executions).order_by(trigger_executions.c.id)
    with database.reading() as connection:
        return list(connection.execute(query))


def attempts(database: Database) -> list[Any]:
    """Return all attempts, oldest first."""
    query = sa.select(execution_attempts).order_by(execution_attempts.c.id)
    with database.reading() as connection:
        return list(connection.execute(query))


def request(sent: Sent, trigger_id: int | str = 1) -> Request:
    """Return the Request that the web layer creates from a sent request."""
    return Request(
        trigger_id=str(trigger_id),
        headers={name.lower(): value for name, value in sent.headers.items()},
        body=sent.body,
        presented_secret=sent.path_secret,
        query=sent.query,
        url=sent.url,
    )


def work(settings: Settings | None = None, **given: Any) -> Work:
    """Return the work of a first attempt, at an execution without an original request."""
    values = {
        "execution_id": 7,
        "attempt_number": 1,
        "action_type": "script",
        "action_payload": "",
        "event_data": '{"event_type":"test"}',
        "body": None,
        "content_type": None,
        "trigger_id": 1,
        "trigger_slug": "a-trigger",
        "trigger_secret": SECRET,
        "settings": settings or Settings(),
    }
    return Work(**values | given)


def _of_status(status: str) -> dict[str, Any]:
    if status == lifecycle.PENDING:
        return {"next_attempt_at": utc_now(-1)}
    begun = {"started_at": LONG_AGO, "attempt_count": 1}
    if status == lifecycle.RUNNING:
        return begun | {
            "next_attempt_at": LONG_AGO,
            "lease_owner": "a worker",
            "lease_expires_at": utc_now(LEASE.total_seconds()),
        }
    if status == lifecycle.RETRYING:
        return begun | {"next_attempt_at": utc_now(-1), "error_category": lifecycle.TRANSIENT}
    return begun | {"completed_at": LONG_AGO, "next_attempt_at": None}
