"""Admit an event once: an insert that the unique index may refuse, and the verdict either way."""

import logging

from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError

from app import log
from app.db import IDEMPOTENCY_INDEX, violates
from app.db.schema import Schema
from app.errors import DatabaseUnavailable
from app.executions import prune
from app.executions.creation import NewExecution
from app.executions.retention import Retention
from app.intake import store
from app.intake.message import Admission, AdmissionRequest, Request, Verdict
from app.intake.store import ExistingExecution
from app.intake.stored_headers import stored_headers
from app.stats import outcomes

INSERTS_AT_MOST = 3
"""Inserts tried for one event whose key is taken, and free again when it is looked up."""

logger = logging.getLogger("hookonce.intake")


def duplicate_verdict(
    trigger_id: int, admission: Admission, existing: ExistingExecution
) -> Verdict:
    """Log a duplicate that the pre-check found, and return its verdict."""
    _log_duplicate("idempotent_replay", trigger_id, admission, existing)
    return _duplicate(outcomes.DUPLICATE, trigger_id, admission, existing)


def new_execution(trigger_id: int, admission: Admission, request: Request) -> NewExecution:
    """Return the execution to insert for an event, with the request as it is stored."""
    if admission.body is None:
        content_type, body = request.headers.get("content-type"), request.body
    else:  # only this event's part: the whole request would be stored once for each event
        content_type, body = "application/json", admission.body
    return NewExecution(
        trigger_id=trigger_id,
        event_data=admission.event_data,
        idempotency_key=admission.key,
        payload_digest=admission.digest,
        content_type=content_type,
        headers=stored_headers(request),
        body=body,
    )


def key_is_live(existing: ExistingExecution, lifetimes: Retention | None) -> bool:
    """Return whether a key has not expired, as far as its row alone tells; None: never expires."""
    return lifetimes is None or not lifetimes.row_expired(
        existing.status, existing.finished_seconds
    )


def admit_one(
    connection: Connection, schema: Schema, incoming: AdmissionRequest, admission: Admission
) -> Verdict:
    """Insert the event's execution, or return the one that another request inserted just before.

    Only a violation of the idempotency index counts as a duplicate. Any other IntegrityError is
    logged whole and raised. The savepoint keeps the rows of the request's other events. An expired
    key is released, whether or not its row was pruned yet.
    """
    statements = store.within(connection)
    trigger_id, key, lifetimes = incoming.trigger_id, admission.key, incoming.lifetimes
    row = new_execution(trigger_id, admission, incoming.request)
    for _ in range(INSERTS_AT_MOST):
        try:
            with connection.begin_nested():
                (execution_id,) = statements.insert(schema, [row])
                return Verdict(execution_id, outcomes.ACCEPTED)
        except IntegrityError as error:
            if key is None or not violates(error, IDEMPOTENCY_INDEX):
                logger.exception("an insert broke a constraint that is not the idempotency index")
                raise
        winner = statements.find(schema, trigger_id, {key}).get(key)
        if winner is not None and lifetimes is not None and not key_is_live(winner, lifetimes):
            if prune.release(connection, trigger_id, winner.id, lifetimes):
                continue
            winner = statements.find(schema, trigger_id, {key}).get(key)
        if winner is not None:
            _log_duplicate("idempotent_replay_race", trigger_id, admission, winner)
            return _duplicate(outcomes.DUPLICATE_RACE, trigger_id, admission, winner)
    raise DatabaseUnavailable("the execution with this key keeps disappearing; try again")


def _duplicate(
    outcome: str, trigger_id: int, admission: Admission, existing: ExistingExecution
) -> Verdict:
    """Return a duplicate's verdict; payloads are compared where both digests are known."""
    if None in (existing.digest, admission.digest) or existing.digest == admission.digest:
        return Verdict(existing.id, outcome)
    log.event(
        logger,
        logging.WARNING,
        "key_mismatch",
        trigger_id=trigger_id,
        key=admission.key,
        existing_exec_id=existing.id,
        digest_admitted=existing.digest,
        digest_came=admission.digest,
    )
    return Verdict(existing.id, outcomes.MISMATCH, mismatch=admission.digest)


def _log_duplicate(
    name: str, trigger_id: int, admission: Admission, existing: ExistingExecution
) -> None:
    log.event(
        logger,
        logging.INFO,
        name,
        trigger_id=trigger_id,
        key=admission.key,
        existing_exec_id=existing.id,
    )
