"""Read why executions of a trigger wait as a whole: a pause of it or of all, or an open breaker."""

from collections.abc import Collection
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from app import clock
from app.db import is_one_of, prefer_partial_index
from app.db.count_cache import EXACT_UP_TO
from app.db.models import (
    pauses,
    trigger_breakers,
    trigger_executions,
    trigger_pauses,
    triggers,
)
from app.executions.due import EVERYTHING
from app.lifecycle import WAITING

SHOWN_UP_TO = 1_000
"""Executions that are counted behind the block of a trigger in a list."""
_executions = trigger_executions.c


class Pause(NamedTuple):
    """A pause of a trigger or of all triggers."""

    since: datetime
    by: str
    reason: str | None = None
    """The person's words on why; None if none were given."""

    @property
    def sentence(self) -> str:
        """Return since when, by whom and for which reason: the end of a sentence."""
        reason = f": {self.reason}" if self.reason else ""
        return f"since {clock.text(self.since)}, by {self.by}{reason}"


class OpenBreaker(NamedTuple):
    """An open circuit breaker."""

    since: datetime
    failure_count: int
    next_probe_at: datetime


class Block(NamedTuple):
    """The reasons for which all executions of a trigger wait; None or False where there is none."""

    pause: Pause | None = None
    breaker: OpenBreaker | None = None
    failure_count: int = 0
    """Failures in a row, also while the breaker is closed."""
    resumed_at: datetime | None = None
    """Time since which the backlog of the trigger runs at a pace."""
    per_second: float | None = None
    """Executions a second of that pace."""
    waiting: int | None = None
    """Executions that wait behind the block, up to SHOWN_UP_TO; None: they were not counted."""

    @property
    def holds(self) -> bool:
        """Return True if executions wait because of this block."""
        return (self.pause, self.breaker, self.resumed_at) != (None, None, None)


NOTHING = Block()


def of_triggers(connection: Connection, trigger_ids: Collection[int]) -> dict[int, Block]:
    """Return the block of each of these triggers, by id."""
    wanted = sorted(set(trigger_ids))
    if not wanted:
        return {}
    query = (
        sa.select(
            triggers.c.id,
            *(trigger_pauses.c[name] for name in ("paused_at", "paused_by", "reason")),
            *(trigger_pauses.c[name] for name in ("resumed_at", "per_second")),
            *(trigger_breakers.c[name] for name in ("failure_count", "opened_at", "probe_at")),
        )
        .outerjoin(trigger_pauses, trigger_pauses.c.trigger_id == triggers.c.id)
        .outerjoin(trigger_breakers, trigger_breakers.c.trigger_id == triggers.c.id)
        .where(triggers.c.id.in_(wanted))
    )
    return {row.id: _block(row) for row in connection.execute(query)}


def counted(
    connection: Connection, trigger_ids: Collection[int], *, breakers: bool = True
) -> dict[int, Block]:
    """Return the block of each of these triggers, with the number that waits behind it."""
    found = dict.fromkeys(trigger_ids, NOTHING) | of_triggers(connection, trigger_ids)
    for trigger_id, block in found.items():
        known = block if breakers else block._replace(breaker=None)
        waiting = None
        if known.holds:
            waiting = waiting_count(connection, trigger_id, SHOWN_UP_TO)
        found[trigger_id] = known._replace(waiting=waiting)
    return found


def of_trigger(connection: Connection, trigger_id: int) -> Block:
    """Return the block of this trigger."""
    return of_triggers(connection, [trigger_id]).get(trigger_id, NOTHING)


def pause_of_all(connection: Connection) -> Pause | None:
    """Return the pause of all triggers; None if they are not paused."""
    query = sa.select(pauses).where(pauses.c.scope == EVERYTHING)
    row = connection.execute(query).first()
    return None if row is None else Pause(row.paused_at, row.paused_by, row.reason)


def paused_triggers(connection: Connection, at_most: int) -> list[tuple[str, Pause]]:
    """Return (slug, pause) of at most so many triggers with a pause of their own, by id."""
    columns = trigger_pauses.c
    query = (
        sa.select(triggers.c.slug, columns.paused_at, columns.paused_by, columns.reason)
        .join(triggers, triggers.c.id == columns.trigger_id)
        .where(columns.paused_at.is_not(None))
        .order_by(columns.trigger_id)
        .limit(at_most)
    )
    return [
        (row.slug, Pause(row.paused_at, row.paused_by or "", row.reason))
        for row in connection.execute(query)
    ]


def waiting_count(connection: Connection, trigger_id: int, up_to: int = EXACT_UP_TO + 1) -> int:
    """Count the trigger's executions that wait for a worker, up to this number."""
    query = sa.select(sa.func.count()).select_from(waiting_rows(trigger_id, up_to).subquery())
    return int(connection.execute(query).scalar_one())


def waiting_rows(trigger_id: int, up_to: int) -> sa.Select[Any]:
    """Select so many of the trigger's executions that wait for a worker."""
    waiting = is_one_of(_executions.status, WAITING)
    return (
        sa.select(sa.literal_column("1"))
        .where(_executions.trigger_id == trigger_id)
        .where(waiting, prefer_partial_index(waiting, _executions.id))
        .where(_executions.next_attempt_at.is_not(None))
        .limit(up_to)
    )


def waiting_count_of_all(connection: Connection) -> int:
    """Count the executions of all triggers that wait for a worker, up to EXACT_UP_TO + 1."""
    rows = sa.select(_executions.next_attempt_at).where(is_one_of(_executions.status, WAITING))
    waiting = rows.limit(EXACT_UP_TO + 1).subquery()
    query = sa.select(sa.func.count(waiting.c.next_attempt_at))
    return int(connection.execute(query).scalar_one())


def _block(row: sa.Row[Any]) -> Block:
    pause = None if row.paused_at is None else Pause(row.paused_at, row.paused_by or "", row.reason)
    failures = row.failure_count or 0
    opened_at = row.opened_at
    breaker = None if opened_at is None else OpenBreaker(opened_at, failures, row.probe_at)
    return Block(pause, breaker, failures, row.resumed_at, row.per_second)
