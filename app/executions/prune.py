"""Remove what is kept no longer, step by step: payloads, rows, then counts, audit and sessions."""

import threading
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from app import db
from app.db import Database, utc_now
from app.db.models import (
    EVER,
    audit,
    delivery_counts,
    execution_requests,
    sessions,
    trigger_executions,
)
from app.executions import expired
from app.executions.expired import PruneRules
from app.executions.retention import Retention

BATCH_ROWS = 100
"""How many are removed in one transaction: a receiver on SQLite waits for it."""
PRUNE_LOCK = 0x70_72_75_6E_65
"""By which two who prune one PostgreSQL at the same time know of each other."""
EMPTY = "{}"
"""The event of an execution whose payload was removed."""

_columns = trigger_executions.c


class PruneStep(NamedTuple):
    """What one small transaction removed, or in a dry run would have."""

    payloads: int = 0
    executions: int = 0
    counts: int = 0
    audit: int = 0
    sessions: int = 0

    def plus(self, other: "PruneStep") -> "PruneStep":
        """Both together."""
        return PruneStep(*(one + two for one, two in zip(self, other, strict=True)))


NOTHING = PruneStep()


def sweep(
    database: Database,
    rules: PruneRules,
    stop: threading.Event,
    *,
    dry: bool = False,
    rest: float = 0.0,
) -> Iterator[PruneStep]:
    """Remove it all, step by step, until `stop`; each step is committed when it is yielded.

    After each, and after each page that it looks through, it rests for `rest` times as long as
    that took. It ends early where another process is pruning at the same time.
    """
    payload_age, row_age = rules.shortest
    kinds = (
        (expired.payloads_query, expired.payloads, payload_age, _empty),
        (expired.rows_query, expired.rows, row_age, _remove),
    )
    for query, choose, age, act in kinds:
        for page in expired.pages(database, query, age, stop, rest):
            for batch in _batches(choose(database, page, rules)):
                if stop.is_set():
                    return
                began = time.monotonic()
                step = act(database, batch, dry)
                if step is None:
                    return
                took = time.monotonic() - began
                yield step
                stop.wait(took * rest)
    yield from _rest(database, rules, stop, dry)


def release(connection: Connection, execution_id: int, lifetimes: Retention) -> bool:
    """Whether the execution gave its key up: it, and all that it was replayed as, is outlived.

    The row itself is left to the sweep.
    """
    query = expired.members_query([execution_id])
    members = connection.execute(query).all()
    if not members or not all(expired.row_outlived(row, lifetimes) for row in members):
        return False
    status = next(row.status for row in members if row.id == execution_id)
    given_up = connection.execute(
        sa.update(trigger_executions)
        .where(_columns.id == execution_id, _columns.status == status)
        .where(_columns.idempotency_key.is_not(None))
        .values(idempotency_key=None)
    )
    return given_up.rowcount == 1


def _batches(groups: list[dict[int, str]]) -> Iterator[list[dict[int, str]]]:
    batch: list[dict[int, str]] = []
    for group in groups:
        batch.append(group)
        if sum(map(len, batch)) >= BATCH_ROWS:
            yield batch
            batch = []
    if batch:
        yield batch


def _empty(database: Database, groups: list[dict[int, str]], dry: bool) -> PruneStep | None:
    if dry:
        return PruneStep(payloads=len(groups))
    with database.writing() as connection:
        if not db.try_advisory_lock(connection, PRUNE_LOCK):
            return None
        ids = _unchanged(connection, groups)
        requests = execution_requests.c.execution_id
        connection.execute(sa.delete(execution_requests).where(requests.in_(ids)))
        emptied = sa.update(trigger_executions).where(_columns.id.in_(ids))
        connection.execute(emptied.values(event_data=EMPTY))
    return PruneStep(payloads=len(ids))


def _remove(database: Database, groups: list[dict[int, str]], dry: bool) -> PruneStep | None:
    if dry:
        return PruneStep(executions=sum(map(len, groups)))
    with database.writing() as connection:
        if not db.try_advisory_lock(connection, PRUNE_LOCK):
            return None
        ids = _unchanged(connection, groups)
        connection.execute(sa.delete(trigger_executions).where(_columns.id.in_(ids)))
    return PruneStep(executions=len(ids))


def _unchanged(connection: Connection, groups: list[dict[int, str]]) -> list[int]:
    """Of the groups that are as they were seen, the ids, locked; whoever replays one was faster."""
    ids = [id_ for group in groups for id_ in group]
    query = sa.select(_columns.id, _columns.status).where(_columns.id.in_(ids))
    query = db.skip_locked(query)
    now = {row.id: row.status for row in connection.execute(query)}
    whole = [group for group in groups if all(now.get(id_) == group[id_] for id_ in group)]
    return [id_ for group in whole for id_ in group]


def _rest(
    database: Database, rules: PruneRules, stop: threading.Event, dry: bool
) -> Iterator[PruneStep]:
    counted, record, session = delivery_counts.c, audit.c, sessions.c
    kinds = (
        # the sums since ever stay: a counter that became smaller would be read as a restart
        (
            "counts",
            counted.hour,
            (counted.hour < utc_now(-rules.counts_seconds)) & (counted.hour > EVER),
        ),
        ("audit", record.id, record.at < utc_now(-rules.audit_seconds)),
        ("sessions", session.session_hash, session.expires_at < utc_now()),
    )
    for name, column, old in kinds:
        if dry:
            with database.reading() as connection:
                query = sa.select(sa.func.count()).select_from(column.table).where(old)
                yield PruneStep(**{name: connection.execute(query).scalar_one()})
            continue
        while not stop.is_set() and (number := _delete(database, oldest_of(column, old))):
            yield PruneStep(**{name: number})


def _delete(database: Database, deletion: sa.Delete) -> int:
    with database.writing() as connection:
        return connection.execute(deletion).rowcount


def oldest_of(column: sa.Column[Any], old: sa.ColumnElement[bool]) -> sa.Delete:
    """Rows of up to so many values go, the smallest first."""
    oldest = sa.select(column).where(old).order_by(column).limit(BATCH_ROWS).subquery()
    last = sa.select(sa.func.max(oldest.c[column.name])).scalar_subquery()
    return sa.delete(column.table).where(column <= last, old)
