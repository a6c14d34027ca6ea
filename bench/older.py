"""A plain receiver with Flask, as the older system had it: a session for each request.

Look the trigger up, compare the signature, look the key up, insert, commit, then log the id of the
execution: the commit has expired both rows, so they are read once more. Session, autoflush, pool
and SQLite's defaults are those of an extension for Flask. The older system then started a thread
that ran the execution; here none is run.
"""

import hashlib
import hmac
import json
import logging
import os
from typing import Any

import sqlalchemy as sa
from flask import Flask, Response, jsonify, request
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.orm import Session, registry, scoped_session, sessionmaker

from app import log
from app.db.models import trigger_executions, triggers
from app.web.security_headers import WEBHOOKS


class TriggerRow:
    """A row of `triggers`."""


class ExecutionRow:
    """A row of `trigger_executions`."""


def application() -> Flask:
    """Return the WSGI application; DATABASE_URL names the database."""
    log.configure("INFO")
    mappings = registry()
    mappings.map_imperatively(TriggerRow, triggers)
    mappings.map_imperatively(ExecutionRow, trigger_executions)
    url = os.environ["DATABASE_URL"].replace("postgresql://", "postgresql+psycopg://")
    sessions = scoped_session(sessionmaker(sa.create_engine(url)))
    app = Flask(__name__)
    app.teardown_appcontext(lambda _error: sessions.remove())
    app.register_error_handler(OperationalError, _unavailable)
    app.add_url_rule("/healthz", view_func=_alive)
    app.add_url_rule(
        WEBHOOKS + "<int:trigger_id>",
        view_func=lambda trigger_id: _received(app.logger, sessions(), trigger_id),
        endpoint="webhook",
        methods=["POST"],
    )
    log.event(logging.getLogger("hookonce"), logging.INFO, "serving", pid=os.getpid())
    return app


def _alive() -> Response:
    return jsonify({"status": "ok"})


def _unavailable(error: OperationalError) -> tuple[Response, int]:
    return jsonify({"error": str(error.orig)}), 503


def _received(logger: logging.Logger, session: Session, trigger_id: int) -> tuple[Response, int]:
    trigger: Any = session.get(TriggerRow, trigger_id)
    presented = request.headers.get("X-Webhook-Signature", "").removeprefix("sha256=")
    wanted = hmac.new(trigger.secret.encode(), request.get_data(), hashlib.sha256).hexdigest()
    if not hmac.compare_digest(wanted, presented):
        return jsonify({"error": "unauthorized"}), 401
    payload = request.get_json()
    key = payload["messageId"]
    columns = trigger_executions.c
    same = sa.select(ExecutionRow).where(
        columns.trigger_id == trigger.id, columns.idempotency_key == key
    )
    if session.execute(same.limit(1)).first() is None:
        _insert(logger, session, trigger, key, payload)
    return jsonify({"status": "ok"}), 200


def _insert(
    logger: logging.Logger, session: Session, trigger: Any, key: str, payload: dict[str, Any]
) -> None:
    row: Any = ExecutionRow()
    row.trigger_id, row.status, row.event_data = trigger.id, "pending", json.dumps(payload)
    row.idempotency_key = key
    session.add(row)
    try:
        session.commit()
    except IntegrityError:
        session.rollback()
        return
    logger.info("admitted execution %d of trigger %d, key %r", row.id, trigger.id, key)
