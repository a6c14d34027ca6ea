"""Replay one dead letter after the other, at a pace, and stop when the first ones fail again."""

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

LOOK_SECONDS = 0.1
"""Between two looks at how a replay is doing."""
_REFUSED: Final[dict[type[HookonceError], str]] = {
    NotReplayable: "not_replayable",
    RateLimited: "rate_limited",
    NotFound: "not_found",
}
OUTCOMES: Final = ("replayed", *_REFUSED.values())
"""What may become of a dead letter that somebody wants replayed."""
_FAILED_AGAIN = (*lifecycle.DEAD, lifecycle.RETRYING, lifecycle.REPLAYED)

logger = logging.getLogger("hookonce.replay")


class FailingAgain(HookonceError):
    """The first replays failed again, so the others were left as they were."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast, and how carefully."""

    per_second: float = 10.0
    stop_after: int = 3
    """Stop when so many first replays have failed again; 0: never look."""
    wait_seconds: float = 30.0
    """How long to look at the first ones, all in all, before the others follow."""


@dataclass(frozen=True, slots=True)
class BulkReplayResult:
    """What became of one: a successor, or the reason why there is none."""

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
    """What became of each, as it happens; once `stop` is set, nothing more follows.

    Raises FailingAgain once as many of the first replays as the pace says have failed again: those
    are dead letters, or wait to be tried again. A first one that completes, and the end of the
    time for looking, let the others follow unwatched.
    """
    first_ones = _FirstOnes(database, pace, stop)
    began = None
    for execution_id in execution_ids:
        first_ones.watch()
        if began is not None:
            stop.wait(max(0.0, began + 1 / pace.per_second - time.monotonic()))
        if stop.is_set():
            return
        began = time.monotonic()
        result = _one(database, execution_id, actor)
        first_ones.sent = result.successor
        yield result


def _one(database: Database, execution_id: int, actor: Actor) -> BulkReplayResult:
    try:
        return BulkReplayResult(execution_id, successor=replay(database, execution_id, actor))
    except (NotFound, NotReplayable, RateLimited) as refusal:
        return BulkReplayResult(execution_id, refusal=refusal)


class _FirstOnes:
    """The replays that are looked at until one of them shows that the fault is mended."""

    def __init__(self, database: Database, pace: Pace, stop: threading.Event) -> None:
        self.sent: int | None = None
        """The replay that was made last, if one was."""
        self._database = database
        self._stop = stop
        self._failures_allowed = pace.stop_after
        self._failure_count = 0
        self._watching = pace.stop_after > 0
        self._seconds_left = pace.wait_seconds

    def watch(self) -> None:
        """Wait until the last replay has ended, or failed once, or the time is up."""
        if not self._watching or self.sent is None:
            return
        status, error = self._outcome(self.sent)
        if status in _FAILED_AGAIN:
            self._failure_count += 1
            if self._failure_count >= self._failures_allowed:
                raise FailingAgain(_sentence(self._failure_count, error))
            return
        self._watching = False
        if status in lifecycle.UNFINISHED and not self._stop.is_set():
            log.event(logger, logging.WARNING, "replay_unfinished", execution_id=self.sent)

    def _outcome(self, execution_id: int) -> tuple[str | None, str | None]:
        """(status, error) once an attempt has ended, or when the time is up."""
        columns = trigger_executions.c
        query = sa.select(columns.status, columns.error).where(columns.id == execution_id)
        while True:
            with self._database.reading() as connection:
                row = connection.execute(query).one_or_none()
            if row is None:
                return None, None
            going_on = row.status in (lifecycle.PENDING, lifecycle.RUNNING)
            if not going_on or self._seconds_left <= 0 or self._stop.wait(LOOK_SECONDS):
                return row.status, row.error
            self._seconds_left -= LOOK_SECONDS


def _sentence(count: int, error: str | None) -> str:
    which = "the first replay" if count == 1 else f"the first {count} replays"
    said = f" ({' '.join(error.split())[:200]})" if error else ""
    return f"{which} failed again{said}; the others are left as they are"
