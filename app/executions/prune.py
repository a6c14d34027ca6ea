"""Prune what has expired in small steps: payloads, rows, then counts, audit, sessions, journal."""

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from app import db
from app.db import Database, same_trigger, utc_now
from app.db.models import (
    ALL_TIME,
    audit,
    delivery_counts,
    delivery_journal,
    execution_attempts,
    execution_origins,
    execution_requests,
    mismatched_payloads,
    sessions,
    trigger_executions,
)
from app.executions import retention_queries as queries
from app.executions.retention import Retention
from app.executions.retention_queries import PruneGroup, PruneRules

BATCH_ROWS = 100
"""Rows removed in one transaction: on SQLite requests wait for it."""
PRUNE_LOCK = 0x70_72_75_6E_65
"""Advisory lock of PostgreSQL that lets only one process prune at a time."""
Change = Callable[[Connection, int, list[int]], None]
"""Function that changes the executions of a trigger with these ids."""
EMPTY = "{}"
"""Value of event_data after the payload was pruned."""

_columns = trigger_executions.c


class PruneStep(NamedTuple):
    """Rows that one transaction removed, or would have in a dry run."""

    payloads: int = 0
    executions: int = 0
    counts: int = 0
    audit: int = 0
    sessions: int = 0
    journal: int = 0

    def plus(self, other: "PruneStep") -> "PruneStep":
        """Return the sum of both steps."""
        return PruneStep(*(mine + theirs for mine, theirs in zip(self, other, strict=True)))


NOTHING = PruneStep()


def run(
    database: Database,
    rules: PruneRules,
    stop: threading.Event,
    *,
    dry: bool = False,
    rest: float = 0.0,
) -> Iterator[PruneStep]:
    """Remove all that has expired, until `stop`; each step is committed when it is yielded.

    After each step and each page read it rests for `rest` times as long as that took. It ends
    early if another process prunes at the same time.
    """
    payload_age, row_age = rules.shortest
    kinds = (
        (queries.payloads_query, queries.expired_payloads, payload_age, _empty_payloads),
        (queries.rows_query, queries.expired_rows, row_age, _remove_rows),
    )
    for query, select, age, apply in kinds:
        for page in queries.pages(database, query, age, stop, rest):
            for batch in _batches(select(database, page, rules)):
                if stop.is_set():
                    return
                began = time.monotonic()
                step = apply(database, batch, dry)
                if step is None:
                    return
                took = time.monotonic() - began
                yield step
                stop.wait(took * rest)
    yield from _prune_records(database, rules, stop, dry)


def release(
    connection: Connection, trigger_id: int, execution_id: int, lifetimes: Retention
) -> bool:
    """Take the idempotency key off an expired execution; False if it or a replay is not expired.

    The row itself is removed when it is pruned.
    """
    members = queries.chains_of(connection, trigger_id, [execution_id]).get(execution_id, [])
    if not members or not all(queries.row_expired(row, lifetimes) for row in members):
        return False
    status = next(row.status for row in members if row.id == execution_id)
    updated = connection.execute(
        sa.update(trigger_executions)
        .where(same_trigger(_columns.trigger_id, trigger_id), _columns.id == execution_id)
        .where(_columns.status == status)
        .where(_columns.idempotency_key.is_not(None))
        .values(idempotency_key=None)
    )
    return updated.rowcount == 1


def _batches(groups: list[PruneGroup]) -> Iterator[list[PruneGroup]]:
    batch: list[PruneGroup] = []
    for group in groups:
        batch.append(group)
        if _size(batch) >= BATCH_ROWS:
            yield batch
            batch = []
    if batch:
        yield batch


def _size(groups: list[PruneGroup]) -> int:
    return sum(len(each.statuses) for each in groups)


def _empty_payloads(database: Database, groups: list[PruneGroup], dry: bool) -> PruneStep | None:
    if dry:
        return PruneStep(payloads=len(groups))
    number = _change(database, groups, _empty)
    return None if number is None else PruneStep(payloads=number)


def _empty(connection: Connection, trigger_id: int, ids: list[int]) -> None:
    requests, origins = execution_requests.c, execution_origins.c
    of_requests = (same_trigger(requests.trigger_id, trigger_id), requests.execution_id.in_(ids))
    connection.execute(sa.delete(execution_requests).where(*of_requests))
    of_origins = (same_trigger(origins.trigger_id, trigger_id), origins.execution_id.in_(ids))
    changed = sa.update(execution_origins).where(*of_origins)
    connection.execute(changed.values(original_event_data=None, original_body=None))
    attempts = execution_attempts.c
    of_attempts = (same_trigger(attempts.trigger_id, trigger_id), attempts.execution_id.in_(ids))
    sent = sa.update(execution_attempts).where(*of_attempts, attempts.sent_body.is_not(None))
    connection.execute(sent.values(sent_body=None))
    update = sa.update(trigger_executions).where(*_same(trigger_id, ids))
    connection.execute(update.values(event_data=EMPTY))


