"""The worker: claim due executions, run their actions, classify the results, settle them."""

import logging
import os
import random
import secrets
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import replace

from app import actions, clock, log
from app.actions import machine, reaper
from app.db import Database, schema
from app.errors import DatabaseUnavailable, MachineTrouble, NoDatabase, SchemaMoved
from app.executions import due
from app.settings import Settings
from app.stats.counters import Counters
from app.worker import claim, classify, fair_share, run
from app.worker.attempt import Attempt, FinishedAttempt
from app.worker.outage import OutageBackoff
from app.worker.pool import AttemptPool
from app.worker.settlement_queue import SettlementQueue
from app.worker.start_trouble import StartTrouble
from app.worker.wake import Wake

EXPIRED_CHECK_SECONDS = 1.0
"""Seconds between two checks for expired leases."""
ROUND_SECONDS = 0.004
"""Shortest round while actions run: attempts that end meanwhile are settled in one batch."""
BLOCKED_SECONDS = 30.0
"""Seconds that a trigger is skipped after one of its executions could not be claimed."""

logger = logging.getLogger("hookonce.worker")

Share = tuple[due.DueTrigger, int]
"""A trigger and the number of its executions to claim."""


class Worker:
    """Runs due executions, up to `concurrency` at once, each under a lease that it renews."""

    def __init__(
        self,
        database: Database,
        settings: Settings,
        concurrency: int = 4,
        chance: Callable[[], float] | None = None,
        counters: Counters | None = None,
        event_headers: claim.EventHeaders = claim.NO_HEADERS,
    ) -> None:
        self.owner = f"{socket.gethostname()[:60]}:{os.getpid()}:{secrets.token_hex(4)}"
        self._database = database
        self._settings = settings
        self.slots = concurrency
        self.round_at = time.monotonic()
        """Monotonic time at which the last round began; its heartbeat ends if the loop hangs."""
        self._grace_seconds = settings.hookonce_shutdown_seconds
        self._event_headers = event_headers
        self._pool = AttemptPool(concurrency, run_and_classify, not_started)
        self._wake = Wake()
        chance = chance or random.SystemRandom().random
        self._start_trouble = StartTrouble(concurrency, chance)
        self._settlement_queue = SettlementQueue(database, settings, self.owner, chance, counters)
        self._schema = schema.SchemaWatch(database)
        self._paused = False
        self._outage = OutageBackoff()
        self._renewal_seconds = settings.hookonce_lease_seconds / 3
        self._renew_at = 0.0
        self._check_expired_at = 0.0
        self._due_in_seconds: float | None = None
        self._blocked_until: dict[int, float] = {}
        """Monotonic time by trigger until which it is skipped, after a claim that failed."""

    def await_database(self, stop: threading.Event) -> None:
        """Return once the database has the schema that this code needs, or `stop` is set.

        Raises WrongRevision if the schema is another, NoDatabase if the SQLite file is missing.
        """
        while not stop.is_set():
            try:
                schema.require(self._database)
                return
            except NoDatabase:
                raise
            except DatabaseUnavailable as error:
                self._wait_out(error)

    def run(self, stop: threading.Event) -> bool:
        """Work until `stop` is set, then let running actions finish within the grace period.

        Returns True if all of them did. Those that did not are ended and handed back if they are
        of a built-in action; the others end with this process, and their leases expire.
        """
        log.event(
            logger,
            logging.INFO,
            "worker_started",
            owner=self.owner,
            concurrency=self.slots,
        )
        with self._wake.listening(self._database.notifier):
            while not stop.is_set():
                began = time.monotonic()
                if not self.work_once():
                    self._wake.sleep(stop, self._due_in_seconds)
                if self._busy:
                    stop.wait(began + ROUND_SECONDS - time.monotonic())
        return self._finish()

    def run_once(self, stop: threading.Event | None = None) -> int:
        """Work until nothing is due or `stop` is set; return the number of attempts."""
        count, stop = 0, stop or threading.Event()
        while not stop.is_set() and ((started := self.work_once()) or self._busy):
            count += started
            if not started:
                self._wake.sleep(stop, None)
        if stop.is_set():
            self._finish()
        return count

    def hurry(self) -> None:
        """End the grace period of running actions; safe in a signal handler."""
        self._grace_seconds = 0.0

    def work_once(self) -> int:
        """Settle finished attempts, claim and start due executions; return the number started."""
        self.round_at = time.monotonic()
        try:
            self._wake.begin()
            self._settle_finished()
            if self._schema_is_behind() or self._pool.full:
                return 0
            self._settle_expired()
            attempts = self._claim(self._find_due_triggers())
            for attempt in attempts:
                self._pool.submit(attempt, then=self._wake.call)
            return len(attempts)
        except Exception as error:
            self._wait_out(error)
        return 0

    @property
    def busy_count(self) -> int:
        """Return the number of slots in use."""
        return self._pool.busy_count

    @property
    def _busy(self) -> bool:
        return bool(self._pool.running()) or self._settlement_queue.pending

    def _settle_finished(self) -> None:
        self._settlement_queue.add(self._start_trouble.review(self._pool.drain()))
        if time.monotonic() >= self._renew_at:
            self._settlement_queue.renew(self._pool.running())
            self._renew_at = time.monotonic() + self._renewal_seconds
        if self._settlement_queue.pending:
            self._require_schema()
            self._settlement_queue.write()

    def _settle_expired(self) -> None:
        """Settle expired leases as lost; after an outage only once live workers could renew theirs.

        No worker could renew while the database was unavailable, so an expired lease does not prove
        that its worker died.
        """
        if self._outage.duration_seconds > self._renewal_seconds:
            self._check_expired_at = time.monotonic() + self._renewal_seconds
        if time.monotonic() >= self._check_expired_at:
            self._settlement_queue.settle_expired(self._pool.running())
            self._check_expired_at = time.monotonic() + EXPIRED_CHECK_SECONDS

    def _find_due_triggers(self) -> list[due.DueTrigger]:
        with self._database.reading() as connection:
            breakers = bool(self._settings.hookonce_breaker_failures)
            due_triggers = due.find_triggers(connection, breakers=breakers)
        self._outage.end()
        self._due_in_seconds = fair_share.next_in_seconds(due_triggers)
        return due_triggers

    def _claim(self, due_triggers: list[due.DueTrigger]) -> list[Attempt]:
        now = time.monotonic()
        open_ones = [
            each for each in due_triggers if self._blocked_until.get(each.trigger_id, now) <= now
        ]
        capacity = self._pool.capacity
        slots = fair_share.allocate(open_ones, capacity)
        limits = self._start_trouble.limits(capacity.held)
        counts = [
            (each, min(slots.get(each.trigger_id, 0), limits.get(each.trigger_id, capacity.slots)))
            for each in open_ones
        ]
        shares = [(each, count) for each, count in counts if count > 0]
        try:
            return self._claim_shares(shares) if shares else []
        except (DatabaseUnavailable, SchemaMoved):
            raise
        except Exception:  # one trigger's rows cannot be claimed: those of the others can
            return [attempt for share in shares for attempt in self._claim_alone(share)]

    def _claim_alone(self, share: Share) -> list[Attempt]:
        try:
            return self._claim_shares([share])
        except (DatabaseUnavailable, SchemaMoved):
            return []  # the next round fails in the same way, and waits
        except Exception:
            trigger_id = share[0].trigger_id
            logger.exception("due executions of trigger %d cannot be claimed", trigger_id)
            self._blocked_until[trigger_id] = time.monotonic() + BLOCKED_SECONDS
            return []

    def _claim_shares(self, shares: list[Share]) -> list[Attempt]:
        simple = len(shares) == 1 and claim.by_one_statement(shares[0][0])
        transaction = self._database.single_statement if simple else self._database.writing
        with transaction() as connection:
            return claim.due(
                connection, self.owner, shares, self._settings, event_headers=self._event_headers
            )

    def _finish(self) -> bool:
        self._pool.shutdown()
        never, began = threading.Event(), time.monotonic()
        while True:
            try:
                self._wake.begin()
                self._settle_finished()
            except (DatabaseUnavailable, SchemaMoved) as error:
                self._wait_out(error)
            if not self._busy:
                return True
            left = began + self._grace_seconds - time.monotonic()
            if left <= 0:
                self._hand_back()
                return False
            self._wake.sleep(never, left)

    def _hand_back(self) -> None:
        """Kill running programs, and make attempts of built-in actions due again at once.

        A script can be killed, and an HTTP call ends with this process. A plug-in may go on in a
        way that cannot be known, so its attempt keeps its lease until that expires.
        """
        unfinished = self._pool.running()
        reaper.end()
        try:
            self._require_schema()
            self._settlement_queue.hand_back(
                [each for each in unfinished if actions.built_in(each.work.action_type)]
            )
        except (DatabaseUnavailable, SchemaMoved) as error:
            log.event(logger, logging.WARNING, "hand_back_failed", detail=error)

    def _schema_is_behind(self) -> bool:
        """Return True while the schema lacks columns of this code: during or after a downgrade."""
        current = self._schema.current().revision
        behind = schema.behind(current)
        if behind and not self._paused:
            detail = schema.explanation(current)
            log.event(logger, logging.WARNING, "worker_paused", detail=detail)
        if self._paused and not behind:
            log.event(logger, logging.INFO, "worker_resumed", revision=current)
        self._paused = behind
        return behind

    def _require_schema(self) -> None:
        """Raise SchemaMoved if the schema is behind: a lease that is still stashed is not lost."""
        current = self._schema.current().revision
        if schema.behind(current):
            raise SchemaMoved(schema.explanation(current))

    def _wait_out(self, error: Exception) -> None:
        self._schema.forget()
        self._outage.wait_out(error)


def run_and_classify(attempt: Attempt) -> FinishedAttempt | None:
    """Run the attempt's action and return it with its outcome; None on a bug: its lease expires."""
    try:
        began = time.monotonic()
        result = attempt.precondition_error or run.action(attempt.work)
        return _finished(attempt, result, time.monotonic() - began)
    except Exception:
        logger.exception("an attempt failed unexpectedly; its lease will expire")
        return None


def not_started(attempt: Attempt, error: RuntimeError) -> FinishedAttempt:
    """Return the attempt for which no thread could be started."""
    return _finished(attempt, MachineTrouble(f"the action was not started: {error}"), 0.0)


def _finished(attempt: Attempt, result: str | BaseException, seconds: float) -> FinishedAttempt:
    work = attempt.work
    outcome = classify.outcome(result, seconds, clock.now(), work.hidden, work.exchange.http_status)
    outcome = replace(outcome, exchange=run.exchange_of(work))
    if outcome.not_started:
        outcome = replace(outcome, machine_is_short=machine.is_short())
    return FinishedAttempt(attempt.lease, attempt.terms, outcome, attempt.request_id)
