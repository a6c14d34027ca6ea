"""Remove what is kept no longer, in small steps: payloads, then rows, then counts, audit, sessions.

Executions are walked by their ids, oldest first, and each walk begins at the beginning: they finish
out of order, so a place to go on from would skip some for ever. A walk ends at the first page that
is too young for anything in it to have outlived its lifetime.
"""

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from app import db, retention
from app.db import Database, seconds_since, utc_now
from app.lifecycle import REPLAYED
from app.models import (
    audit,
    delivery_counts,
    execution_requests,
    sessions,
    trigger_executions,
    triggers,
)
from app.retention import DAY_SECONDS, Lifetimes
from app.settings import Settings
from app.tally.writing import EVER

PAGE_ROWS = 500
"""How many are looked at in one statement."""
BATCH_ROWS = 100
"""How many are removed in one transaction: a receiver on SQLite waits for it."""
ERRAND = 0x70_72_75_6E_65
"""By which two who prune one PostgreSQL at the same time know of each other."""
EMPTY = "{}"
"""The event of an execution whose payload was removed."""

_columns = trigger_executions.c
finished_seconds = sa.case(
    (_columns.received_at.is_not(None), seconds_since(_columns.completed_at))
).label("finished_seconds")
"""How long ago it finished; None if it has not, and where older code wrote it."""


@dataclass(frozen=True, slots=True)
class Rules:
    """How long everything is kept."""

    lifetimes: Mapping[int, Lifetimes]
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


class Step(NamedTuple):
    """What one small transaction removed, or in a dry run would have."""

    payloads: int = 0
    executions: int = 0
    counts: int = 0
    audit: int = 0
    sessions: int = 0

    def plus(self, other: "Step") -> "Step":
        """Both together."""
        return Step(*(one + two for one, two in zip(self, other, strict=True)))


NOTHING = Step()


def rules(
    database: Database, retry_seconds: Mapping[str, float | None], settings: Settings
) -> Rules:
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
    return Rules(
        lifetimes,
        settings.hookonce_keep_counts_days * DAY_SECONDS,
        settings.hookonce_keep_audit_days * DAY_SECONDS,
    )


def sweep(
    database: Database,
    rules: Rules,
    stop: threading.Event,
    *,
    dry: bool = False,
    rest: float = 0.0,
) -> Iterator[Step]:
    """Remove it all, step by step, until `stop`; each step is committed when it is yielded.

    After each, and after each page that it looks through, it rests for `rest` times as long as
    that took. It ends early where another process is pruning at the same time.
    """
    payload_age, row_age = rules.shortest
    kinds = (
        (payloads_query, _outlived_payloads, payload_age, _empty),
        (rows_query, _outlived_rows, row_age, _remove),
    )
    for query, choose, age, act in kinds:
        for page in _pages(database, query, age, stop, rest):
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


def release(connection: Connection, execution_id: int, lifetimes: Lifetimes) -> bool:
    """Whether the execution gave its key up: it, and all that it was replayed as, is outlived.

    The row itself is left to the sweep.
    """
    query = _members_query([execution_id])
    members = connection.execute(query).all()
    if not members or not all(_row_outlived(row, lifetimes) for row in members):
        return False
    status = next(row.status for row in members if row.id == execution_id)
    given_up = connection.execute(
        sa.update(trigger_executions)
        .where(_columns.id == execution_id, _columns.status == status)
        .where(_columns.idempotency_key.is_not(None))
        .values(idempotency_key=None)
    )
    return given_up.rowcount == 1


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
    """The next executions by id that still have their request."""
    request = execution_requests.c.execution_id
    return (
        sa.select(*_TOLD)
        .select_from(execution_requests)
        .join(trigger_executions, _columns.id == request)
        .where(request > after_id)
        .order_by(request)
        .limit(limit)
    )


_TOLD = (
    _columns.id,
    _columns.trigger_id,
    _columns.status,
    finished_seconds,
    seconds_since(_columns.received_at).label("received_seconds"),
)