def _remove_rows(database: Database, groups: list[PruneGroup], dry: bool) -> PruneStep | None:
    if dry:
        return PruneStep(executions=_size(groups))
    number = _change(database, groups, _remove)
    return None if number is None else PruneStep(executions=number)


def _remove(connection: Connection, trigger_id: int, ids: list[int]) -> None:
    connection.execute(sa.delete(trigger_executions).where(*_same(trigger_id, ids)))


def _change(database: Database, groups: list[PruneGroup], change: Change) -> int | None:
    """Change the groups that are as they were read; None if another process prunes."""
    with database.writing() as connection:
        if not db.try_advisory_lock(connection, PRUNE_LOCK):
            return None
        number = 0
        for trigger_id, ids in _unchanged(connection, groups):
            number += len(ids)
            change(connection, trigger_id, ids)
    return number


def _same(trigger_id: int, ids: list[int]) -> tuple[sa.ColumnElement[bool], ...]:
    return same_trigger(_columns.trigger_id, trigger_id), _columns.id.in_(ids)


def _unchanged(connection: Connection, groups: list[PruneGroup]) -> Iterator[tuple[int, list[int]]]:
    """Lock the groups that have not changed since they were read; yield their ids by trigger.

    A group that is being replayed is left out. Rows are locked one trigger at a time, because no
    statement locks rows on several shards.
    """
    by_trigger: dict[int, list[PruneGroup]] = {}
    for group in groups:
        by_trigger.setdefault(group.trigger_id, []).append(group)
    for trigger_id, of_trigger in sorted(by_trigger.items()):
        ids = [id_ for group in of_trigger for id_ in group.statuses]
        query = sa.select(_columns.id, _columns.status).where(*_same(trigger_id, ids))
        rows = connection.execute(db.skip_locked(query))
        statuses = {row.id: row.status for row in rows}
        same = [each for each in of_trigger if each.statuses.items() <= statuses.items()]
        if same:
            yield trigger_id, [id_ for group in same for id_ in group.statuses]


def _prune_records(
    database: Database, rules: PruneRules, stop: threading.Event, dry: bool
) -> Iterator[PruneStep]:
    counted, record, session, noted = (
        table.c for table in (delivery_counts, audit, sessions, delivery_journal)
    )
    kinds = (
        # the all-time sums stay: Prometheus reads a counter that shrinks as a restart
        (
            "counts",
            counted.hour,
            (counted.hour < utc_now(-rules.counts_seconds)) & (counted.hour > ALL_TIME),
        ),
        ("audit", record.id, record.at < utc_now(-rules.audit_seconds)),
        ("sessions", session.session_hash, session.expires_at < utc_now()),
        ("journal", noted.id, noted.at < utc_now(-rules.journal_seconds)),
        *(
            ("payloads", mismatched_payloads.c.received_at, old)
            for old in _expired_mismatches(database, rules)
        ),
    )
    for name, column, old in kinds:
        if dry:
            with database.reading() as connection:
                query = sa.select(sa.func.count()).select_from(column.table).where(old)
                yield PruneStep(**{name: connection.execute(query).scalar_one()})
            continue
        while not stop.is_set() and (number := _delete(database, oldest_of(column, old))):
            yield PruneStep(**{name: number})


def _expired_mismatches(database: Database, rules: PruneRules) -> Iterator[sa.ColumnElement[bool]]:
    """Yield the condition of expired payloads for each trigger that has any.

    They expire as the payload of an execution does, but counted from when they were received.
    """
    columns = mismatched_payloads.c
    with database.reading() as connection:
        ids = connection.execute(sa.select(columns.trigger_id).distinct()).scalars().all()
    for trigger_id in set(ids) & rules.lifetimes.keys():
        seconds = rules.lifetimes[trigger_id].payload_seconds
        yield (columns.trigger_id == trigger_id) & (columns.received_at < utc_now(-seconds))


def _delete(database: Database, deletion: sa.Delete) -> int:
    with database.writing() as connection:
        return connection.execute(deletion).rowcount


def oldest_of(column: sa.Column[Any], old: sa.ColumnElement[bool]) -> sa.Delete:
    """Delete the old rows of the BATCH_ROWS smallest values of the column."""
    oldest = sa.select(column).where(old).order_by(column).limit(BATCH_ROWS).subquery()
    last = sa.select(sa.func.max(oldest.c[column.name])).scalar_subquery()
    return sa.delete(column.table).where(column <= last, old)
