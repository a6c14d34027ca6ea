"""Read the attempts of executions, each with what it sent and got back."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from app import masking
from app.db.models import execution_attempts, execution_requests
from app.lifecycle import FAILED_ATTEMPT, SUCCEEDED
from app.masking.text import BODY_CHARACTERS, cut
from app.tolerant_json import json_object

_HEAD_BYTES = 4 * BODY_CHARACTERS
"""Bytes that are read of a stored body: a character has at most four."""
_NOTHING_SENT: dict[str, Any] = {
    "method": None,
    "url": None,
    "headers": {},
    "headers_left_out": 0,
    "command": None,
    "words_left_out": 0,
    "idempotency_key": None,
    "body_bytes": 0,
    "body_sha256": "",
    "body_from": "own",
}
_NOTHING_RECEIVED: dict[str, Any] = {
    "status": None,
    "headers": {},
    "headers_left_out": 0,
    "exit_status": None,
    "signal": None,
}
_attempts = execution_attempts.c


def of_execution(connection: Connection, execution: Any) -> list[dict[str, Any]]:
    """Return the attempts of this execution, first to last; see `of_executions`."""
    return of_executions(connection, [execution])[execution.id]


def of_executions(
    connection: Connection, executions: Sequence[Any]
) -> dict[int, list[dict[str, Any]]]:
    """Return the attempts of each of these executions by its id, first to last.

    An attempt has the values of its row as they may be shown; `sent` and `response` are objects,
    and None where nothing was sent, nothing came back, or an older version made the attempt.
    """
    by_id = {execution.id: execution for execution in executions}
    query = sa.select(execution_attempts).where(_attempts.execution_id.in_(list(by_id)))
    rows = connection.execute(query.order_by(_attempts.execution_id, _attempts.number)).all()
    sent = {row.id: json_object(row.sent) for row in rows}
    needed = {row.execution_id for row in rows if _from_request(sent[row.id])}
    heads = _heads(connection, needed)
    found: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        execution = by_id[row.execution_id]
        shown = masking.public(row)
        del shown["sent_body"]
        shown["sent"] = _sent(row, sent[row.id], execution, heads.get(row.execution_id))
        shown["response"] = _response(row, execution)
        found[row.execution_id].append(shown)
    return found


def _from_request(sent: Mapping[str, Any] | None) -> bool:
    return sent is not None and sent.get("body_from") == "request"


def _heads(connection: Connection, execution_ids: Collection[int]) -> dict[int, sa.Row[Any]]:
    """Return the beginning and the size of the stored bodies of these executions."""
    if not execution_ids:
        return {}
    columns = execution_requests.c
    query: sa.Select[Any] = sa.select(
        columns.execution_id,
        sa.func.substr(columns.body, 1, _HEAD_BYTES).label("head"),
        sa.func.length(columns.body).label("size"),
    ).where(columns.execution_id.in_(sorted(execution_ids)))
    return {row.execution_id: row for row in connection.execute(query)}


def _sent(
    row: Any, sent: dict[str, Any] | None, execution: Any, head: Any
) -> dict[str, Any] | None:
    if sent is None:
        return None
    shown = _filled(_NOTHING_SENT, sent)
    return shown | {"body": _body(row, shown, execution, head)}


def _body(row: Any, sent: Mapping[str, Any], execution: Any, head: Any) -> str | None:
    """Return the beginning of the sent body; None once the payload was pruned.

    A body that equals the stored request or event is kept only there; its size shows a change.
    """
    text, size = row.sent_body, sent["body_bytes"]
    if sent["body_from"] == "request":
        same = head is not None and head.size == size
        # SQLite's substr of an empty body is NULL
        text = bytes(head.head or b"").decode("utf-8", "replace") if same else None
    elif sent["body_from"] == "event":
        event = execution.event_data or "{}"
        text = event if len(event.encode("utf-8", "replace")) == size else None
    return None if text is None else cut(str(text), BODY_CHARACTERS)


def _response(row: Any, execution: Any) -> dict[str, Any] | None:
    response = json_object(row.response)
    if response is None:
        return None
    shown = _filled(_NOTHING_RECEIVED, response)
    return shown | {"body": _response_body(row, shown["status"], execution)}


def _response_body(row: Any, status: Any, execution: Any) -> str | None:
    """Return the body that the attempt's error has, or after a success the result."""
    text = {FAILED_ATTEMPT: row.error, SUCCEEDED: execution.result_summary}.get(row.outcome)
    prefix = f"HTTP {status}"
    if status is None or text is None or not text.startswith(prefix):
        return None
    return str(text).removeprefix(prefix).lstrip()


def _filled(defaults: Mapping[str, Any], stored: Mapping[str, Any]) -> dict[str, Any]:
    """Return the stored members that are known, and defaults for the others."""
    return {name: stored.get(name, default) for name, default in defaults.items()}
