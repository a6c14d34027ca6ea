"""A receiver written straight down, as the older system's: a session for each request.

Look the trigger up, compare the signature, look the key up, insert, commit. Plain WSGI stands in
for Flask, which would only make it slower; ORM session, autoflush and SQLite's own defaults are as
an extension for Flask would have them.
"""

import hashlib
import hmac
import json
import logging
import os
from collections.abc import Callable, Iterable
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.orm import Session, registry

from app import log
from app.models import trigger_executions, triggers

Answer = tuple[str, dict[str, str]]


class TriggerRow:
    """A row of `triggers`."""


class ExecutionRow:
    """A row of `trigger_executions`."""


def application() -> Callable[[dict[str, Any], Callable[..., None]], Iterable[bytes]]:
    """The WSGI application; DATABASE_URL names the database."""
    log.configure("INFO")
    mappings = registry()
    mappings.map_imperatively(TriggerRow, triggers)
    mappings.map_imperatively(ExecutionRow, trigger_executions)
    url = os.environ["DATABASE_URL"].replace("postgresql://", "postgresql+psycopg://")
    engine = sa.create_engine(url)
    log.event(logging.getLogger("hookonce"), logging.INFO, "serving", pid=os.getpid())

    def serve(environ: dict[str, Any], start_response: Callable[..., None]) -> Iterable[bytes]:
        status, said = _answer(environ, engine)
        body = json.dumps(said).encode()
        start_response(
            status, [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
        )
        return [body]

    return serve


def _answer(environ: dict[str, Any], engine: sa.Engine) -> Answer:
    if environ["REQUEST_METHOD"] == "GET":
        return "200 OK", {"status": "ok"}
    body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
    trigger_id = int(environ["PATH_INFO"].rpartition("/")[2])
    try:
        with Session(engine) as session:
            return _received(session, trigger_id, body, environ["HTTP_X_WEBHOOK_SIGNATURE"])
    except OperationalError as error:
        return "503 Service Unavailable", {"error": str(error.orig)}


def _received(session: Session, trigger_id: int, body: bytes, presented: str) -> Answer:
    trigger: Any = session.get(TriggerRow, trigger_id)
    wanted = "sha256=" + hmac.new(trigger.secret.encode(), body, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(wanted, presented):
        return "401 Unauthorized", {"error": "unauthorized"}
    payload = json.loads(body)
    columns = trigger_executions.c
    same = sa.select(ExecutionRow).where(
        columns.trigger_id == trigger_id, columns.idempotency_key == payload["messageId"]
    )
    if session.execute(same).first() is None:
        _insert(session, trigger_id, payload)
    return "200 OK", {"status": "ok"}


def _insert(session: Session, trigger_id: int, payload: dict[str, Any]) -> None:
    row: Any = ExecutionRow()
    row.trigger_id, row.status, row.event_data = trigger_id, "pending", json.dumps(payload)
    row.idempotency_key = payload["messageId"]
    session.add(row)
    try:
        session.commit()
    except IntegrityError:
        session.rollback()