def _pages(
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


def _outlived_payloads(
    _database: Database, page: Sequence[sa.Row[Any]], rules: Rules
) -> list[dict[int, str]]:
    return [
        {row.id: row.status}
        for row in page
        if row.trigger_id in rules.lifetimes
        and rules.lifetimes[row.trigger_id].payload_outlived(row.status, row.finished_seconds)
    ]


def _outlived_rows(
    database: Database, page: Sequence[sa.Row[Any]], rules: Rules
) -> list[dict[int, str]]:
    """Each with all that it was replayed as, or not at all: the first holds the key."""
    firsts = [
        row
        for row in page
        if row.before_id is None
        and row.trigger_id in rules.lifetimes
        and _row_outlived(row, rules.lifetimes[row.trigger_id])
    ]
    if not firsts:
        return []
    chains: dict[int, list[sa.Row[Any]]] = {row.id: [] for row in firsts}
    replayed = [row.id for row in firsts if row.status == REPLAYED]
    if replayed:
        with database.reading() as connection:
            for member in connection.execute(_members_query(replayed)):
                chains[member.first_id].append(member)
    groups = []
    for row in firsts:
        members = chains[row.id] or [row]
        if all(_row_outlived(each, rules.lifetimes[row.trigger_id]) for each in members):
            groups.append({each.id: each.status for each in members})
    return groups


def _row_outlived(row: sa.Row[Any], lifetimes: Lifetimes) -> bool:
    return lifetimes.row_outlived(row.status, row.finished_seconds)


def _members_query(first_ids: list[int]) -> sa.Select[Any]:
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


def _batches(groups: list[dict[int, str]]) -> Iterator[list[dict[int, str]]]:
    batch: list[dict[int, str]] = []
    for group in groups:
        batch.append(group)
        if sum(map(len, batch)) >= BATCH_ROWS:
            yield batch
            batch = []
    if batch:
        yield batch


def _empty(database: Database, groups: list[dict[int, str]], dry: bool) -> Step | None:
    if dry:
        return Step(payloads=len(groups))
    with database.writing() as connection:
        if not db.alone(connection, ERRAND):
            return None
        ids = _unchanged(connection, groups)
        requests = execution_requests.c.execution_id
        connection.execute(sa.delete(execution_requests).where(requests.in_(ids)))
        emptied = sa.update(trigger_executions).where(_columns.id.in_(ids))
        connection.execute(emptied.values(event_data=EMPTY))
    return Step(payloads=len(ids))


def _remove(database: Database, groups: list[dict[int, str]], dry: bool) -> Step | None:
    if dry:
        return Step(executions=sum(map(len, groups)))
    with database.writing() as connection:
        if not db.alone(connection, ERRAND):
            return None
        ids = _unchanged(connection, groups)
        connection.execute(sa.delete(trigger_executions).where(_columns.id.in_(ids)))
    return Step(executions=len(ids))


def _unchanged(connection: Connection, groups: list[dict[int, str]]) -> list[int]:
    """Of the groups that are as they were seen, the ids, locked; whoever replays one was faster."""
    ids = [id_ for group in groups for id_ in group]
    query = sa.select(_columns.id, _columns.status).where(_columns.id.in_(ids))
    query = db.locked_for_claim(query, connection.dialect)
    now = {row.id: row.status for row in connection.execute(query)}
    whole = [group for group in groups if all(now.get(id_) == group[id_] for id_ in group)]
    return [id_ for group in whole for id_ in group]


def _rest(database: Database, rules: Rules, stop: threading.Event, dry: bool) -> Iterator[Step]:
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
    for name, column, outlived in kinds:
        if dry:
            with database.reading() as connection:
                query = sa.select(sa.func.count()).select_from(column.table).where(outlived)
                yield Step(**{name: connection.execute(query).scalar_one()})
            continue
        while not stop.is_set() and (number := _delete(database, column, outlived)):
            yield Step(**{name: number})


def _delete(database: Database, column: sa.Column[Any], outlived: sa.ColumnElement[bool]) -> int:
    """How many rows of up to so many values went, the smallest first."""
    oldest = sa.select(column).where(outlived).order_by(column).limit(BATCH_ROWS).scalar_subquery()
    with database.writing() as connection:
        gone = connection.execute(sa.delete(column.table).where(column.in_(oldest), outlived))
        return gone.rowcount
