"""Make rows of the journal from its entries: bounded text, no secret, the diagnosis. Pure."""

import json
import re
from collections.abc import Callable
from typing import Any

from app.intake.diagnosis import Cause
from app.intake.journal import bodies
from app.intake.journal.entries import Entry
from app.intake.stored_headers import stored_headers
from app.stats import outcomes

ROW_BYTES = 500
"""Bytes that a row takes beside its headers, texts and body, with its part of the indexes."""
HEADERS_BYTES = 16_384
"""Characters of the stored headers; of a request with more none are stored."""
DIAGNOSED = frozenset(
    {
        outcomes.BAD_SIGNATURE,
        outcomes.MISSING_SIGNATURE,
        outcomes.STALE,
        outcomes.NO_SECRET,
        outcomes.DISABLED_TRIGGER,
    }
)
"""Outcomes of requests whose signature is diagnosed."""
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")

Diagnose = Callable[[Entry], list[Cause]]

LARGEST_SIZE = 2**63 - 1
"""Bytes that a column holds: a sender may claim any length."""


def row(entry: Entry, diagnose: Diagnose) -> dict[str, Any]:
    """Return the row of the entry."""
    body, body_kept = bodies.kept(entry)
    findings = diagnose(entry) if entry.outcome in DIAGNOSED and entry.trigger else []
    headers = stored_headers(entry.request)
    context = entry.request.request_context
    columns: dict[str, Any] = {
        "trigger_id": entry.trigger_id,
        "at": entry.at,
        "outcome": entry.outcome,
        "detail": _text(entry.detail, 1_000),
        "address": _text(entry.request.address, 100),
        "request_id": None if context is None else _text(context.request_id, 200),
        "idempotency_key": entry.key,
        "execution_id": entry.execution_id,
        "digest": entry.digest,
        "size": min(entry.size, LARGEST_SIZE),
        "events": entry.events,
        "body_kept": body_kept,
        "content_type": _text(entry.request.headers.get("content-type"), 500),
        "diagnosis": json.dumps([each._asdict() for each in findings]) if findings else None,
        "headers": headers if len(headers) <= HEADERS_BYTES else "{}",
        "body": body,
    }
    texts = sum(len(value) for value in columns.values() if isinstance(value, str | bytes))
    return columns | {"stored_bytes": ROW_BYTES + texts}


def _text(text: str | None, longest: int) -> str | None:
    return _UNSTORABLE.sub("\ufffd", text[:longest]) if text else None
