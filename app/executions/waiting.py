"""Say why an execution has not finished: the first reason that holds, as a code and a sentence.

The reasons of a whole list are read by a few statements, for any number of rows.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from app import clock
from app.db import is_one_of, prefer_partial_index, utc_now
from app.db.models import ALWAYS_DUE, trigger_executions, triggers
from app.executions import blocks, workers
from app.executions.blocks import Block, Pause
from app.executions.due import ONE_AT_A_TIME
from app.executions.due_queries import running_counts
from app.executions.workers import LiveWorkers
from app.lifecycle import RETRYING, RUNNING, UNFINISHED, WAITING

Code = Literal[
    "running",
    "lease_expired",
    "held",
    "all_paused",
    "paused",
    "no_worker",
    "breaker_open",
    "retry_at",
    "serial",
    "max_concurrency",
    "resuming",
    "due",
]
"""Reasons, in the order in which they are looked for among waiting executions."""
COUNTED = 300
"""Executions that are read to find the places of those of triggers with a limit."""
LEAST_COUNTED = 20
"""Executions that are read of each of these triggers at least."""
_ALWAYS_DUE = clock.moment(ALWAYS_DUE)
_executions = trigger_executions.c


class Because(NamedTuple):
    """The reason for which an execution has not finished."""

    code: Code
    detail: str
    since: datetime | None = None
    """Beginning of the state that keeps it waiting."""
    until: datetime | None = None
    """Time at which that ends or is tried again, if it is known."""
    ahead: int | None = None
    """Executions of the trigger that go first, if its concurrency is limited."""
    also: tuple["Because", ...] = ()
    """Further reasons that hold too, so that nobody mends one and waits for the next."""

    def values(self) -> dict[str, Any]:
        """Return the reason as the API and the commands show it."""
        times = {"since": clock.text(self.since), "until": clock.text(self.until)}
        also = [{"code": each.code, "detail": each.detail} for each in self.also]
        return self._asdict() | times | {"also": also}


class Limit(NamedTuple):
    """The limit of a trigger's concurrency, and how much of it is used."""

    id: int
    max_concurrency: int | None
    now: datetime
    running_count: int
    """Its running executions; 0 without a limit, for which they are not counted."""


@dataclass(frozen=True, slots=True)
class Facts:
    """The facts about one trigger and all workers by which a reason is found."""

    now: datetime
    all_paused: Pause | None = None
    workers: LiveWorkers = field(default_factory=LiveWorkers)
    block: Block = blocks.NOTHING
    max_concurrency: int | None = None
    running_count: int = 0
    ahead: int | None = None
    """Waiting executions of the trigger that go first; None: more than were counted."""


def because(
    connection: Connection, rows: Sequence[Any], *, breakers: bool = True
) -> dict[int, Because]:
    """Return the reason of each unfinished execution of these rows, by id.

    A row has id, trigger_id, status, next_attempt_at, lease_owner, lease_expires_at and
    attempt_count. `breakers=False`: the settings switch breakers off, and workers ignore them.
    """
    unfinished = [row for row in rows if row.status in UNFINISHED]
    if not unfinished:
        return {}
    all_paused, alive = blocks.pause_of_all(connection), workers.live(connection)
    limits = _limits(connection, {row.trigger_id for row in unfinished})
    of_triggers = blocks.of_triggers(connection, limits)
    places = _ahead(connection, limits.values())
    reasons = {}
    for row in unfinished:
        limit, block = limits.get(row.trigger_id), of_triggers.get(row.trigger_id, blocks.NOTHING)
        if limit is None:  # a found database may have executions without a trigger
            reasons[row.id] = _HELD
            continue
        facts = Facts(
            limit.now,
            all_paused,
            alive,
            block if breakers else block._replace(breaker=None),
            limit.max_concurrency,
            limit.running_count,
            places.get(row.trigger_id, {}).get(row.id),
        )
        reasons[row.id] = reason(row, facts)
    return reasons


def reason(row: Any, facts: Facts) -> Because:
    """Return the first reason that holds for an unfinished execution, with the others. Pure."""
    if row.status == RUNNING:
        return _running(row, facts)
    if row.next_attempt_at is None:
        return _HELD
    is_test = row.next_attempt_at < _ALWAYS_DUE
    finds = (_all_paused, _paused, _no_worker, _breaker_open, _retry_at, _limited, _resuming)
    tried = [find(row, facts) for find in finds if not (is_test and find in _PASSED_BY_TESTS)]
    first, *others = [found for found in tried if found is not None] or [_DUE]
    return first._replace(also=tuple(others))


_DUE = Because("due", "it is due: the next free slot of a worker takes it")
_HELD = Because(
    "held",
    "it was unfinished when the database was taken over: "
    "`hookonce held release` or `hookonce held give-up` decides",
)


def _running(row: Any, facts: Facts) -> Because:
    if row.lease_expires_at is None:
        return _HELD
    until = clock.text(row.lease_expires_at)
    worker = f"worker {row.lease_owner}"
    if row.lease_expires_at > facts.now:
        detail = (
            f"worker {row.lease_owner} runs attempt {row.attempt_count}; its lease ends {until}"
        )
        return Because("running", detail, until=row.lease_expires_at)
    taken_over = "another worker takes it over" if facts.workers.count else workers.NO_WORKER
    detail = f"the lease of {worker} expired at {until}: {taken_over}"
    return Because("lease_expired", detail, since=row.lease_expires_at)


