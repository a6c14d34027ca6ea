"""Statistics of the last days, each number counted from an index alone.

Ids ascend with the time of receipt, so a window of time is a window of ids: a binary search finds
its first id, and every index that ends in the id counts from there.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from app import lifecycle
from app.db import is_one_of
from app.db.count_cache import CountCache
from app.db.models import (
    delivery_counts,
    execution_attempts,
    trigger_breakers,
    trigger_executions,
    triggers,
)
from app.executions.listing import in_status
from app.executions.time_range import first_id_since
from app.lifecycle import DEAD, WAITING
from app.stats import latency, outcomes

_executions = trigger_executions.c
COMMAND_SOURCES = ("whatsapp", "evolution", "evolution_go")
COMMAND_PREFIXES = ("wpp", "whatsapp")


@dataclass(frozen=True, slots=True)
class Window:
    """The executions that were received since a point in time."""

    connection: Connection
    counter: CountCache
    since: datetime
    first_id: int
    width: int
    """Number of ids in the window: it has at most so many executions."""

    def count(self, name: str, column: sa.ColumnElement[int], *such: sa.ColumnElement[bool]) -> int:
        """Count the rows that meet the conditions; an index begins with `column`, the id."""
        return self._count(name, column, column, *such)

    def count_few(self, name: str, such: sa.ColumnElement[bool]) -> int:
        """Count as `count` does, for a condition with a small index of its own.

        `id + 0` keeps the database from reading all later rows by their ids instead.
        """
        return self._count(name, _executions.id, _executions.id + 0, such)

    def _count(
        self,
        name: str,
        column: sa.ColumnElement[int],
        compared: sa.ColumnElement[int],
        *such: sa.ColumnElement[bool],
    ) -> int:
        rows = sa.select(column).where(compared >= self.first_id, *such)
        # by the hour, so that windows that begin in the same hour share a remembered count
        key = (name, self.since.replace(minute=0, second=0, microsecond=0))
        return self.counter.count_all(self.connection, rows, key, read=self.width)


def window(connection: Connection, counter: CountCache, since: datetime) -> Window:
    """Return the window of the executions received since then."""
    first_id = first_id_since(connection, since)
    last_id = connection.execute(sa.select(sa.func.max(_executions.id))).scalar() or 0
    return Window(connection, counter, since, first_id, max(0, last_id + 1 - first_id))


def by_status(seen: Window) -> dict[str, int]:
    """Count the executions of the window by status.

    Each status but `completed` has an index of its own; `completed` is the rest of the total.
    """
    waiting = seen.count_few("waiting", is_one_of(_executions.status, WAITING))
    dead = seen.count("dead", _executions.id, is_one_of(_executions.status, DEAD))
    retrying = seen.count_few("retrying", in_status(lifecycle.RETRYING))
    failed = in_status(lifecycle.FAILED)
    permanent = seen.count("failed", _executions.id, failed) if dead else 0
    counts = {
        lifecycle.PENDING: waiting - retrying,
        lifecycle.RUNNING: seen.count_few("running", in_status(lifecycle.RUNNING)),
        lifecycle.RETRYING: retrying,
        lifecycle.FAILED: permanent,
        lifecycle.FAILED_RETRYABLE: dead - permanent,
        lifecycle.REPLAYED: _replayed(seen),
    }
    counts[lifecycle.COMPLETED] = total(seen) - sum(counts.values())
    # a large count may be some seconds old, and smaller than those subtracted from it
    return {name: max(0, counts[name]) for name in lifecycle.STATUSES}


def total(seen: Window) -> int:
    """Count the executions of the window."""
    return seen.count("total", _executions.id)


def _replayed(seen: Window) -> int:
    """Count the replayed executions by their successors, which have an index."""
    return seen.count("replayed", _executions.replay_of_id, _executions.replay_of_id.is_not(None))


def retries(seen: Window) -> int:
    """Count the attempts after the first of the window's executions."""
    columns = execution_attempts.c
    return seen.count("retries", columns.execution_id, columns.number > 1)


