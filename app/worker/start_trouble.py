"""Decide what follows when this worker's machine could not start an action.

The attempt is taken back, and the trigger gets fewer slots for a while: an error of the machine
must not use up attempts, and a worker that fails at once must not claim without end.
"""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from cachetools import LRUCache

from app import log
from app.worker.attempt import FinishedAttempt

FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 30.0
"""Seconds without a new claim of the trigger; they double with each failed start after a pause."""
QUIET_SECONDS = 120.0
"""Seconds without a failed start after which the trouble counts as over."""
TAKEN_BACK_AT_MOST = 10
"""Failed starts of one execution, while the machine could start other programs, that count no
attempt: after them the event itself is taken for the cause, and each failure is an attempt."""
_EXECUTIONS = 10_000

logger = logging.getLogger("hookonce.worker")


@dataclass(slots=True)
class _Limit:
    """The slots of a trigger whose actions could not be started: one more after each success."""

    slots: int
    pause_seconds: float
    paused_until: float


class StartTrouble:
    """The failed starts of one worker; used by one thread only."""

    def __init__(self, slots: int, chance: Callable[[], float]) -> None:
        self._slots = slots
        self._chance = chance
        self._limits: dict[int, _Limit] = {}
        self._failure_counts: LRUCache[int, int] = LRUCache(_EXECUTIONS)
        """Failed starts by execution, while other programs could be started."""
        self._began_at: float | None = None
        self._failed_at = 0.0
        self._taken_back = 0

    def review(self, finished: Sequence[FinishedAttempt]) -> list[FinishedAttempt]:
        """Return the attempts; each that was not started gets its pause, or counts after all."""
        reviewed = [self._review(each) for each in finished]
        if self._began_at is not None:
            self._end_if_over()
        return reviewed

    def limits(self, running: Mapping[int, int]) -> dict[int, int]:
        """Return how many more executions may be claimed now, for each trigger that has a limit."""
        now = time.monotonic()
        return {
            trigger_id: 0 if now < limit.paused_until else limit.slots - running.get(trigger_id, 0)
            for trigger_id, limit in self._limits.items()
        }

    def _review(self, finished: FinishedAttempt) -> FinishedAttempt:
        if not finished.outcome.not_started:
            if self._limits:
                self._one_slot_more(finished.terms.trigger_id)
            return finished
        limit = self._one_slot_only(finished.terms.trigger_id)
        self._log_begin(finished)
        if self._is_to_blame(finished):
            return replace(finished, outcome=replace(finished.outcome, not_started=False))
        self._taken_back += 1
        pause = limit.pause_seconds * (1.0 + self._chance())
        outcome = replace(finished.outcome, summary=None, retry_after_seconds=pause)
        return replace(finished, outcome=outcome)

    def _is_to_blame(self, finished: FinishedAttempt) -> bool:
        """Return True if the machine fails at this event only: it must not be tried for ever."""
        if finished.outcome.machine_is_short:
            return False
        execution_id = finished.lease.execution_id
        count = self._failure_counts.get(execution_id, 0) + 1
        self._failure_counts[execution_id] = count
        return count > TAKEN_BACK_AT_MOST

    def _one_slot_only(self, trigger_id: int) -> _Limit:
        now = self._failed_at = time.monotonic()
        limit = self._limits.get(trigger_id)
        if limit is None:
            limit = self._limits[trigger_id] = _Limit(1, FIRST_PAUSE_SECONDS, 0.0)
        elif now >= limit.paused_until:  # else it was started together with the one before
            limit.pause_seconds = min(2 * limit.pause_seconds, LONGEST_PAUSE_SECONDS)
        limit.slots = 1
        limit.paused_until = max(limit.paused_until, now + limit.pause_seconds)
        return limit

    def _one_slot_more(self, trigger_id: int) -> None:
        limit = self._limits.get(trigger_id)
        if limit is None:
            return
        limit.slots += 1
        limit.pause_seconds = FIRST_PAUSE_SECONDS
        if limit.slots >= self._slots:
            del self._limits[trigger_id]

    def _log_begin(self, finished: FinishedAttempt) -> None:
        if self._began_at is None:
            self._began_at = time.monotonic()
            log.event(
                logger,
                logging.WARNING,
                "machine_trouble",
                execution_id=finished.lease.execution_id,
                trigger_id=finished.terms.trigger_id,
                detail=finished.outcome.error,
            )

    def _end_if_over(self) -> None:
        now = time.monotonic()
        if self._limits and now < self._failed_at + QUIET_SECONDS:
            return
        log.event(
            logger,
            logging.INFO,
            "machine_trouble_over",
            seconds=round(now - (self._began_at or now), 1),
            taken_back=self._taken_back,
        )
        self._limits.clear()
        self._began_at, self._taken_back = None, 0
