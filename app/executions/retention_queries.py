"""Find payloads and rows whose retention has expired; a row expires with all its replays.

Executions are read by id, oldest first, and each round starts at the first one: they finish out of
order, so a stored position would skip some for ever. A round ends at the first page that is too
young to hold anything expired.
"""

import threading
import time
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from app.db import Database, prefer_partial_index, same_trigger, seconds_since
from app.db.models import execution_requests, trigger_executions, triggers
from app.executions import retention
from app.executions.retention import DAY_SECONDS, Retention
from app.lifecycle import REPLAYED
from app.settings import Settings

PAGE_ROWS = 500
"""Rows that one statement reads."""

_columns = trigger_executions.c
finished_seconds = sa.case(
    (_columns.received_at.is_not(None), seconds_since(_columns.completed_at))
).label("finished_seconds")
"""Seconds since the execution finished; None if it has not, or if older code wrote the row."""


class PruneGroup(NamedTuple):
    """Executions of one trigger that expire together: one, or a chain of replays."""

    trigger_id: int
    statuses: Mapping[int, str]
    """Status of each execution by its id, as it was read."""


@dataclass(frozen=True, slots=True)
class PruneRules:
    """The retention of executions, counts and audit entries."""

    lifetimes: Mapping[int, Retention]
    """Retention of executions by trigger."""
    counts_seconds: float
    audit_seconds: float
    journal_seconds: float

    @property
    def shortest(self) -> tuple[float, float]:
        """Return the shortest retention as (payload, row): younger executions are not checked."""
        each = self.lifetimes.values()
        payload = min((min(one.payload_seconds, one.dead_seconds) for one in each), default=0.0)
        row = min((min(one.rows_seconds, one.dead_seconds) for one in each), default=0.0)
        return payload, row


def rules(
    database: Database, retry_seconds: Mapping[str, float | None], settings: Settings
) -> PruneRules:
    """Read the current retention of every trigger; `retry_seconds` is by source."""
    defaults = retention.of_settings(settings)
    names = (triggers.c.id, triggers.c.source)
    own = (triggers.c.keep_payload_seconds, triggers.c.keep_rows_seconds)
    with database.reading() as connection:
        rows = connection.execute(sa.select(*names, *own)).all()
    lifetimes = {
        row.id: defaults.of(
            retry_seconds.get(row.source), row.keep_payload_seconds, row.keep_rows_seconds
        )
        for row in rows
    }
    return PruneRules(
        lifetimes,
        settings.hookonce_keep_counts_days * DAY_SECONDS,
        settings.hookonce_keep_audit_days * DAY_SECONDS,
        settings.hookonce_keep_journal_days * DAY_SECONDS,
    )


def expired_payloads(
    _database: Database, page: Sequence[sa.Row[Any]], rules: PruneRules
) -> list[PruneGroup]:
    """Return each execution of the page whose payload has expired."""
    return [
        PruneGroup(row.trigger_id, {row.id: row.status})
        for row in page
        if row.trigger_id in rules.lifetimes
        and rules.lifetimes[row.trigger_id].payload_expired(row.status, row.finished_seconds)
    ]


def expired_rows(
    database: Database, page: Sequence[sa.Row[Any]], rules: PruneRules
) -> list[PruneGroup]:
    """Return each expired chain of replays of the page.

    A chain goes as a whole or not at all: its first execution holds the idempotency key.
    """
    firsts = [
        row
        for row in page
        if row.before_id is None
        and row.trigger_id in rules.lifetimes
        and row_expired(row, rules.lifetimes[row.trigger_id])
    ]
    if not firsts:
        return []
    replayed: dict[int, list[int]] = defaultdict(list)
    for row in firsts:
        if row.status == REPLAYED:
            replayed[row.trigger_id].append(row.id)
    chains: dict[int, list[sa.Row[Any]]] = {}
    for trigger_id, ids in replayed.items():
        with database.reading() as connection:
            chains |= chains_of(connection, trigger_id, ids)
    groups = []
    for row in firsts:
        members = chains.get(row.id) or [row]
        if all(row_expired(each, rules.lifetimes[row.trigger_id]) for each in members):
            statuses = {each.id: each.status for each in members}
            groups.append(PruneGroup(row.trigger_id, statuses))
    return groups


def row_expired(row: sa.Row[Any], lifetimes: Retention) -> bool:
    """Return True if the retention of this row has expired."""
    return lifetimes.row_expired(row.status, row.finished_seconds)


def pages(
    database: Database, query: Any, shortest: float, stop: threading.Event, rest: float
) -> Iterator[Sequence[sa.Row[Any]]]:
    """Yield pages of `query` by id until one is younger than `shortest` seconds, or `stop` is set.

    After each page it rests for `rest` times the duration of the query.
    """
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
        # no execution finishes before it is received, and ids follow the order of receipt
        if all(age is not None and age < shortest for age in ages):
            return
        after_id = page[-1].id


def rows_query(after_id: int, limit: int = PAGE_ROWS) -> sa.Select[Any]:
    """Select the next executions by id, each with its predecessor, if it is a replay of one."""
    before = trigger_executions.alias("before")
    return (
        sa.select(*_CHECKED, _columns.replay_of_id, before.c.id.label("before_id"))
        .outerjoin(
            before,
            (before.c.id == _columns.replay_of_id)
            & same_trigger(before.c.trigger_id, _columns.trigger_id),
        )
        .where(_columns.id > after_id)
        .order_by(_columns.id)
        .limit(limit)
    )


def payloads_query(after_id: int, limit: int = PAGE_ROWS) -> sa.Select[Any]:
    """Select the next executions by id that still have their request.

    The query starts from the requests: any number of executions before them may have none.
    """
    request = execution_requests.c.execution_id
    of_trigger = execution_requests.c.trigger_id
    ids = sa.select(request, of_trigger).where(request > after_id)
    page = ids.order_by(request).limit(limit).subquery()
    return (
        sa.select(*_CHECKED)
        .join(
            page,
            (page.c.execution_id == _columns.id)
            & same_trigger(_columns.trigger_id, page.c.trigger_id),
        )
        .order_by(page.c.execution_id)
    )


_CHECKED = (
    _columns.id,
    _columns.trigger_id,
    _columns.status,
    finished_seconds,
    seconds_since(_columns.received_at).label("received_seconds"),
)


def chains_of(
    connection: Connection, trigger_id: int, first_ids: Collection[int]
) -> dict[int, list[sa.Row[Any]]]:
    """Return by their ids these executions of the trigger, each with all its replays.

    One statement for each step of the chains: a recursive one could not be sent to one shard.
    """
    chains: dict[int, list[sa.Row[Any]]] = {}
    first_of: dict[int, int] = {}
    condition: sa.ColumnElement[bool] = _columns.id.in_(first_ids)
    while True:
        rows = connection.execute(_members_query(trigger_id, condition)).all()
        step = {row.id: row for row in rows if row.id not in first_of}
        for row in step.values():
            first_of[row.id] = first_of.get(row.replay_of_id, row.id)
            chains.setdefault(first_of[row.id], []).append(row)
        if not step:
            return chains
        is_replay = _columns.replay_of_id.is_not(None)
        condition = sa.and_(
            _columns.replay_of_id.in_(step), is_replay, prefer_partial_index(is_replay, _columns.id)
        )


def _members_query(trigger_id: int, condition: sa.ColumnElement[bool]) -> sa.Select[Any]:
    shown = (_columns.id, _columns.replay_of_id, _columns.status, finished_seconds)
    return sa.select(*shown).where(same_trigger(_columns.trigger_id, trigger_id), condition)
