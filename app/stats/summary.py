"""How the service is doing: numbers of the last days, each counted from an index alone.

Ids rise with the time of receipt, so a window of time is a window of ids: its first is found by
halving, and every index that ends in the id counts from there.
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
    """The executions received since a moment."""

    connection: Connection
    counter: CountCache
    since: datetime
    first_id: int
    width: int
    """How many executions it has at most: so many ids."""

    def count(self, name: str, column: sa.ColumnElement[int], *such: sa.ColumnElement[bool]) -> int:
        """How many there are such that; an index begins with the id, `column`."""
        return self._count(name, column, column, *such)

    def count_few(self, name: str, such: sa.ColumnElement[bool]) -> int:
        """As `count`, where the condition has an index of its own that holds little.

        The sum keeps a database from reading all later rows by their ids instead.
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
        # by the hour, so that windows of nearly the same beginning share what is remembered
        key = (name, self.since.replace(minute=0, second=0, microsecond=0))
        return self.counter.count_all(self.connection, rows, key, read=self.width)


def window(connection: Connection, counter: CountCache, since: datetime) -> Window:
    """The executions received since then."""
    first_id = first_id_since(connection, since)
    last_id = connection.execute(sa.select(sa.func.max(_executions.id))).scalar() or 0
    return Window(connection, counter, since, first_id, max(0, last_id + 1 - first_id))


def by_status(seen: Window) -> dict[str, int]:
    """How many executions of the window are in each status.

    Each status but `completed` has an index of its own; that one is what is left of all.
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
    # a large number may be seconds older than another that is taken from it
    return {name: max(0, counts[name]) for name in lifecycle.STATUSES}


def total(seen: Window) -> int:
    """How many executions the window has."""
    return seen.count("total", _executions.id)


def _replayed(seen: Window) -> int:
    """Whatever was replayed has a successor, and those have an index."""
    return seen.count("replayed", _executions.replay_of_id, _executions.replay_of_id.is_not(None))


def retries(seen: Window) -> int:
    """How many attempts at executions of the window were not the first."""
    columns = execution_attempts.c
    return seen.count("retries", columns.execution_id, columns.number > 1)


def commands(seen: Window) -> int:
    """How many executions of the window are messages of people, by the trigger they came to."""
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
    """How many deliveries of the window's hours came again and were stored only once."""
    rows = deliveries_by_hour(seen)
    return sum(int(row.number) for row in rows if row.outcome in outcomes.REPEATED)


def deliveries_by_hour(seen: Window) -> list[sa.Row[Any]]:
    """(hour, outcome, number) of what became of deliveries to all triggers, oldest first."""
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
    """The rows of a query that sums; where many are read for it, as of a moment ago.

    A month's hours of fifty triggers are a quarter of a million numbers.
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
    """How many dead letters there are for each reason, of whatever age; `unknown` for none."""
    reason = _executions.error_reason
    dead = is_one_of(_executions.status, DEAD)
    query = sa.select(reason, sa.func.count()).where(dead).group_by(reason)

    def count() -> dict[str, int]:
        return {name or "unknown": int(number) for name, number in connection.execute(query)}

    return dict(counter.get_or_count(dead_by_reason, count, lambda counted: sum(counted.values())))


def breakers(connection: Connection) -> list[sa.Row[Any]]:
    """Return the breakers of the triggers whose target failed lately, each with its `slug`."""
    query = (
        sa.select(triggers.c.slug, trigger_breakers)
        .join(triggers, triggers.c.id == trigger_breakers.c.trigger_id)
        .order_by(trigger_breakers.c.trigger_id)
    )
    return list(connection.execute(query))


def _hour(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0)
