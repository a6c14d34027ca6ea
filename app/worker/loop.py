"""The worker: an execution becomes attempts, until there is nothing due or it is told to stop."""

import logging
import os
import random
import secrets
import socket
import threading
import time
from collections.abc import Callable

from app import actions, clock, log
from app.actions import reaper
from app.db import Database, schema
from app.errors import DatabaseUnavailable, NoDatabase, SchemaMoved
from app.executions import due
from app.settings import Settings
from app.stats.counters import Counters
from app.worker import claim, classify, fair_share, run
from app.worker.attempt import Attempt, FinishedAttempt
from app.worker.outage import OutageBackoff
from app.worker.pool import AttemptPool
from app.worker.settlement_queue import SettlementQueue
from app.worker.wake import Wake

RESCUE_SECONDS = 1.0
"""How often to look whether another worker fell silent."""
ROUND_SECONDS = 0.004
"""How far apart rounds are at least while actions run: what ends meanwhile is settled together."""
UNABLE_SECONDS = 30.0
"""How long a trigger is left alone of which something cannot be claimed."""

logger = logging.getLogger("hookonce.worker")


class Worker:
    """Runs due executions, up to `concurrency` at once, each under a lease that it renews."""

    def __init__(
        self,
        database: Database,
        settings: Settings,
        concurrency: int = 4,
        chance: Callable[[], float] | None = None,
        tally: Counters | None = None,
    ) -> None:
        self.owner = f"{socket.gethostname()[:60]}:{os.getpid()}:{secrets.token_hex(4)}"
        self._database = database
        self._settings = settings
        self._concurrency = concurrency
        self._pool = AttemptPool(concurrency, attempted)
        self._wake = Wake()
        self._settling = SettlementQueue(
            database, settings, self.owner, chance or random.SystemRandom().random, tally
        )
        self._schema = schema.SchemaWatch(database)
        self._paused = False
        self._patience = OutageBackoff()
        self._renewal_seconds = settings.hookonce_lease_seconds / 3
        self._renew_at = 0.0
        self._rescue_at = 0.0
        self._due_in_seconds: float | None = None
        self._unable: dict[int, float] = {}
        """By trigger: until when nothing of it is claimed, since something of it could not be."""

    def await_database(self, stop: threading.Event) -> None:
        """Return once the database stands where this code needs it, or `stop` is set.

        Raises WrongRevision if it stands elsewhere, NoDatabase if there is none to wait for.
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

        Returns whether all of them did. Those that did not are ended and handed back where that
        can be done, and are to be abandoned with this process; the leases of others run out.
        """
        log.event(
            logger,
            logging.INFO,
            "worker_started",
            owner=self.owner,
            concurrency=self._concurrency,
        )
        with self._wake.hearing(self._database.notifier):
            while not stop.is_set():
                began = time.monotonic()
                if not self.work_once():
                    self._wake.sleep(stop, self._due_in_seconds)
                if self._busy:
                    stop.wait(began + ROUND_SECONDS - time.monotonic())
        return self._finish()

    def run_once(self) -> int:
        """Work off all that is due now; the number of attempts made."""
        count, never = 0, threading.Event()
        while (started := self.work_once()) or self._busy:
            count += started
            if not started:
                self._wake.sleep(never, None)
        return count

    def work_once(self) -> int:
        """Settle what ended, take back what others lost, start what is due: how many started."""
        try:
            self._wake.begin()
            self._settle()
            if self._behind() or self._pool.full:
                return 0
            self._settle_lost()
            attempts = self._claim(self._look())
            for attempt in attempts:
                self._pool.submit(attempt, then=self._wake.call)
            return len(attempts)
        except (DatabaseUnavailable, SchemaMoved) as error:
            self._wait_out(error)
        except Exception as error:
            logger.exception("a round of work failed in a way that nobody foresaw")
            self._wait_out(error)
        return 0

    @property
    def _busy(self) -> bool:
        return bool(self._pool.at_work()) or self._settling.pending

    def _settle(self) -> None:
        self._settling.add(self._pool.drain())
        if time.monotonic() >= self._renew_at:
            self._settling.renew(self._pool.at_work())
            self._renew_at = time.monotonic() + self._renewal_seconds
        if self._settling.pending:
            self._require_schema()
            self._settling.write()

    def _settle_lost(self) -> None:
        """Nobody could renew while the database was away: who lives does so before any is taken."""
        if self._patience.tried_seconds > self._renewal_seconds:
            self._rescue_at = time.monotonic() + self._renewal_seconds
        if time.monotonic() >= self._rescue_at:
            self._settling.write_lost()
            self._rescue_at = time.monotonic() + RESCUE_SECONDS

    def _look(self) -> list[due.DueTrigger]:
        with self._database.reading() as connection:
            heeded = bool(self._settings.hookonce_breaker_failures)
            turns = due.turns(connection, breakers=heeded)
        self._patience.relieved()
        self._due_in_seconds = fair_share.next_in_seconds(turns)
        return turns

    def _claim(self, turns: list[due.DueTrigger]) -> list[Attempt]:
        now = time.monotonic()
        able = [turn for turn in turns if self._unable.get(turn.trigger_id, now) <= now]
        shares = fair_share.out(able, self._pool.capacity)
        chosen = [(turn, shares[turn.trigger_id]) for turn in able if turn.trigger_id in shares]
        try:
            return self._claimed(chosen) if chosen else []
        except (DatabaseUnavailable, SchemaMoved):
            raise
        except Exception:  # what is due of one trigger cannot be claimed: that of the others can
            return [attempt for each in chosen for attempt in self._claimed_alone(each)]

    def _claimed_alone(self, one: tuple[due.DueTrigger, int]) -> list[Attempt]:
        try:
            return self._claimed([one])
        except (DatabaseUnavailable, SchemaMoved):
            return []  # the next round meets it too, and waits
        except Exception:
            trigger_id = one[0].trigger_id
            logger.exception("what is due of trigger %d cannot be claimed", trigger_id)
            self._unable[trigger_id] = time.monotonic() + UNABLE_SECONDS
            return []

    def _claimed(self, chosen: list[tuple[due.DueTrigger, int]]) -> list[Attempt]:
        simple = len(chosen) == 1 and claim.by_one_statement(chosen[0][0])
        with (
            self._database.single_statement if simple else self._database.writing
        )() as connection:
            return claim.due(connection, self.owner, chosen, self._settings)

    def _finish(self) -> bool:
        self._pool.shutdown()
        never, deadline = threading.Event(), time.monotonic()
        deadline += self._settings.hookonce_shutdown_seconds
        while True:
            try:
                self._wake.begin()
                self._settle()
            except (DatabaseUnavailable, SchemaMoved) as error:
                self._wait_out(error)
            if not self._busy:
                return True
            if time.monotonic() >= deadline:
                self._hand_back()
                return False
            self._wake.sleep(never, deadline - time.monotonic())

    def _hand_back(self) -> None:
        """A program can be killed, and a call ends with us: but nothing of a plug-in is known."""
        left = self._pool.at_work()
        reaper.end()
        try:
            self._require_schema()
            self._settling.hand_back(
                [each for each in left if actions.built_in(each.work.action_type)]
            )
        except (DatabaseUnavailable, SchemaMoved) as error:
            log.event(logger, logging.WARNING, "not_handed_back", detail=error)

    def _behind(self) -> bool:
        """Whether the schema lacks what we need: a migration is under way, or was taken back."""
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
        """A lease that a migration has not brought back yet is not lost: wait for it."""
        current = self._schema.current().revision
        if schema.behind(current):
            raise SchemaMoved(schema.explanation(current))

    def _wait_out(self, error: Exception) -> None:
        self._schema.forget()
        self._patience.wait_out(error)


def attempted(attempt: Attempt) -> FinishedAttempt | None:
    """The attempt with its outcome; None if that cannot even be told: then its lease runs out."""
    try:
        began = time.monotonic()
        result = attempt.precondition_error or run.action(attempt.work)
        outcome = classify.outcome(result, time.monotonic() - began, clock.now())
        return FinishedAttempt(attempt.lease, attempt.terms, outcome, attempt.request_id)
    except Exception:
        logger.exception("an attempt failed in a way that nobody foresaw; its lease runs out")
        return None
