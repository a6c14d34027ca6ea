"""Replay dead letters one by one at a limited pace; stop when the first replays fail again."""

import logging
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa

from app import lifecycle, log
from app.audit import UNNAMED, Actor
from app.db import Database
from app.db.models import trigger_executions
from app.errors import HookonceError, NotFound, NotReplayable, RateLimited
from app.executions.replay import replay

POLL_SECONDS = 0.1
"""Seconds between two checks of a replay's status."""
_REFUSED: Final[dict[type[HookonceError], str]] = {
    NotReplayable: "not_replayable",
    RateLimited: "rate_limited",
    NotFound: "not_found",
}
OUTCOMES: Final = ("replayed", *_REFUSED.values())
"""Results of replaying one dead letter."""
FAILED_AGAIN = (*lifecycle.DEAD, lifecycle.RETRYING, lifecycle.REPLAYED)
"""Statuses of a replay that failed at least once."""
NOT_ENDED = (lifecycle.PENDING, lifecycle.RUNNING)
"""Statuses of a replay of which no attempt has ended."""

logger = logging.getLogger("hookonce.replay")


class FailingAgain(HookonceError):
    """The first replays failed again, so the other dead letters were not replayed."""


@dataclass(frozen=True, slots=True)
class Pace:
    """The rate of a bulk replay, and how many failures stop it."""

    per_second: float = 10.0
    stop_after: int = 3
    """First replays that may fail again before the rest is not replayed; 0: no limit, no check."""
    wait_seconds: float = 30.0
    """Seconds in all to watch the first replays before the others follow."""


@dataclass(frozen=True, slots=True)
class BulkReplayResult:
    """The result of one replay: the new execution, or the error that refused it."""

    execution_id: int
    successor: int | None = None
    refusal: NotFound | NotReplayable | RateLimited | None = None

    @property
    def outcome(self) -> str:
        """One of OUTCOMES."""
        return "replayed" if self.refusal is None else _REFUSED[type(self.refusal)]


def replay_many(
    database: Database,
    execution_ids: Iterable[int],
    pace: Pace,
    stop: threading.Event,
    actor: Actor = UNNAMED,
) -> Iterator[BulkReplayResult]:
    """Replay each dead letter and yield its result; stop when `stop` is set.

    Raises FailingAgain once `pace.stop_after` of the first replays are dead letters again or wait
    for a retry. As soon as one completes, or `pace.wait_seconds` are over, the others are
    replayed unwatched.
    """
    first_replays = _FirstReplays(database, pace, stop)
    began = None
    for execution_id in execution_ids:
        first_replays.watch()
        if began is not None:
            stop.wait(max(0.0, began + 1 / pace.per_second - time.monotonic()))
        if stop.is_set():
            return
        began = time.monotonic()
        result = _replay_one(database, execution_id, actor)
        first_replays.latest = result.successor
        yield result


def _replay_one(database: Database, execution_id: int, actor: Actor) -> BulkReplayResult:
    try:
        return BulkReplayResult(execution_id, successor=replay(database, execution_id, actor))
    except (NotFound, NotReplayable, RateLimited) as refusal:
        return BulkReplayResult(execution_id, refusal=refusal)


def outcome_of(
    database: Database, execution_id: int, seconds: float
) -> tuple[str | None, str | None]:
    """Return (status, error) of a replay once an attempt has ended, or after these seconds."""
    until = time.monotonic() + seconds
    columns = trigger_executions.c
    query = sa.select(columns.status, columns.error).where(columns.id == execution_id)
    while True:
        with database.reading() as connection:
            row = connection.execute(query).one_or_none()
        if row is None or row.status not in NOT_ENDED or time.monotonic() >= until:
            return (None, None) if row is None else (row.status, row.error)
        time.sleep(POLL_SECONDS)


class _FirstReplays:
    """The first replays, watched until one completes and so shows that the fault is fixed."""

    def __init__(self, database: Database, pace: Pace, stop: threading.Event) -> None:
        self.latest: int | None = None
        """Id of the latest replay, if there is one."""
        self._database = database
        self._stop = stop
        self._failures_allowed = pace.stop_after
        self._failure_count = 0
        self._watching = pace.stop_after > 0
        self._seconds_left = pace.wait_seconds

    def watch(self) -> None:
        """Wait until the latest replay has ended or failed once, or the time is up."""
        if not self._watching or self.latest is None:
            return
        status, error = self._outcome(self.latest)
        if status in FAILED_AGAIN:
            self._failure_count += 1
            if self._failure_count >= self._failures_allowed:
                raise FailingAgain(_sentence(self._failure_count, error))
            return
        self._watching = False
        if status in lifecycle.UNFINISHED and not self._stop.is_set():
            log.event(logger, logging.WARNING, "replay_unfinished", execution_id=self.latest)

    def _outcome(self, execution_id: int) -> tuple[str | None, str | None]:
        """Return (status, error) once an attempt has ended or the time is up."""
        columns = trigger_executions.c
        query = sa.select(columns.status, columns.error).where(columns.id == execution_id)
        while True:
            with self._database.reading() as connection:
                row = connection.execute(query).one_or_none()
            if row is None:
                return None, None
            unfinished = row.status in NOT_ENDED
            if not unfinished or self._seconds_left <= 0 or self._stop.wait(POLL_SECONDS):
                return row.status, row.error
            self._seconds_left -= POLL_SECONDS


def _sentence(count: int, error: str | None) -> str:
    replays = "the first replay" if count == 1 else f"the first {count} replays"
    detail = f" ({' '.join(error.split())[:200]})" if error else ""
    return f"{replays} failed again{detail}; the other dead letters were not replayed"
