"""Settle finished attempts in batches, and keep them while the database is unavailable."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import islice, takewhile

from app import lifecycle, log
from app.db import Database
from app.errors import DatabaseUnavailable, LeaseLost, SchemaMoved, is_machine_trouble
from app.settings import Settings
from app.stats import outcomes
from app.stats.counters import Counters
from app.worker import absence, circuit_breaker, classify, leases, run, settle
from app.worker.attempt import Attempt, FinishedAttempt

BATCH_SIZE = 100
"""Attempts settled in one transaction: it holds SQLite's only write lock meanwhile."""

logger = logging.getLogger("hookonce.worker")


class SettlementQueue:
    """The finished attempts of one worker that are not committed yet."""

    def __init__(
        self,
        database: Database,
        settings: Settings,
        owner: str,
        chance: Callable[[], float],
        counters: Counters | None = None,
    ) -> None:
        self._database = database
        self._settings = settings
        self._owner = owner
        self._chance = chance
        self._counters = counters or Counters()
        self._queue: list[FinishedAttempt] = []

    @property
    def pending(self) -> bool:
        """Return True if a finished attempt is not committed yet."""
        return bool(self._queue)

    def add(self, finished: Sequence[FinishedAttempt]) -> None:
        """Keep the attempts until they are committed, however long the database is unavailable.

        The database decides if a lease was lost. To drop an attempt because its lease should have
        expired would run it again, though no other worker could claim it during the outage either.
        """
        self._queue += finished

    def write(self) -> None:
        """Settle every attempt in the queue; those whose lease was lost are only logged.

        Raises DatabaseUnavailable or SchemaMoved, and keeps the rest.
        """
        while self._queue:
            self._write(self._next_batch())

    def settle_expired(self, running: Sequence[Attempt]) -> None:
        """Settle attempts of any worker whose lease expired as lost.

        Those that this worker runs are renewed first: they are not lost, the clock was set forward
        or the machine was suspended.
        """
        with self._database.reading() as connection:
            if connection.execute(leases.expired_query(1)).first() is None:
                return
        self.renew(running)
        with self._database.writing() as connection:
            lost = leases.expired(connection, BATCH_SIZE, classify.LEASE_LOST)
            statuses = settle.record(connection, lost, self._chance) if lost else []
        self._report(lost, statuses)

    def hand_back(self, attempts: Sequence[Attempt]) -> None:
        """Make the attempts, which this worker ended, due again at once for any other worker."""
        self.add([_handed_back(each) for each in attempts])
        self.write()

    def renew(self, attempts: Sequence[Attempt]) -> None:
        """Renew the leases of these attempts and of all that are not settled yet."""
        held = {each.lease.execution_id: each.terms.trigger_id for each in attempts}
        held |= {each.lease.execution_id: each.terms.trigger_id for each in self._queue}
        if not held:
            return
        try:
            with self._database.writing() as connection:
                leases.renew(connection, self._owner, held, self._settings.hookonce_lease_seconds)
        except (DatabaseUnavailable, SchemaMoved) as error:
            log.event(logger, logging.WARNING, "lease_not_renewed", detail=error)

    def _next_batch(self) -> list[FinishedAttempt]:
        """Return the first attempts of the queue that are all settled, or all taken back."""
        kind = self._queue[0].outcome.not_started
        batch = takewhile(lambda each: each.outcome.not_started == kind, self._queue)
        return list(islice(batch, BATCH_SIZE))

    def _write(self, batch: list[FinishedAttempt]) -> None:
        try:
            self._commit(batch)
            del self._queue[: len(batch)]
        except (DatabaseUnavailable, SchemaMoved):
            raise
        except Exception:  # one attempt that cannot be settled must not keep the others
            for each in batch:
                self._write_alone(each)
                del self._queue[0]

    def _write_alone(self, finished: FinishedAttempt) -> None:
        try:
            self._commit([finished])
        except (DatabaseUnavailable, SchemaMoved):
            raise
        except LeaseLost as error:
            log.event(logger, logging.WARNING, "lease_lost", detail=error)
        except Exception as error:
            if is_machine_trouble(error):
                raise DatabaseUnavailable(f"this machine could not settle: {error}") from error
            logger.exception("settling failed unexpectedly; the lease will expire")

    def _commit(self, batch: list[FinishedAttempt]) -> None:
        if batch[0].outcome.not_started:
            with self._database.writing() as connection:
                settle.take_back(connection, batch)
            self._report(batch, [lifecycle.RETRYING] * len(batch))
            return
        if any(each.outcome.absent for each in batch):
            with self._database.reading() as connection:
                batch = absence.retried(connection, batch)
        if self._database.combines_statements and circuit_breaker.all_answered(batch):
            answered = circuit_breaker.answered(batch, self._settings)
            with self._database.single_statement() as connection:
                statuses, changes = settle.single_statement(
                    connection, batch, self._chance, answered
                )
        else:
            with self._database.writing() as connection:
                statuses = settle.record(connection, batch, self._chance)
                changes = circuit_breaker.note(connection, batch, self._settings)
        self._report(batch, statuses)
        for change in changes:
            self._log_breaker(change)

    def _report(self, batch: Sequence[FinishedAttempt], statuses: Sequence[str]) -> None:
        """Log and count the outcome of each attempt."""
        for each, status in zip(batch, statuses, strict=True):
            self._counters.count(each.terms.trigger_id, _counter_name(each, status))
            _log_attempt(each, status)

    def _log_breaker(self, change: circuit_breaker.BreakerChange) -> None:
        probe = {"probe_in_seconds": self._settings.hookonce_breaker_seconds}
        log.event(
            logger,
            logging.WARNING if change.opened else logging.INFO,
            "breaker_opened" if change.opened else "breaker_closed",
            trigger_id=change.trigger_id,
            failure_count=change.failure_count,
            **(probe if change.opened else {}),
        )


def _handed_back(attempt: Attempt) -> FinishedAttempt:
    outcome = replace(classify.HANDED_BACK, exchange=run.exchange_of(attempt.work))
    return FinishedAttempt(attempt.lease, attempt.terms, outcome, attempt.request_id)


def _counter_name(finished: FinishedAttempt, status: str) -> str:
    if finished.outcome.outcome == lifecycle.LOST:
        return outcomes.ATTEMPT_LOST
    if finished.outcome.not_started:
        return outcomes.ATTEMPT_NOT_STARTED
    return _COUNTER_NAMES[status]


_COUNTER_NAMES = {
    lifecycle.COMPLETED: outcomes.ATTEMPT_SUCCEEDED,
    lifecycle.RETRYING: outcomes.ATTEMPT_RETRIED,
    lifecycle.FAILED: outcomes.ATTEMPT_FAILED,
    lifecycle.FAILED_RETRYABLE: outcomes.ATTEMPT_EXHAUSTED,
}


def _log_attempt(finished: FinishedAttempt, status: str) -> None:
    outcome = finished.outcome
    log.event(
        logger,
        logging.DEBUG if outcome.not_started else logging.INFO,
        "attempt",
        execution_id=finished.lease.execution_id,
        trigger_id=finished.terms.trigger_id,
        number=finished.lease.number,
        outcome=outcome.outcome,
        status=status,
        error_category=outcome.category,
        error_reason=outcome.reason,
        seconds=None if outcome.duration_seconds is None else round(outcome.duration_seconds, 3),
        error=outcome.error,
        request_id=finished.request_id,
    )