def commands(seen: Window) -> int:
    """Count the executions of the window that are chat messages, judged by their trigger."""
    columns = triggers.c
    named = [
        sa.func.lower(column).startswith(prefix)
        for column in (columns.slug, columns.name)
        for prefix in COMMAND_PREFIXES
    ]
    query = sa.select(columns.id).where(sa.or_(columns.source.in_(COMMAND_SOURCES), *named))
    return sum(
        seen.count(f"commands {trigger_id}", _executions.id, _executions.trigger_id == trigger_id)
        for trigger_id in seen.connection.execute(query).scalars()
    )


def duplicates(seen: Window) -> int:
    """Count the duplicates among the deliveries of the window's hours."""
    rows = deliveries_by_hour(seen)
    return sum(int(row.number) for row in rows if row.outcome in outcomes.REPEATED)


def deliveries_by_hour(seen: Window) -> list[sa.Row[Any]]:
    """Return (hour, outcome, number) of the deliveries to all triggers, oldest hour first."""
    columns = delivery_counts.c
    query = (
        sa.select(columns.hour, columns.outcome, *_SUMMED)
        .where(columns.hour >= _hour(seen.since), columns.outcome.in_(outcomes.ALL))
        .group_by(columns.hour, columns.outcome)
        .order_by(columns.hour, columns.outcome)
    )
    return _kept(seen, "deliveries", query)


_SUMMED = (
    sa.func.sum(delivery_counts.c.number).label("number"),
    sa.func.count().label("read"),
)


def _kept(seen: Window, name: str, query: sa.Select[Any]) -> list[sa.Row[Any]]:
    """Return the rows of a summing query; they may be some seconds old if it reads many rows.

    A month's hours of fifty triggers are a quarter of a million counts.
    """

    def ask() -> list[sa.Row[Any]]:
        return list(seen.connection.execute(query))

    def read(rows: list[sa.Row[Any]]) -> int:
        return sum(row.read for row in rows)

    return list(seen.counter.get_or_count((name, _hour(seen.since)), ask, read))


@dataclass(frozen=True, slots=True)
class AnswerTimes:
    """The seconds that one source's senders waited for an answer."""

    source: str
    number: int
    p50_seconds: float
    p99_seconds: float
    limit_seconds: float | None
    """Seconds within which the source wants its answer; None if it does not say."""


def answer_times(seen: Window, answer_limit: Callable[[str], float | None]) -> list[AnswerTimes]:
    """Return the answer times of each source with a delivery in the window's hours, by name."""
    columns = delivery_counts.c
    query = (
        sa.select(triggers.c.source, columns.outcome, *_SUMMED)
        .join(triggers, triggers.c.id == columns.trigger_id)
        .where(columns.hour >= _hour(seen.since), columns.outcome.in_(latency.CLASSES))
        .group_by(triggers.c.source, columns.outcome)
    )
    by_source: dict[str, dict[str, int]] = {}
    for row in _kept(seen, "answer times", query):
        by_source.setdefault(row.source, {})[row.outcome] = int(row.number)
    return [
        AnswerTimes(
            source,
            sum(numbers.values()),
            latency.quantile_seconds(numbers, 0.5) or 0.0,
            latency.quantile_seconds(numbers, 0.99) or 0.0,
            answer_limit(source),
        )
        for source, numbers in sorted(by_source.items())
    ]


def dead_by_reason(connection: Connection, counter: CountCache) -> dict[str, int]:
    """Count all dead letters by reason, of any age; `unknown` for those without a reason.

    Cancelled executions are left out, as in the list of dead letters: a person decided about them.
    """
    reason = _executions.error_reason
    dead = is_one_of(_executions.status, DEAD)
    query = sa.select(reason, sa.func.count()).where(dead).group_by(reason)

    def count() -> dict[str, int]:
        numbers = {name or "unknown": int(number) for name, number in connection.execute(query)}
        numbers.pop(lifecycle.CANCELLED, None)
        return numbers

    return dict(counter.get_or_count(dead_by_reason, count, lambda counted: sum(counted.values())))


def breakers(connection: Connection) -> list[sa.Row[Any]]:
    """Return the breakers of the triggers whose target failed lately, each with its `slug`."""
    of_trigger = triggers.c.id == trigger_breakers.c.trigger_id
    query = sa.select(triggers.c.slug, trigger_breakers).join(triggers, of_trigger)
    return list(connection.execute(query.order_by(trigger_breakers.c.trigger_id)))


def _hour(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0)
