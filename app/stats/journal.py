"""Read the journal of deliveries that became no execution.

The journal is bounded, so a page reads a limited number of rows also where no index finds them.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from app import masking
from app.db import paging
from app.db.count_cache import CountCache
from app.db.models import delivery_journal, mismatched_payloads
from app.db.paging import Page, PagePosition
from app.errors import existing
from app.executions import listing
from app.stats import outcomes
from app.tolerant_json import json_value

GROUPS: Mapping[str, tuple[str, ...]] = {
    "refused": tuple(each for each in outcomes.ALL if each.startswith(outcomes.REFUSED)),
    "duplicate": (outcomes.DUPLICATE, outcomes.DUPLICATE_RACE),
    "mismatch": (outcomes.MISMATCH,),
    "filtered": (outcomes.FILTERED,),
    "error": (outcomes.UNAVAILABLE, outcomes.UNEXPECTED),
}
"""Outcomes that are listed together, by the word for them."""
OUTCOMES = tuple(dict.fromkeys((*GROUPS, *(each for group in GROUPS.values() for each in group))))
"""Values of the filter by outcome."""

_columns = delivery_journal.c
DELIVERY_ID = _columns.id
_LISTED = tuple(
    column for column in _columns if column.name not in ("body", "headers", "stored_bytes")
)


@dataclass(frozen=True, slots=True)
class DeliveryFilter:
    """Filters for deliveries; None means any."""

    trigger_id: int | None = None
    outcome: str | None = None
    """One of OUTCOMES: an outcome, or the word for several."""
    since: datetime | None = None
    until: datetime | None = None
    request_id: str | None = None
    key: str | None = None
    address: str | None = None
    execution_id: int | None = None
    key_prefix: str | None = None
    """Beginning of the idempotency key."""
    source: str | None = None
    """Sender of the trigger, such as `github`."""


def page(
    connection: Connection, counter: CountCache, filters: DeliveryFilter, position: PagePosition
) -> Page:
    """Return the page of deliveries that match the filters, newest first."""
    rows = sa.select(*_LISTED).where(*_conditions(filters))
    indexed = (filters.key, filters.request_id, filters.execution_id) != (None, None, None)
    every = sa.select(DELIVERY_ID)
    if filters.trigger_id is not None:
        every = every.where(_columns.trigger_id == filters.trigger_id)
    narrow = filters != DeliveryFilter(trigger_id=filters.trigger_id)
    horizon = (
        None if indexed or not narrow else paging.edge(connection, every, DELIVERY_ID, position)
    )
    key = ("deliveries", filters)
    return paging.page(connection, counter, rows, DELIVERY_ID, position, key, horizon)


def newest(connection: Connection, trigger_id: int) -> sa.Row[Any] | None:
    """Return the trigger's newest delivery without a body; the others are not even counted."""
    rows = sa.select(*_LISTED).where(_columns.trigger_id == trigger_id)
    return connection.execute(rows.order_by(DELIVERY_ID.desc()).limit(1)).one_or_none()


def delivery(connection: Connection, delivery_id: int) -> sa.Row[Any]:
    """Return the entry with its headers and its body. Raises NotFound."""
    query = sa.select(delivery_journal).where(sa.literal(delivery_id, sa.BigInteger) == DELIVERY_ID)
    row = connection.execute(query).one_or_none()
    sentence = f"there is no delivery {delivery_id} in the journal: the oldest are removed"
    return existing(row, sentence)


def mismatched(connection: Connection, row: sa.Row[Any]) -> sa.Row[Any] | None:
    """Return the kept payload of a mismatch; None if this is none, or the payload was pruned."""
    if row.digest is None or row.execution_id is None:
        return None
    columns = mismatched_payloads.c
    query = sa.select(mismatched_payloads).where(
        columns.execution_id == row.execution_id, columns.digest == row.digest
    )
    return connection.execute(query).one_or_none()


def findings(row: sa.Row[Any]) -> list[dict[str, str]]:
    """Return what explains the refusal: a code and a sentence each."""
    stored = json_value(row.diagnosis or "[]", default=[])
    return [each for each in stored if isinstance(each, dict)] if isinstance(stored, list) else []


def shown(row: sa.Row[Any]) -> dict[str, Any]:
    """Return the entry as every list shows it: no body, no header, the findings parsed."""
    fields = masking.public(row).items()
    shown_fields = {name: value for name, value in fields if name not in _HIDDEN}
    return {**shown_fields, "diagnosis": findings(row)}


_HIDDEN = frozenset({"body", "headers", "stored_bytes", "diagnosis"})


def body_text(body: bytes | None) -> str | None:
    """Return the body as text; bytes that are none as escapes."""
    return None if body is None else bytes(body).decode("utf-8", "backslashreplace")


def shown_headers(row: sa.Row[Any]) -> dict[str, Any]:
    """Return the stored headers, none of which is a secret's."""
    return masking.shown_headers(row.headers)


def _conditions(filters: DeliveryFilter) -> Iterator[sa.ColumnElement[bool]]:
    equal = {
        _columns.trigger_id: filters.trigger_id,
        _columns.request_id: filters.request_id,
        _columns.idempotency_key: filters.key,
        _columns.address: filters.address,
    }
    for column, value in equal.items():
        if value is not None:
            yield column == value
    if filters.execution_id is not None:
        yield _columns.execution_id == sa.literal(filters.execution_id, sa.BigInteger)
    if filters.key_prefix is not None:
        yield listing.begins_with(_columns.idempotency_key, filters.key_prefix)
    if filters.source is not None:
        yield listing.of_source(_columns.trigger_id, filters.source)
    if filters.outcome is not None:
        yield _columns.outcome.in_(GROUPS.get(filters.outcome, (filters.outcome,)))
    if filters.since is not None:
        yield _columns.at >= filters.since
    if filters.until is not None:
        yield _columns.at < filters.until
