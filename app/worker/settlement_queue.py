"""Write down how attempts ended, as soon as the database takes it: many in one transaction."""

import logging
from collections.abc import Callable, Sequence

from app import lifecycle, log
from app.db import Database
from app.errors import DatabaseUnavailable, LeaseLost, SchemaMoved
from app.settings import Settings
from app.stats import outcomes
from app.stats.counters import Counters
from app.worker import circuit_breaker, classify, leases, settle
from app.worker.attempt import Attempt, FinishedAttempt

AT_ONCE = 100
"""How many are settled in one transaction: it holds SQLite's only write lock meanwhile."""

logger = logging.getLogger("hookonce.worker")


class SettlementQueue:
    """What one worker's attempts came to and is not committed yet."""

    def __init__(
        self,
        database: Database,
        settings: Settings,
        owner: str,
        chance: Callable[[], float],
        tally: Counters | None = None,
    ) -> None:
        self._database = database
        self._settings = settings
        self._owner = owner
        self._chance = chance
        self._tally = tally or Counters()
        self._waiting: list[FinishedAttempt] = []

    @property
    def pending(self) -> bool:
        """Whether anything is not written down yet."""
        return bool(self._waiting)

    def add(self, ended: Sequence[FinishedAttempt]) -> None:
        """Keep it until it is written down, however long the database is away.

        Who owns it by now is for the database to say: forgotten with its lease it would run again,
        though nobody else could have taken it meanwhile either.
        """
        self._waiting += ended

    def write(self) -> None:
        """All is written down, or another worker's by now.

        Raises DatabaseUnavailable or SchemaMoved with the rest kept.
        """
        while self._waiting:
            self._write(self._waiting[:AT_ONCE])

    def write_lost(self) -> None:
        """Attempts whose lease nobody renewed are settled as lost."""
        with self._database.reading() as connection:
            if connection.execute(leases.expired_query(1)).first() is None:
                return
        with self._database.writing() as connection:
            ended = leases.expired(connection, AT_ONCE, classify.LEASE_LOST)
            statuses = settle.record(connection, ended, self._chance) if ended else []
        self._tell(ended, statuses)

    def hand_back(self, attempts: Sequence[Attempt]) -> None:
        """The attempts, which were ended by us, are due again at once for any other worker."""
        given_back = classify.HANDED_BACK
        self.add(
            [
                FinishedAttempt(each.lease, each.terms, given_back, each.request_id)
                for each in attempts
            ]
        )
        self.write()

    def renew(self, attempts: Sequence[Attempt]) -> None:
        """Our leases last for another lease time; what is waiting to be settled keeps its own."""
        held = [each.lease.execution_id for each in attempts]
        held += [ended.lease.execution_id for ended in self._waiting]
        if not held:
            return
        try:
            with self._database.writing() as connection:
                leases.renew(connection, self._owner, held, self._settings.hookonce_lease_seconds)
        except (DatabaseUnavailable, SchemaMoved) as error:
            log.event(logger, logging.WARNING, "lease_not_renewed", detail=error)

    def _write(self, batch: list[FinishedAttempt]) -> None:
        try:
            self._commit(batch)
            del self._waiting[: len(batch)]
        except (DatabaseUnavailable, SchemaMoved):
            raise
        except Exception:  # one of them cannot be written: the others can
            for each in batch:
                self._write_alone(each)
                del self._waiting[0]

    def _write_alone(self, ended: FinishedAttempt) -> None:
        try:
            self._commit([ended])
        except (DatabaseUnavailable, SchemaMoved):
            raise
        except LeaseLost as error:
            log.event(logger, logging.WARNING, "lease_lost", detail=error)
        except Exception:
            logger.exception("settling failed in a way that nobody foresaw; the lease runs out")

    def _commit(self, batch: list[FinishedAttempt]) -> None:
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
        self._tell(batch, statuses)
        for change in changes:
            self._log_breaker(change)

    def _tell(self, batch: Sequence[FinishedAttempt], statuses: Sequence[str]) -> None:
        """The operator, by log and by numbers, how each attempt ended."""
        for each, status in zip(batch, statuses, strict=True):
            self._tally.count(each.terms.trigger_id, _counts_as(each, status))
            _log_attempt(each, status)

    def _log_breaker(self, change: circuit_breaker.BreakerChange) -> None:
        waits = {"probe_in_seconds": self._settings.hookonce_breaker_seconds}
        log.event(
            logger,
            logging.WARNING if change.opened else logging.INFO,
            "breaker_opened" if change.opened else "breaker_closed",
            trigger_id=change.trigger_id,
            failure_count=change.failure_count,
            **(waits if change.opened else {}),
        )


def _counts_as(ended: FinishedAttempt, status: str) -> str:
    if ended.outcome.outcome == lifecycle.LOST:
        return outcomes.ATTEMPT_LOST
    return _COUNTS_AS[status]


_COUNTS_AS = {
    lifecycle.COMPLETED: outcomes.ATTEMPT_SUCCEEDED,
    lifecycle.RETRYING: outcomes.ATTEMPT_RETRIED,
    lifecycle.FAILED: outcomes.ATTEMPT_FAILED,
    lifecycle.FAILED_RETRYABLE: outcomes.ATTEMPT_EXHAUSTED,
}


def _log_attempt(ended: FinishedAttempt, status: str) -> None:
    outcome = ended.outcome
    log.event(
        logger,
        logging.INFO,
        "attempt",
        execution_id=ended.lease.execution_id,
        trigger_id=ended.terms.trigger_id,
        number=ended.lease.number,
        outcome=outcome.outcome,
        status=status,
        error_category=outcome.category,
        error_reason=outcome.reason,
        seconds=None if outcome.duration_seconds is None else round(outcome.duration_seconds, 3),
        error=outcome.error,
        request_id=ended.request_id,
    )
