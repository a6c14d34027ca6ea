"""What has outlived its lifetime: payloads one by one, rows with all that they were replayed as.

Executions are walked by their ids, oldest first, and each walk begins at the beginning: they finish
out of order, so a place to go on from would skip some for ever. A walk ends at the first page that
is too young for anything in it to have outlived its lifetime.
"""

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from app.db import Database, seconds_since
from app.db.models import execution_requests, trigger_executions, triggers
from app.executions import retention
from app.executions.retention import DAY_SECONDS, Retention
from app.lifecycle import REPLAYED
from app.settings import Settings

PAGE_ROWS = 500
"""How many are looked at in one statement."""

_columns = trigger_executions.c
finished_seconds = sa.case(
    (_columns.received_at.is_not(None), seconds_since(_columns.completed_at))
).label("finished_seconds")
"""How long ago it finished; None if it has not, and where older code wrote it."""


@dataclass(frozen=True, slots=True)
class PruneRules:
    """How long everything is kept."""

    lifetimes: Mapping[int, Retention]
    """By trigger."""
    counts_seconds: float
    audit_seconds: float

    @property
    def shortest(self) -> tuple[float, float]:
        """What is younger than this needs no second look: (payload, row)."""
        each = self.lifetimes.values()
        payload = min((min(one.payload_seconds, one.dead_seconds) for one in each), default=0.0)
        row = min((min(one.rows_seconds, one.dead_seconds) for one in each), default=0.0)
        return payload, row


def rules(
    database: Database, retry_seconds: Mapping[str, float | None], settings: Settings
) -> PruneRules:
    """How long everything is kept, as of now; `retry_seconds` is by source."""
    keep = retention.of_settings(settings)
    names = (triggers.c.id, triggers.c.source)
    own = (triggers.c.keep_payload_seconds, triggers.c.keep_rows_seconds)
    with database.reading() as connection:
        rows = connection.execute(sa.select(*names, *own)).all()
    lifetimes = {
        row.id: keep.of(
            retry_seconds.get(row.source), row.keep_payload_seconds, row.keep_rows_seconds
        )
        for row in rows
    }
    return PruneRules(
        lifetimes,
        settings.hookonce_keep_counts_days * DAY_SECONDS,
        settings.hookonce_keep_audit_days * DAY_SECONDS,
    )


def payloads(
    _database: Database, page: Sequence[sa.Row[Any]], rules: PruneRules
) -> list[dict[int, str]]:
    return [
        {row.id: row.status}
        for row in page
        if row.trigger_id in rules.lifetimes
        and rules.lifetimes[row.trigger_id].payload_outlived(row.status, row.finished_seconds)
    ]


def rows(
    database: Database, page: Sequence[sa.Row[Any]], rules: PruneRules
) -> list[dict[int, str]]:
    """Each with all that it was replayed as, or not at all: the first holds the key."""
    firsts = [
        row
        for row in page
        if row.before_id is None
        and row.trigger_id in rules.lifetimes
        and row_outlived(row, rules.lifetimes[row.trigger_id])
    ]
    if not firsts:
        return []
    chains: dict[int, list[sa.Row[Any]]] = {row.id: [] for row in firsts}
    replayed = [row.id for row in firsts if row.status == REPLAYED]
    if replayed:
        with database.reading() as connection:
            for member in connection.execute(members_query(replayed)):
                chains[member.first_id].append(member)
    groups = []
    for row in firsts:
        members = chains[row.id] or [row]
        if all(row_outlived(each, rules.lifetimes[row.trigger_id]) for each in members):
            groups.append({each.id: each.status for each in members})
    return groups


def row_outlived(row: sa.Row[Any], lifetimes: Retention) -> bool:
    return lifetimes.row_outlived(row.status, row.finished_seconds)


def pages(
    database: Database, query: Any, shortest: float, stop: threading.Event, rest: float
) -> Iterator[Sequence[sa.Row[Any]]]:
    after_id = 0
    while not stop.is_set():
        began = time.monotonic()
        with database.reading() as connection:
            page = connection.execute(query(after_id)).all()
        stop.wait((time.monotonic() - began) * rest)
        if not page:
            return
        yield page
        ages = [row.received_seconds for row in page]
        # nothing finishes before it is received, and ids follow the order of receiving
        if all(age is not None and age < shortest for age in ages):
            return
        after_id = page[-1].id


def rows_query(after_id: int, limit: int = PAGE_ROWS) -> sa.Select[Any]:
    """The next executions by id, each with the one that it was replayed from, if that stands."""
    before = trigger_executions.alias("before")
    return (
        sa.select(*_TOLD, _columns.replay_of_id, before.c.id.label("before_id"))
        .outerjoin(before, before.c.id == _columns.replay_of_id)
        .where(_columns.id > after_id)
        .order_by(_columns.id)
        .limit(limit)
    )


def payloads_query(after_id: int, limit: int = PAGE_ROWS) -> sa.Select[Any]:
    """The next executions by id that still have their request.

    Requests first: of executions there may be any number without one before them.
    """
    request = execution_requests.c.execution_id
    page = sa.select(request).where(request > after_id).order_by(request).limit(limit).subquery()
    return (
        sa.select(*_TOLD)
        .join(page, page.c.execution_id == _columns.id)
        .order_by(page.c.execution_id)
    )


_TOLD = (
    _columns.id,
    _columns.trigger_id,
    _columns.status,
    finished_seconds,
    seconds_since(_columns.received_at).label("received_seconds"),
)


def members_query(first_ids: list[int]) -> sa.Select[Any]:
    """The executions and all that they were replayed as."""
    chain = (
        sa.select(_columns.id.label("first_id"), _columns.id.label("id"))
        .where(_columns.id.in_(first_ids))
        .cte("chain", recursive=True)
    )
    successor = trigger_executions.alias("successor")
    chain = chain.union_all(
        sa.select(chain.c.first_id, successor.c.id).join(
            successor, successor.c.replay_of_id == chain.c.id
        )
    )
    return sa.select(chain.c.first_id, _columns.id, _columns.status, finished_seconds).join(
        trigger_executions, _columns.id == chain.c.id
    )
