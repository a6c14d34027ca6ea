"""Follow deliveries and attempts as they are committed, by their ids.

Ids are given out before the commit: on PostgreSQL a row may appear after one with a higher id. So
each look goes back over the last OVERLAP ids, and rows that were seen are left out.
"""

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from app import db
from app.db.models import delivery_journal, execution_attempts, trigger_executions, triggers

OVERLAP = 1_000
"""Ids below the highest one that are looked at again."""
AT_ONCE = 500
"""Rows of one statement."""
OPEN_AT_MOST = 5_000
"""Started attempts that are watched for their end; of more than these the oldest are given up."""
_executions, _attempts, _journal = trigger_executions.c, execution_attempts.c, delivery_journal.c


@dataclass(frozen=True, slots=True)
class LiveEvent:
    """A delivery or an attempt that was committed since the last look."""

    at: datetime | None
    kind: str
    """`execution`, `delivery` (one that became no execution) or `attempt`."""
    trigger: str
    id: int
    """Id of the execution; of a delivery that became none, its id in the journal."""
    outcome: str
    detail: str = ""


class Feed:
    """The new rows of one table, each once."""

    def __init__(self, rows: sa.Select[Any], by: sa.ColumnElement[int]) -> None:
        self._rows = rows
        self._by = by
        self._seen: OrderedDict[int, None] = OrderedDict()
        self._high = 0

    def begin(self, connection: Connection) -> None:
        """Take the rows that exist now as seen."""
        self._high = connection.execute(sa.select(sa.func.max(self._by))).scalar() or 0
        recent = sa.select(self._by).where(self._by > self._high - OVERLAP)
        self._remember(connection.execute(recent).scalars())

    def new(self, connection: Connection) -> Iterator[sa.Row[Any]]:
        """Yield the rows that were committed since the last look, by id."""
        after = self._high - OVERLAP
        while True:
            query = self._rows.where(self._by > after).order_by(self._by).limit(AT_ONCE)
            rows = connection.execute(query).all()
            unseen = [row for row in rows if row.id not in self._seen]
            self._remember(row.id for row in unseen)
            yield from unseen
            if len(rows) < AT_ONCE:
                return
            after = rows[-1].id

    def _remember(self, ids: Any) -> None:
        for id_ in ids:
            self._seen[id_] = None
            self._high = max(self._high, id_)
        while len(self._seen) > 2 * OVERLAP + AT_ONCE:
            self._seen.popitem(last=False)


class Follower:
    """Follows the deliveries and attempts of one trigger, or of all."""

    def __init__(self, connection: Connection, trigger_id: int | None = None) -> None:
        journal = f"{delivery_journal.name}.id" in db.columns(connection)
        self._feeds = {
            "execution": Feed(_of(_execution_rows(), trigger_id), _executions.id),
            "attempt": Feed(_of(_attempt_rows(), trigger_id), _attempts.id),
        }
        if journal:
            self._feeds["delivery"] = Feed(_of(_journal_rows(), trigger_id), _journal.id)
        self._open: OrderedDict[int, None] = OrderedDict()
        for feed in self._feeds.values():
            feed.begin(connection)

    def look(self, connection: Connection) -> list[LiveEvent]:
        """Return what was committed since the last look, oldest first."""
        events = [_execution(row) for row in self._feeds["execution"].new(connection)]
        if "delivery" in self._feeds:
            events += [_delivery(row) for row in self._feeds["delivery"].new(connection)]
        for row in self._feeds["attempt"].new(connection):
            self._open[row.id] = None
            events.append(_started(row))
        events += self._ended(connection)
        return sorted(events, key=lambda each: (each.at is None, each.at))

    def _ended(self, connection: Connection) -> Iterator[LiveEvent]:
        """Yield the end of each attempt that was reported as started."""
        while len(self._open) > OPEN_AT_MOST:
            self._open.popitem(last=False)
        ids = list(self._open)
        for first in range(0, len(ids), AT_ONCE):
            part = _attempts.id.in_(ids[first : first + AT_ONCE])
            query = _attempt_rows().where(part, _attempts.finished_at.is_not(None))
            for row in connection.execute(query.order_by(_attempts.id)):
                del self._open[row.id]
                yield _finished(row)


def _of(rows: sa.Select[Any], trigger_id: int | None) -> sa.Select[Any]:
    return rows if trigger_id is None else rows.where(triggers.c.id == trigger_id)


def _execution_rows() -> sa.Select[Any]:
    shown = (_executions.id, _executions.received_at, _executions.idempotency_key)
    query = sa.select(*shown, _executions.replay_of_id, triggers.c.slug)
    return query.join(triggers, triggers.c.id == _executions.trigger_id)


def _journal_rows() -> sa.Select[Any]:
    shown = (_journal.id, _journal.at, _journal.outcome, _journal.idempotency_key)
    query = sa.select(*shown, triggers.c.slug)
    return query.join(triggers, triggers.c.id == _journal.trigger_id)


def _attempt_rows() -> sa.Select[Any]:
    return (
        sa.select(execution_attempts, triggers.c.slug)
        .join(
            trigger_executions,
            (_executions.id == _attempts.execution_id)
            & db.same_trigger(_attempts.trigger_id, _executions.trigger_id),
        )
        .join(triggers, triggers.c.id == _executions.trigger_id)
    )


def _execution(row: sa.Row[Any]) -> LiveEvent:
    outcome = "admitted" if row.replay_of_id is None else f"replay of {row.replay_of_id}"
    key = row.idempotency_key or ""
    return LiveEvent(row.received_at, "execution", row.slug, row.id, outcome, key)


def _delivery(row: sa.Row[Any]) -> LiveEvent:
    key = row.idempotency_key or ""
    return LiveEvent(row.at, "delivery", row.slug, row.id, row.outcome, key)


def _started(row: sa.Row[Any]) -> LiveEvent:
    outcome = f"{row.number} started"
    return LiveEvent(row.started_at, "attempt", row.slug, row.execution_id, outcome)


def _finished(row: sa.Row[Any]) -> LiveEvent:
    status = "" if row.http_status is None else f"HTTP {row.http_status} "
    detail = (status + (row.error or "")).rstrip()
    outcome = f"{row.number} {row.outcome}"
    return LiveEvent(row.finished_at, "attempt", row.slug, row.execution_id, outcome, detail)
