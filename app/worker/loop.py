"""The worker: an execution becomes attempts, until there is nothing due or it is told to stop."""

import logging
import os
import random
import secrets
import socket
import threading
import time
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

from app import clock, log, revision
from app.db import Database
from app.errors import DatabaseUnavailable, LeaseLost, SchemaMoved
from app.settings import Settings
from app.worker import backoff, claim, classify, rescue, run, settle
from app.worker.attempt import Attempt, Lease, Outcome

IDLE_SECONDS = 0.05
"""How often an idle worker looks: each look is one probe of a small index."""
TROUBLE_SECONDS = 0.5
"""How long to wait before asking a database again that was away."""
QUIET_SECONDS = 60.0
RESCUED_AT_ONCE = 100

logger = logging.getLogger("hookonce.worker")
chance = random.SystemRandom().random


class Worker:
    """Runs due executions, up to `concurrency` at once, each under a lease that it renews."""

    def __init__(self, database: Database, settings: Settings, concurrency: int = 4) -> None:
        self.owner = f"{socket.gethostname()[:60]}:{os.getpid()}:{secrets.token_hex(4)}"
        self._database = database
        self._settings = settings
        self._concurrency = concurrency
        self._schema = revision.SchemaWatch(database)
        self._paused = False
        self._quiet_until = 0.0
        self._running: dict[Future[None], Lease] = {}

    def run(self, stop: threading.Event) -> bool:
        """Work until `stop` is set, then let running actions finish within the grace period.

        Returns whether all of them did; the leases of the others run out, and they are tried
        again.
        """
        log.event(
            logger,
            logging.INFO,
            "worker_started",
            owner=self.owner,
            concurrency=self._concurrency,
        )
        pool = ThreadPoolExecutor(self._concurrency, thread_name_prefix="action")
        renewed_at = time.monotonic()
        while not stop.is_set():
            if time.monotonic() - renewed_at > self._settings.hookonce_lease_seconds / 3:
                self._renew()
                renewed_at = time.monotonic()
            started = self._start_due(pool)
            if not started:
                stop.wait(IDLE_SECONDS)
        return self._finish(pool)

    def run_once(self) -> int:
        """Work off all that is due now; the number of attempts made."""
        count = 0
        while attempts := self._due(self._concurrency):
            with ThreadPoolExecutor(self._concurrency) as pool:
                self._running = {pool.submit(self._work, each): each.lease for each in attempts}
                while wait(self._running, self._settings.hookonce_lease_seconds / 3).not_done:
                    self._renew()
            count += len(attempts)
        return count

    def _start_due(self, pool: ThreadPoolExecutor) -> int:
        """Start what is due as far as there is room; how many were started."""
        self._running = {each: lease for each, lease in self._running.items() if not each.done()}
        room = self._concurrency - len(self._running)
        if room == 0:
            wait(self._running, IDLE_SECONDS, FIRST_COMPLETED)
            return 1
        attempts = self._due(room)
        for attempt in attempts:
            self._running[pool.submit(self._work, attempt)] = attempt.lease
        return len(attempts)

    def _due(self, limit: int) -> list[Attempt]:
        """What is ours to run now; nothing while the database is away or being migrated."""
        try:
            if self._behind():
                return []
            self._settle_lost()
            with self._database.reading() as connection:
                if connection.execute(claim.due_query(1)).first() is None:
                    return []
            with self._database.writing() as connection:
                return claim.due(connection, self.owner, limit, self._settings)
        except (DatabaseUnavailable, SchemaMoved) as error:
            self._wait_out(error)
        except Exception as error:
            logger.exception("asking for work failed in a way that nobody foresaw")
            self._wait_out(error)
        return []

    def _work(self, attempt: Attempt) -> None:
        """Run, classify, settle: one attempt from its lease to its end."""
        try:
            began = time.monotonic()
            result = run.action(attempt.work)
            outcome = classify.outcome(result, time.monotonic() - began, clock.now())
            self._settle(attempt.lease, outcome)
        except Exception:
            logger.exception("an attempt failed in a way that nobody foresaw; its lease runs out")

    def _settle(self, lease: Lease, outcome: Outcome) -> None:
        """Write down how it ended, as soon as the database takes it, or give up with the lease."""
        give_up_at = time.monotonic() + self._settings.hookonce_lease_seconds
        while True:
            try:
                self._require_schema()
                with self._database.writing() as connection:
                    status = settle.record(connection, lease, outcome, backoff.DEFAULT, chance())
                _log_attempt(lease, outcome, status)
                return
            except LeaseLost as error:
                log.event(logger, logging.WARNING, "lease_lost", detail=error)
                return
            except (DatabaseUnavailable, SchemaMoved) as error:
                if time.monotonic() > give_up_at:
                    log.event(logger, logging.ERROR, "settle_given_up", detail=error)
                    return
                self._wait_out(error)

    def _settle_lost(self) -> None:
        with self._database.reading() as connection:
            if connection.execute(rescue.expired_query(1)).first() is None:
                return
        with self._database.writing() as connection:
            for lease in rescue.expired(connection, RESCUED_AT_ONCE):
                outcome = classify.LEASE_LOST
                status = settle.record(connection, lease, outcome, backoff.DEFAULT, chance())
                _log_attempt(lease, outcome, status)

    def _renew(self) -> None:
        held = [lease.execution_id for each, lease in self._running.items() if not each.done()]
        if not held:
            return
        try:
            with self._database.writing() as connection:
                rescue.renew(connection, self.owner, held, self._settings.hookonce_lease_seconds)
        except (DatabaseUnavailable, SchemaMoved) as error:
            log.event(logger, logging.WARNING, "lease_not_renewed", detail=error)

    def _finish(self, pool: ThreadPoolExecutor) -> bool:
        pool.shutdown(wait=False)
        deadline = time.monotonic() + self._settings.hookonce_shutdown_seconds
        while not all(each.done() for each in self._running):
            if time.monotonic() > deadline:
                return False
            wait(self._running, min(1.0, self._settings.hookonce_lease_seconds / 3))
            self._renew()
        return True

    def _behind(self) -> bool:
        """Whether the schema lacks what we need: a migration is under way, or was taken back."""
        current = self._schema.current().revision
        behind = revision.behind(current)
        if behind and not self._paused:
            detail = revision.explanation(current)
            log.event(logger, logging.WARNING, "worker_paused", detail=detail)
        if self._paused and not behind:
            log.event(logger, logging.INFO, "worker_resumed", revision=current)
        self._paused = behind
        return behind

    def _require_schema(self) -> None:
        """A lease that a migration has not brought back yet is not lost: wait for it."""
        current = self._schema.current().revision
        if revision.behind(current):
            raise SchemaMoved(revision.explanation(current))

    def _wait_out(self, error: Exception) -> None:
        """Say what is wrong when it begins, and once a minute while it lasts."""
        self._schema.forget()
        if time.monotonic() > self._quiet_until:
            log.event(logger, logging.WARNING, "worker_waits", detail=error)
            self._quiet_until = time.monotonic() + QUIET_SECONDS
        time.sleep(TROUBLE_SECONDS)


def _log_attempt(lease: Lease, outcome: Outcome, status: str) -> None:
    log.event(
        logger,
        logging.INFO,
        "attempt",
        execution_id=lease.execution_id,
        number=lease.number,
        outcome=outcome.outcome,
        status=status,
        error_category=outcome.category,
        seconds=None if outcome.duration_seconds is None else round(outcome.duration_seconds, 3),
        error=outcome.error,
    )