def _all_paused(_row: Any, facts: Facts) -> Because | None:
    pause = facts.all_paused
    if pause is None:
        return None
    detail = f"all triggers are paused {pause.sentence}"
    return Because("all_paused", detail, since=pause.since)


def _paused(_row: Any, facts: Facts) -> Because | None:
    pause = facts.block.pause
    if pause is None:
        return None
    detail = f"the trigger is paused {pause.sentence}"
    return Because("paused", detail, since=pause.since)


def _no_worker(_row: Any, facts: Facts) -> Because | None:
    if facts.workers.count:
        return None
    return Because("no_worker", facts.workers.sentence, since=facts.workers.last_seen_at)


def _breaker_open(row: Any, facts: Facts) -> Because | None:
    breaker = facts.block.breaker
    if breaker is None:
        return None
    at = max(breaker.next_probe_at, row.next_attempt_at)
    detail = (
        f"the target failed {breaker.failure_count} times in a row: its circuit breaker is open "
        f"since {clock.text(breaker.since)}, next probe at {clock.text(at)}"
    )
    return Because("breaker_open", detail, since=breaker.since, until=at)


def _retry_at(row: Any, facts: Facts) -> Because | None:
    if row.next_attempt_at <= facts.now:
        return None
    number, at = row.attempt_count + 1, clock.text(row.next_attempt_at)
    return Because("retry_at", f"attempt {number} begins at {at}", until=row.next_attempt_at)


def _limited(_row: Any, facts: Facts) -> Because | None:
    limit = facts.max_concurrency
    if limit is None or (facts.ahead is not None and facts.ahead + facts.running_count < limit):
        return None
    others = None if facts.ahead is None else facts.ahead + facts.running_count
    number = "many others" if others is None else f"{others} other{'s' if others > 1 else ''}"
    if limit == ONE_AT_A_TIME:
        detail = f"the trigger runs one execution at a time, in order: behind {number}"
        return Because("serial", detail, ahead=others)
    detail = f"the trigger runs at most {limit} executions at a time: behind {number}"
    return Because("max_concurrency", detail, ahead=others)


def _resuming(row: Any, facts: Facts) -> Because | None:
    resumed_at = facts.block.resumed_at
    if resumed_at is None or row.next_attempt_at > resumed_at:
        return None
    detail = (
        f"the trigger was resumed at {clock.text(resumed_at)}: "
        f"{facts.block.per_second:g} of its backlog begin each second"
    )
    return Because("resuming", detail, since=resumed_at)


_PASSED_BY_TESTS = (_paused, _breaker_open, _retry_at, _resuming)
"""Reasons that do not hold for a test event."""


def _limits(connection: Connection, trigger_ids: Iterable[int]) -> dict[int, Limit]:
    """Return the limit of each trigger, with the number that runs now of those that have one."""
    columns = (triggers.c.id, triggers.c.max_concurrency, utc_now().label("now"))
    query = sa.select(*columns).where(triggers.c.id.in_(sorted(trigger_ids)))
    rows = connection.execute(query).all()
    # not a sub-select in that query: Citus counts for no row of a table that is on every node
    limited = [row.id for row in rows if row.max_concurrency is not None]
    counts = connection.execute(running_counts(limited)).all() if limited else []
    running = {row.trigger_id: int(row.number) for row in counts}
    return {row.id: Limit(*row, running.get(row.id, 0)) for row in rows}


def _ahead(connection: Connection, limits: Iterable[Limit]) -> dict[int, dict[int, int]]:
    """Return the place of the first waiting executions by id, for each trigger with a limit.

    COUNTED rows are read in all, by one statement; an execution beyond them has no place.
    """
    limited = [limit for limit in limits if limit.max_concurrency is not None]
    if not limited:
        return {}
    each = max(LEAST_COUNTED, COUNTED // len(limited))
    firsts = [sa.select(first_waiting(limit.id, each).subquery()) for limit in limited]
    rows: dict[int, list[sa.Row[Any]]] = {limit.id: [] for limit in limited}
    for row in connection.execute(sa.union_all(*firsts)):
        rows[row.trigger_id].append(row)
    return {
        limit.id: _places(rows[limit.id], in_order=limit.max_concurrency == ONE_AT_A_TIME)
        for limit in limited
    }


def first_waiting(trigger_id: int, number: int) -> sa.Select[Any]:
    """Select so many of the trigger's executions that wait, those that are due first."""
    waiting = is_one_of(_executions.status, WAITING)
    return (
        sa.select(
            _executions.id, _executions.trigger_id, _executions.status, _executions.next_attempt_at
        )
        .where(_executions.trigger_id == trigger_id)
        .where(waiting, prefer_partial_index(waiting, _executions.id))
        .where(_executions.next_attempt_at.is_not(None))
        .order_by(_executions.next_attempt_at, _executions.id)
        .limit(number)
    )


def _places(rows: Sequence[sa.Row[Any]], *, in_order: bool) -> dict[int, int]:
    """Return the number of executions before each; in order, a retry goes before all others."""

    def turn(row: sa.Row[Any]) -> tuple[bool, datetime, int]:
        return in_order and row.status != RETRYING, row.next_attempt_at, row.id

    return {row.id: place for place, row in enumerate(sorted(rows, key=turn))}
