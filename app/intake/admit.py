"""An event enters once: a look-up first, then an insert that the unique index may refuse."""

import json
import logging
from collections.abc import Iterable
from typing import Any
from urllib.parse import unquote

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError

from app import lifecycle, log
from app.db import IDEMPOTENCY_INDEX, prefer_partial_index, utc_now, violates
from app.db.models import execution_requests, trigger_executions
from app.db.schema import Schema
from app.errors import DatabaseUnavailable
from app.executions import expired, prune
from app.executions.retention import Retention
from app.intake.message import Admission, Request, Verdict
from app.intake.store import ExistingExecution, NewExecution
from app.masking import is_secret_name
from app.stats import outcomes

logger = logging.getLogger("hookonce.intake")


def existing_query(
    trigger_id: int, keys: Iterable[str], *, replays: bool = True, digests: bool = True
) -> sa.Select[tuple[str, int, str | None, str, float | None]]:
    """The pre-check: which of these keys already stand, answered from uq_trigger_idem.

    A replay carries the key of the first execution, and is never what an event was admitted as;
    `replays` and `digests` are whether the schema knows them.
    """
    columns = trigger_executions.c
    digest = columns.payload_digest if digests else sa.null().label("payload_digest")
    age = expired.finished_seconds if digests else sa.null().label("finished_seconds")
    query = sa.select(columns.idempotency_key, columns.id, digest, columns.status, age).where(
        columns.trigger_id == trigger_id,
        columns.idempotency_key.in_(sorted(keys)),
        prefer_partial_index(columns.idempotency_key.is_not(None), columns.id),
    )
    return query.where(columns.replay_of_id.is_(None)) if replays else query


def existing(
    connection: Connection, schema: Schema, trigger_id: int, keys: set[str]
) -> dict[str, ExistingExecution]:
    """The execution that each of the keys was admitted as, for those that were."""
    if not keys:
        return {}
    replays = schema.has("trigger_executions", "replay_of_id")
    digests = schema.has("trigger_executions", "payload_digest")
    query = existing_query(trigger_id, keys, replays=replays, digests=digests)
    found = connection.execute(query)
    return {
        row.idempotency_key: ExistingExecution(
            row.id, row.payload_digest, row.status, row.finished_seconds
        )
        for row in found
    }


def duplicate_verdict(
    trigger_id: int, admission: Admission, standing: ExistingExecution
) -> Verdict:
    """The verdict on an event that the pre-check knew."""
    _log_duplicate("idempotent_replay", trigger_id, admission, standing)
    return _repeated(outcomes.DUPLICATE, trigger_id, admission, standing)


def row(trigger_id: int, admission: Admission, request: Request) -> NewExecution:
    """The event as it enters with others."""
    return NewExecution(
        trigger_id,
        admission.event_data,
        admission.key,
        admission.digest,
        *_original(admission, request),
    )


def key_is_live(standing: ExistingExecution, lifetimes: Retention | None) -> bool:
    """Whether a key still counts, as far as the row alone can tell; None: whatever its age."""
    return lifetimes is None or not lifetimes.row_outlived(
        standing.status, standing.finished_seconds
    )


def admit_one(
    connection: Connection,
    schema: Schema,
    trigger_id: int,
    admission: Admission,
    request: Request,
    lifetimes: Retention | None = None,
) -> Verdict:
    """The event's one execution: made here, or by whoever came a moment earlier.

    Only a violation of the idempotency index counts as a duplicate. Any other IntegrityError is
    logged whole and raised. The savepoint keeps the siblings of a refused row alive. A row that
    has outlived its lifetime gives its key up, whether or not it was pruned yet.
    """
    for _ in range(3):
        try:
            with connection.begin_nested():
                made = _insert(connection, schema, trigger_id, admission, request)
                return Verdict(made, outcomes.ACCEPTED)
        except IntegrityError as error:
            if admission.key is None or not violates(error, IDEMPOTENCY_INDEX):
                logger.exception("an insert broke a constraint that is not the idempotency index")
                raise
        winner = existing(connection, schema, trigger_id, {admission.key}).get(admission.key)
        if winner is not None and lifetimes is not None and not key_is_live(winner, lifetimes):
            if prune.release(connection, winner.id, lifetimes):
                continue
            winner = existing(connection, schema, trigger_id, {admission.key}).get(admission.key)
        if winner is not None:
            _log_duplicate("idempotent_replay_race", trigger_id, admission, winner)
            return _repeated(outcomes.DUPLICATE_RACE, trigger_id, admission, winner)
    raise DatabaseUnavailable("an execution with this key comes and goes; try again")


def _insert(
    connection: Connection, schema: Schema, trigger_id: int, admission: Admission, request: Request
) -> int:
    values: dict[str, Any] = {
        "trigger_id": trigger_id,
        "event_data": admission.event_data,
        "status": lifecycle.PENDING,
        "idempotency_key": admission.key,
    }
    if schema.has("trigger_executions", "next_attempt_at"):
        values["next_attempt_at"] = utc_now()
    if schema.has("trigger_executions", "payload_digest"):
        values |= {"received_at": utc_now(), "payload_digest": admission.digest}
    columns = trigger_executions.c
    insert = sa.insert(trigger_executions).values(values).returning(columns.id)
    execution_id = int(connection.execute(insert).scalar_one())
    if schema.has("execution_requests", "body"):
        content_type, headers, body = _original(admission, request)
        kept = {"content_type": content_type, "headers": headers, "body": body}
        connection.execute(sa.insert(execution_requests), kept | {"execution_id": execution_id})
    return execution_id


def _original(admission: Admission, request: Request) -> tuple[str | None, str, bytes]:
    """Content-Type, headers and body as they are kept.

    Of a request with a thousand events each keeps its own share: the whole would be a thousand
    times a thousand.
    """
    if admission.body is not None:
        return "application/json", _kept_headers(request), admission.body
    return request.headers.get("content-type"), _kept_headers(request), request.body


def _kept_headers(request: Request) -> str:
    kept = {
        name: value
        for name, value in request.headers.items()
        if not is_secret_name(name) and not _tells_address(value, request.presented_secret)
    }
    if request.request_context is not None:
        kept.setdefault("x-request-id", request.request_context.request_id)
    return json.dumps(kept)


def _tells_address(value: str, secret_in_address: str | None) -> bool:
    """Whether it is the address with the secret in it: proxies pass it on as X-Original-URI."""
    return bool(secret_in_address) and f"/{secret_in_address}" in unquote(value)


def _repeated(
    outcome: str, trigger_id: int, admission: Admission, standing: ExistingExecution
) -> Verdict:
    """A duplicate; what it says is compared where both digests are known."""
    if None in (standing.digest, admission.digest) or standing.digest == admission.digest:
        return Verdict(standing.id, outcome)
    log.event(
        logger,
        logging.WARNING,
        "key_mismatch",
        trigger_id=trigger_id,
        key=admission.key,
        existing_exec_id=standing.id,
        digest_admitted=standing.digest,
        digest_came=admission.digest,
    )
    return Verdict(standing.id, outcomes.MISMATCH, mismatch=admission.digest)


def _log_duplicate(
    name: str, trigger_id: int, admission: Admission, standing: ExistingExecution
) -> None:
    log.event(
        logger,
        logging.INFO,
        name,
        trigger_id=trigger_id,
        key=admission.key,
        existing_exec_id=standing.id,
    )
