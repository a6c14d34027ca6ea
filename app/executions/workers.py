"""Read the workers that are alive: each writes a row every few seconds, see `app.worker.heartbeat`.

A worker without a recent row has died, hangs, or cannot reach the database.
"""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from app import clock
from app.db import utc_now
from app.db.models import workers

ALIVE_SECONDS = 20.0
"""Seconds after its last heartbeat that a worker counts as alive: four heartbeats."""
NO_WORKER = "no worker is alive: events are admitted and wait; start `hookonce worker`"
_columns = workers.c


@dataclass(frozen=True, slots=True)
class LiveWorkers:
    """The workers that are alive and claim executions, at the time of the query."""

    count: int = 0
    slots: int = 0
    busy: int = 0
    last_seen_at: datetime | None = None
    """Newest heartbeat of any worker, also of one that is no longer alive."""

    @property
    def sentence(self) -> str:
        """Return one sentence with the numbers, or with the command that starts a worker."""
        if self.count:
            workers_text = "1 worker" if self.count == 1 else f"{self.count} workers"
            slots_text = "1 slot" if self.slots == 1 else f"{self.slots} slots"
            return f"{workers_text}, {slots_text}, {self.busy} busy"
        if self.last_seen_at is None:
            return NO_WORKER
        return f"{NO_WORKER} (the last heartbeat was at {clock.text(self.last_seen_at)})"


def live(connection: Connection) -> LiveWorkers:
    """Count the workers that are alive, with their slots."""
    counted = sa.and_(_is_alive(), ~_columns.stopping)

    def total(number: sa.ColumnElement[int]) -> sa.ColumnElement[int]:
        return sa.func.coalesce(sa.func.sum(sa.case((counted, number), else_=0)), 0)

    query = sa.select(
        total(sa.literal_column("1")),
        total(_columns.slots),
        total(_columns.busy),
        sa.func.max(_columns.last_seen_at),
    )
    count, slots, busy, last_seen_at = connection.execute(query).one()
    return LiveWorkers(int(count), int(slots), int(busy), last_seen_at)


def listed(connection: Connection) -> list[sa.Row[tuple[object, ...]]]:
    """Return a row for each worker, alive or not, with `alive`; the newest heartbeat first."""
    alive = sa.case((_is_alive(), sa.true()), else_=sa.false()).label("alive")
    query = sa.select(workers, alive).order_by(_columns.last_seen_at.desc(), _columns.owner)
    return list(connection.execute(query))


def _is_alive() -> sa.ColumnElement[bool]:
    """Return whether the last heartbeat is recent, and not of a clock that was set back since."""
    return _columns.last_seen_at.between(utc_now(-ALIVE_SECONDS), utc_now(ALIVE_SECONDS))
